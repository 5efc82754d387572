"""When the registry did not cancel: the buyer chooses between the money and other units, or stops waiting."""

from __future__ import annotations

from flask import Response, abort, make_response, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from app.checkout import consent, service
from app.checkout.errors import NotLate, RemedyDecided
from app.checkout.forms import MONEY, RemedyForm, StopWaitingForm
from app.checkout.messages import describe
from app.checkout.models import Order
from app.checkout.order_queries import find_order
from app.checkout.ports import current_terms
from app.checkout.remedies import RemedyView, can_be_taken_back, find_remedy
from app.checkout.states import RemedyState
from app.checkout.views import blueprint
from app.current import now, settings
from app.kernel.errors import Refusal
from app.payments.disputes import stand_against_order
from app.registry.ports import current_registries
from app.web import filters
from app.web.errors import UnknownOrder
from app.web.limits import limit_checkout
from app.web.security import form_checks_token


@blueprint.route("/orders/<token>/instead/<int:position>", methods=["GET", "POST"])
@form_checks_token
@limit_checkout
def remedy(token: str, position: int) -> BaseResponse:
    """Choose between the money and other units for one line that was not cancelled."""
    order = _order(token)
    found = find_remedy(order.id, position, now())
    if found is None:
        abort(404)
    # While a bank has the money, or is asked for it, there is nothing to choose between: the order says so.
    if found.state is not RemedyState.OFFERED or stand_against_order(order.id):
        return redirect(url_for("checkout.order", token=token), 303)
    form = RemedyForm(choices=_choices(found))
    if form.validate_on_submit():
        return _choose(order, found, form)
    return _page(order, found, form, status=422 if form.is_submitted() else 200)


def _choose(order: Order, found: RemedyView, form: RemedyForm) -> BaseResponse:
    terms = current_terms().terms_version(now().date())
    chosen = form.chosen_units()
    if chosen is not None and form.terms.data != terms:
        changed = _("New terms of sale have come into force meanwhile. Read them before you order.")
        return _page(order, found, form, notice=changed, status=409)
    to = order.token
    try:
        if chosen is None:
            service.take_money(found.id, settings(), now())
        else:
            second = service.take_units(
                found.id,
                *chosen,
                consent_version=consent.VERSION,
                consent_text=consent.text(terms),
                terms_version=terms,
                registries=current_registries(),
                settings=settings(),
                now=now(),
            )
            to = service.token_of(second)
    except RemedyDecided:
        # Another press, or the time, was faster: the order says what became of it.
        pass
    except Refusal as refusal:
        fresh = find_remedy(order.id, found.position, now()) or found
        return _page(order, fresh, RemedyForm(choices=_choices(fresh)), notice=describe(refusal), status=409)
    return redirect(url_for("checkout.order", token=to), 303)


@blueprint.route("/orders/<token>/stop-waiting", methods=["GET", "POST"])
@form_checks_token
@limit_checkout
def stop_waiting(token: str) -> BaseResponse:
    """Ask for units back that the registry has not cancelled within the promised time."""
    order = _order(token)
    form = StopWaitingForm()
    if form.validate_on_submit():
        try:
            service.take_back(order.id, current_registries(), now())
        except NotLate as refusal:
            return _waiting_page(order, notice=describe(refusal), status=409)
        return redirect(url_for("checkout.order", token=token), 303)
    return _waiting_page(order)


def _waiting_page(order: Order, notice: str | None = None, status: int = 200) -> Response:
    page = render_template(
        "checkout/stop_waiting.html",
        order=order,
        can_be_taken_back=can_be_taken_back(order, current_registries(), now()),
        is_disputed=stand_against_order(order.id),
        notice=notice,
    )
    return make_response(page, status)


def _page(order: Order, found: RemedyView, form: RemedyForm, notice: str | None = None, status: int = 200) -> Response:
    terms = current_terms().terms_version(now().date())
    form.terms.data = terms
    page = render_template(
        "checkout/remedy.html",
        order=order,
        remedy=found,
        form=form,
        consent_points=consent.points(terms),
        terms_version=terms,
        notice=notice,
    )
    return make_response(page, status)


def _choices(found: RemedyView) -> dict[str, str]:
    units = {
        f"{it.offer_id}-{it.unit_price.minor}": _(
            "%(title)s: %(amount)s, and %(back)s goes back to you",
            title=it.project_title,
            amount=filters.money(it.amount),
            back=filters.money(it.goes_back),
        )
        for it in found.substitutes
    }
    return {MONEY: _("My money: %(amount)s goes back to me", amount=filters.money(found.amount)), **units}


def _order(token: str) -> Order:
    order = find_order(token)
    if order is None:
        raise UnknownOrder
    return order
