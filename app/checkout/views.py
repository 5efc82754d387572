"""Basket and checkout pages: HTTP in, HTTP out."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as BaseResponse

from app.accounts.access import Me, find_me
from app.checkout import baskets, consent, service
from app.checkout.cookies import basket_token, keep_basket
from app.checkout.errors import AlreadyPaid, BadUnits, OrderNotPayable
from app.checkout.facts import preview
from app.checkout.forms import BasketForm, DetailsForm, ReviewForm
from app.checkout.messages import describe
from app.checkout.order_queries import newest_order_of
from app.checkout.ports import current_terms
from app.checkout.quantities import read_number, read_units
from app.checkout.queries import BasketView, Shown, basket_view, find_details
from app.checkout.wording import is_held_back
from app.current import clock, now, settings
from app.kernel.errors import Refusal
from app.kernel.languages import LANGUAGES
from app.offers.errors import BelowMinimum, SaleClosed, UnitsUnavailable
from app.offers.queries import find_project_of_offer, get_project_page
from app.offers.views import render_project
from app.payments.ports import GatewayOutcomeUnknown, GatewayRefusal, GatewayUnavailable, current_gateway
from app.registry.ports import current_registries
from app.web.i18n import current_language, shows_page
from app.web.limits import limit_checkout, when_limited
from app.web.security import form_checks_token, form_without_token

blueprint = Blueprint("checkout", __name__, url_prefix="/<lang>")


@blueprint.post("/basket/add")
@form_without_token
def add() -> BaseResponse:
    """Put units of an offer into the basket; a mistake comes back beside its field."""
    typed = request.form.get("units", "")
    offer_id = read_number(request.form.get("offer_id", ""))
    try:
        token = baskets.add_to_basket(token=basket_token(), offer_id=offer_id, units=_read(typed), now=now())
    except (BadUnits, UnitsUnavailable, BelowMinimum, SaleClosed) as refusal:
        reference = find_project_of_offer(offer_id)
        if reference is None:
            return _basket_without_it()
        page = get_project_page(reference, settings().payment_minimum)
        return make_response(render_project(page, error_offer_id=offer_id, error=describe(refusal), typed=typed), 422)
    return keep_basket(_to("checkout.basket"), token)


def _basket_without_it() -> Response:
    shows_page("checkout.basket")
    notice = gettext("This offer is not on sale any more. Nothing was added to your basket.")
    view = basket_view(basket_token(), settings())
    return make_response(render_template("checkout/basket.html", basket=view, notice=notice), 422)


@blueprint.get("/basket")
def basket() -> BaseResponse:
    """What is in the basket, at live prices."""
    view = basket_view(basket_token(), settings())
    return make_response(render_template("checkout/basket.html", basket=view, notice=None))


@blueprint.post("/basket")
@form_checks_token
def update() -> BaseResponse:
    """Change quantities, remove a line, or go on. Nothing typed is lost."""
    token = basket_token() or ""
    action = request.form.get("action", "update")
    typed = {
        read_number(name.removeprefix("units-")): value
        for name, value in request.form.items()
        if name.startswith("units-")
    }
    if not BasketForm().validate():
        earlier = gettext("Nothing was sent yet: this page belongs to an earlier visit. Check it and send it again.")
        view = basket_view(token, settings(), typed=typed)
        return make_response(render_template("checkout/basket.html", basket=view, notice=earlier), 422)
    quantities, refusals = _read_quantities(typed)
    refusals |= baskets.set_units(token=token, quantities=quantities, now=now())
    if action.startswith("remove-"):
        gone = read_number(action.removeprefix("remove-"))
        baskets.remove_line(token=token, offer_id=gone, now=now())
        typed.pop(gone, None)
        refusals.pop(gone, None)
    view = basket_view(token, settings(), typed=typed, refusals=refusals)
    if refusals or (view.lines and not view.is_valid):
        return make_response(render_template("checkout/basket.html", basket=view, notice=None), 422)
    if action == "checkout" and view.is_valid:
        return _to("checkout.details")
    return _to("checkout.basket")


def _read(typed: str) -> int:
    return read_units(typed, LANGUAGES[current_language()].thousands)


def _read_quantities(typed: dict[int, str]) -> tuple[dict[int, int], dict[int, Refusal]]:
    quantities: dict[int, int] = {}
    refusals: dict[int, Refusal] = {}
    for offer_id, text in typed.items():
        try:
            quantities[offer_id] = _read(text)
        except BadUnits as refusal:
            refusals[offer_id] = refusal
    return quantities, refusals


def _details_when_limited(try_again: str) -> Response:
    view = basket_view(basket_token(), settings())
    form = DetailsForm(authorisations=view.authorisations)
    return _details_page(form, view, 429, _too_often(try_again))


def _review_when_limited(try_again: str) -> Response:
    token = basket_token()
    details, view = find_details(token), basket_view(token, settings())
    if token is None or not view.is_valid or not details:
        page = render_template("checkout/basket.html", basket=view, notice=_too_often(try_again))
        return make_response(page, 429)
    return _review_page(ReviewForm(), view, token, details, _too_often(try_again), 429)


def _too_often(try_again: str) -> str:
    return gettext(
        "Many forms were sent from your address in a short time. What you typed is still here. %(try_again)s",
        try_again=try_again,
    )


@blueprint.route("/checkout", methods=["GET", "POST"])
@when_limited(_details_when_limited)
@form_checks_token
@limit_checkout
def details() -> BaseResponse:
    """Who gets the certificate, and what it says."""
    token = basket_token()
    known = find_details(token)
    view = basket_view(token, settings())
    if token is None or known is None:
        return _to("checkout.basket")
    form = DetailsForm(data=known or _known(), authorisations=view.authorisations)
    if form.validate_on_submit():
        baskets.save_details(token=token, details=form.details(), now=now())
        return _to("checkout.review")
    if not form.is_submitted() and not view.is_valid:
        return _to("checkout.basket")
    status = 422 if form.is_submitted() else 200
    return _details_page(form, view, status)


def _buyer() -> Me | None:
    """Who is signed in, with everything that they have to show."""
    me = find_me()
    return me if me is not None and me.is_whole else None


def _known() -> dict[str, object] | None:
    """What need not be typed by somebody who is signed in."""
    me = _buyer()
    return None if me is None else {"email": me.email}


def _details_page(form: DetailsForm, view: BasketView, status: int, notice: str | None = None) -> Response:
    return make_response(render_template("checkout/details.html", form=form, basket=view, notice=notice), status)


@blueprint.route("/checkout/review", methods=["GET", "POST"])
@when_limited(_review_when_limited)
@form_checks_token
@limit_checkout
def review() -> BaseResponse:
    """The very certificate, who gets what, the consent, and the button that obliges to pay."""
    token = basket_token()
    details = find_details(token)
    view = basket_view(token, settings())
    if token is None or not view.is_valid:
        return _to("checkout.basket")
    if not details:
        return _to("checkout.details")
    form = ReviewForm()
    if not form.validate_on_submit():
        status = 422 if form.is_submitted() else 200
        return _review_page(form, view, token, details, None, status)
    return _order(form, view, token, details)


def _order(form: ReviewForm, view: BasketView, token: str, typed: dict[str, object]) -> BaseResponse:
    gateway, registries = current_gateway(), current_registries()
    terms, me = current_terms().terms_version(now().date()), _buyer()
    if form.terms.data != terms:
        changed = gettext("New terms of sale have come into force meanwhile. Read them before you order.")
        return _review_page(form, view, token, typed, changed, 409)
    try:
        payment_id = service.order_basket(
            basket_token=token,
            details=typed,
            locale=current_language(),
            consent_version=consent.VERSION,
            consent_text=consent.text(terms),
            terms_version=terms,
            expected_total=read_number(form.expected_total.data or ""),
            shown=_read_shown(form.shown.data or ""),
            shown_parts=tuple(read_number(part) for part in (form.shown_parts.data or "").split()),
            gateway=gateway,
            registries=registries,
            settings=settings(),
            clock=clock(),
            person_id=me.id if me is not None else None,
        )
        url = service.open_payment(payment_id, gateway, settings(), clock())
    except AlreadyPaid as paid:
        return _to("checkout.order", token=str(paid.facts["token"]))
    except OrderNotPayable:
        # Another press was faster and closed this order; its own can be paid.
        return _to("checkout.order", token=newest_order_of(token))
    except (GatewayUnavailable, GatewayOutcomeUnknown, GatewayRefusal) as refusal:
        return _review_page(form, view, token, typed, describe(refusal), 503)
    except Refusal as refusal:
        fresh = basket_view(token, settings())
        if fresh.is_valid:
            return _review_page(form, fresh, token, typed, describe(refusal), 409)
        page = render_template("checkout/basket.html", basket=fresh, notice=describe(refusal))
        return make_response(page, 409)
    return redirect(url, 303)


def _read_shown(text: str) -> frozenset[Shown]:
    """The lines that the page showed, as `_review_page` wrote them; whatever else comes back matches none."""
    lines = [part.split("-") for part in text.split()]
    return frozenset(
        (read_number(line[0]), read_number(line[1]), read_number(line[2])) for line in lines if len(line) == 3
    )


def _review_page(
    form: ReviewForm, view: BasketView, token: str, typed: dict[str, object], notice: str | None, status: int
) -> Response:
    terms = current_terms().terms_version(now().date())
    form.expected_total.data, form.terms.data = str(view.total.minor), terms
    form.shown.data = " ".join("-".join(map(str, line)) for line in sorted(view.shown))
    form.shown_parts.data = " ".join(map(str, view.breakdown.parts))
    page = render_template(
        "checkout/review.html",
        form=form,
        basket=view,
        details=typed,
        is_held_back=is_held_back(typed),
        previews=preview(token, typed, settings(), current_registries(), now()),
        consent_points=consent.points(terms),
        terms_version=terms,
        notice=notice,
    )
    return make_response(page, status)


def _to(endpoint: str, **values: Any) -> Response:
    return make_response(redirect(url_for(endpoint, **values), 303))
