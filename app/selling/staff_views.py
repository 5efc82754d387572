"""The operators' side of offers: the queue of submitted ones, the list of all, and what is decided about each."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext, ngettext
from werkzeug.wrappers import Response

from app.accounts.access import get_me, operators_only
from app.current import now, settings
from app.kernel.errors import Refusal
from app.kernel.text import clean_line
from app.offers.queries import preview_offer
from app.registry.ports import current_registries
from app.selling import service, words
from app.selling.forms import ReasonForm
from app.selling.offer_pages import OfferPage
from app.selling.queries import all_offers, find_offer, queue
from app.selling.views import read_page, read_state
from app.web import filters
from app.web.security import form_checks_token

blueprint = Blueprint("desk_offers", __name__, url_prefix="/<lang>/desk/offers")

Decide = Callable[[OfferPage, str], None]


@blueprint.get("")
@operators_only
def offers() -> str:
    """The offers that wait for a decision, oldest first, with what it takes to decide."""
    return render_template("desk/offers.html", submitted=queue(current_registries().holdings))


@blueprint.get("/all")
@operators_only
def all_of_them() -> str:
    """Every offer of everybody, newest first, narrowed by state."""
    state = read_state(request.args.get("state", ""))
    listed = all_offers(state, read_page(request.args.get("page", "")))
    return render_template("desk/offers_all.html", listed=listed, state=state)


@blueprint.post("/approve")
@operators_only
def approve_several() -> Response:
    """Approve every offer that was ticked; those that cannot be are told apart and stay where they are."""
    codes = list(dict.fromkeys(map(clean_line, request.form.getlist("code"))))
    done = 0
    for code in codes:
        refusal = _approve(find_offer(code))
        if refusal is None:
            done += 1
        else:
            flash(gettext("Offer %(code)s: %(problem)s", code=code, problem=refusal), "stop")
    if done:
        approved = ngettext(
            "%(count)s offer is approved.", "%(count)s offers are approved.", done, count=filters.number(done)
        )
        flash(approved, "info")
    elif not codes:
        flash(gettext("Tick the offers that you want to approve."), "stop")
    return redirect(url_for("desk_offers.offers"), 303)


@blueprint.get("/<code>")
@operators_only
def offer(code: str) -> str:
    """One offer: all of it, its history, the card that buyers see, and what can be decided."""
    found = _offer(code)
    row = preview_offer(found.line.id, settings().payment_minimum)
    return render_template("desk/offer.html", offer=found, row=row)


@blueprint.post("/<code>/approve")
@operators_only
def approve(code: str) -> Response:
    """Approve one offer."""
    return _act(
        code, lambda found: service.approve(found.line.id, get_me().actor, current_registries().holdings, now())
    )


@blueprint.route("/<code>/send-back", methods=["GET", "POST"])
@form_checks_token
@operators_only
def send_back(code: str) -> Response | str | tuple[str, int]:
    """Give a submitted offer back to its seller, who reads the reason."""
    return _with_reason(
        code, "send_back", lambda found, why: service.send_back(found.line.id, get_me().actor, why, now())
    )


@blueprint.route("/<code>/freeze", methods=["GET", "POST"])
@form_checks_token
@operators_only
def freeze(code: str) -> Response | str | tuple[str, int]:
    """Take an offer off sale until an operator thaws it."""
    return _with_reason(code, "freeze", lambda found, why: service.freeze(found.line.id, get_me().actor, why, now()))


@blueprint.post("/<code>/thaw")
@operators_only
def thaw(code: str) -> Response:
    """Let a frozen offer be what it was before."""
    return _act(code, lambda found: service.thaw(found.line.id, get_me().actor, current_registries().holdings, now()))


@blueprint.route("/<code>/withdraw", methods=["GET", "POST"])
@form_checks_token
@operators_only
def withdraw(code: str) -> Response | str | tuple[str, int]:
    """Take an offer off sale for good."""
    return _with_reason(
        code, "withdraw", lambda found, why: service.withdraw(found.line.id, get_me().actor, now(), reason=why)
    )


def _offer(code: str) -> OfferPage:
    found = find_offer(code)
    if found is None:
        abort(404)
    return found


def _approve(found: OfferPage | None) -> str | None:
    """Approve an offer; what stands in the way, in words, or None."""
    if found is None:
        return gettext("There is no such offer any more.")
    try:
        service.approve(found.line.id, get_me().actor, current_registries().holdings, now())
    except Refusal as refusal:
        return words.describe(refusal)
    return None


def _act(code: str, act: Callable[[OfferPage], None]) -> Response:
    found = _offer(code)
    try:
        act(found)
    except Refusal as refusal:
        flash(words.describe(refusal), "stop")
    return redirect(url_for("desk_offers.offer", code=found.line.code), 303)


def _with_reason(code: str, what: str, decide: Decide) -> Response | str | tuple[str, int]:
    """Ask for the reason of a decision on a page of its own, then take it."""
    found = _offer(code)
    form = ReasonForm()
    if form.validate_on_submit():
        try:
            decide(found, form.reason.data or "")
        except Refusal as refusal:
            words.place(form, refusal)
        else:
            return redirect(url_for("desk_offers.offer", code=found.line.code), 303)
    page = render_template("desk/offer_decide.html", offer=found, form=form, what=what)
    return (page, 422) if form.is_submitted() else page
