"""A participant's own offers: list, draw up, change, preview, price, pause, withdraw."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.accounts.access import get_me, get_seat, members
from app.accounts.roles import Role
from app.audit.rules import PRICE_HIGHEST, PRICE_LOWEST, rule
from app.current import now, settings
from app.kernel.errors import Refusal
from app.kernel.money import Money
from app.offers.queries import preview_offer
from app.offers.states import OfferState
from app.providers.models import Provider
from app.providers.queries import find_provider_of
from app.registry.ports import current_registries
from app.selling import service, words
from app.selling.forms import OfferForm, PlanForm, filled, filled_price
from app.selling.holdings import HoldingLine, holdings_of
from app.selling.offer_pages import OfferPage
from app.selling.queries import find_offer, get_code, offer_of_plan, own_offers
from app.selling.terms import MOST_TIERS, Terms, problems
from app.web.security import form_checks_token

blueprint = Blueprint("selling", __name__, url_prefix="/<lang>/sell/<organisation>/offers")

View = TypeVar("View", bound=Callable[..., Any])

_MOST_DIGITS = 18  # what fits into every integer column
_LAST_PAGE = 1_000_000
_SUBMIT = "submit"


def for_members(role: Role) -> Callable[[View], View]:
    """Mark a view for people with at least this role in the organisation of the address, which the guard reads."""

    def marked(view: View) -> View:
        @wraps(view)
        def called(**values: Any) -> Any:
            values.pop("organisation")
            return view(**values)

        return members(role)(cast(View, called))

    return marked


@blueprint.get("")
@for_members(Role.VIEWER)
def offers() -> str:
    """Own offers with their states, and what the registry holds; or what is missing before there can be any."""
    provider = find_provider_of(get_seat().organisation_id)
    if provider is None:
        return render_template("sell/offers.html", provider=None)
    state = read_state(request.args.get("state", ""))
    listed = own_offers(provider.id, state, read_page(request.args.get("page", "")))
    accounts, holdings = holdings_of(provider, current_registries().holdings)
    return render_template(
        "sell/offers.html",
        provider=provider,
        listed=listed,
        state=state,
        accounts=accounts,
        holdings=holdings,
        can_sell=get_seat().role.covers(Role.SELLER),
    )


@blueprint.route("/new", methods=["GET", "POST"])
@form_checks_token
@for_members(Role.SELLER)
def new() -> Response | str | tuple[str, int]:
    """Choose what lies in one's accounts; then say at what price, in what quantities and when it is for sale."""
    provider = own_provider()
    accounts, holdings = holdings_of(provider, current_registries().holdings)
    chosen = _chosen(holdings)
    if chosen is None:
        return render_template("sell/offer_choose.html", accounts=accounts, holdings=holdings)
    form = OfferForm(data={"units": str(chosen.free), "minimum_units": "1"} if request.method == "GET" else None)
    address = url_for("selling.new", organisation=get_seat().code, account=chosen.account, issuance=chosen.issuance_id)
    if not form.validate_on_submit():
        return _form_page(form, address, chosen, None)
    wanted = form.read(settings().currency)
    if wanted is None or _has_problems(form, *wanted):
        return _form_page(form, address, chosen, None)
    units, terms = wanted
    try:
        offer_id = service.draw_up(provider.id, chosen.issuance_id, chosen.account, units, terms, get_me().actor, now())
    except Refusal as refusal:
        words.place(form, refusal)
        return _form_page(form, address, chosen, None)
    return _after_saving(form, offer_id)


@blueprint.get("/<code>")
@for_members(Role.VIEWER)
def offer(code: str) -> str:
    """One own offer: all of it, what happened to it, and what can be done with it."""
    found = own_offer(code)
    prices = filled_price(found.terms.unit_price, found.terms.tiers, settings().currency)
    return _offer_page(found, PlanForm(data=prices))


@blueprint.route("/<code>/edit", methods=["GET", "POST"])
@form_checks_token
@for_members(Role.SELLER)
def edit(code: str) -> Response | str | tuple[str, int]:
    """Change units and terms. What was ordered keeps its price; a page that is out of date changes nothing."""
    found = own_offer(code)
    data = filled(found.line.units_offered, found.terms, settings().currency, found.seen)
    form = OfferForm(data=data if request.method == "GET" else None)
    if not form.validate_on_submit():
        return _edit_page(form, found)
    wanted = form.read(settings().currency)
    if wanted is None or _has_problems(form, *wanted):
        return _edit_page(form, found)
    units, terms = wanted
    try:
        service.change(
            found.line.id,
            units,
            terms,
            get_me().actor,
            current_registries().holdings,
            now(),
            seen=form.seen.data or "",
        )
    except Refusal as refusal:
        words.place(form, refusal)
        return _edit_page(form, found)
    return _after_saving(form, found.line.id)


@blueprint.get("/<code>/preview")
@for_members(Role.VIEWER)
def preview(code: str) -> str:
    """The offer as buyers see it, or will."""
    found = own_offer(code)
    row = preview_offer(found.line.id, settings().payment_minimum)
    return render_template("sell/offer_preview.html", offer=found, row=row)


@blueprint.post("/<code>/submit")
@for_members(Role.SELLER)
def submit(code: str) -> Response:
    """Hand a draft in for the operator's decision."""
    return _act(code, lambda found: service.submit(found.line.id, get_me().actor, current_registries().holdings, now()))


@blueprint.post("/<code>/pause")
@for_members(Role.SELLER)
def pause(code: str) -> Response:
    """Take an offer off sale for a while."""
    return _act(code, lambda found: service.pause(found.line.id, get_me().actor, now()))


@blueprint.post("/<code>/resume")
@for_members(Role.SELLER)
def resume(code: str) -> Response:
    """Put a paused offer back on sale."""
    return _act(code, lambda found: service.resume(found.line.id, get_me().actor, now()))


@blueprint.get("/<code>/withdraw")
@for_members(Role.SELLER)
def ask_to_withdraw(code: str) -> str:
    """Say what withdrawing does before it is done: it cannot be undone."""
    return render_template("sell/offer_withdraw.html", offer=own_offer(code))


@blueprint.post("/<code>/withdraw")
@for_members(Role.SELLER)
def withdraw(code: str) -> Response:
    """Take an offer off sale for good."""
    return _act(code, lambda found: service.withdraw(found.line.id, get_me().actor, now()))


@blueprint.post("/<code>/copy")
@for_members(Role.SELLER)
def copy(code: str) -> Response:
    """Draw up a new offer at the same terms."""
    found = own_offer(code)
    try:
        copied = service.copy(found.line.id, get_me().actor, now())
    except Refusal as refusal:
        flash(words.describe(refusal), "stop")
        return _to(found.line.code)
    return redirect(url_for("selling.edit", organisation=get_seat().code, code=get_code(copied)), 303)


@blueprint.post("/<code>/price")
@form_checks_token
@for_members(Role.SELLER)
def plan_price(code: str) -> Response | tuple[str, int]:
    """Plan a price from an instant on."""
    found = own_offer(code)
    form = PlanForm()
    wanted = form.read(settings().currency) if form.validate_on_submit() else None
    if wanted is not None:
        unit_price, tiers, due_at = wanted
        try:
            service.plan_price(found.line.id, unit_price, tiers, due_at, get_me().actor, now())
        except Refusal as refusal:
            words.place(form, refusal)
        else:
            return _to(found.line.code)
    return _offer_page(found, form), 422


@blueprint.post("/<code>/price/drop")
@for_members(Role.SELLER)
def drop_price(code: str) -> Response:
    """Take a planned price back before it is due."""
    found = own_offer(code)
    plan_id = read_number(request.form.get("plan", ""))
    if offer_of_plan(plan_id) != found.line.id:
        abort(404)
    return _act(code, lambda _found: service.drop_planned_price(plan_id, get_me().actor, now()))


@blueprint.get("/pause-all")
@for_members(Role.SELLER)
def ask_to_pause_all() -> str:
    """Say what pausing everything does before it is done."""
    provider = own_provider()
    return render_template("sell/offers_pause_all.html", listed=own_offers(provider.id, None, 1))


@blueprint.post("/pause-all")
@for_members(Role.SELLER)
def pause_all() -> Response:
    """Take every offer off sale for a while."""
    service.pause_all(own_provider().id, get_me().actor, now())
    return redirect(url_for("selling.offers", organisation=get_seat().code), 303)


def own_provider() -> Provider:
    """The participant that the organisation of the address is; 404 before it was approved."""
    provider = find_provider_of(get_seat().organisation_id)
    if provider is None:
        abort(404)
    return provider


def own_offer(code: str) -> OfferPage:
    """An offer of the participant of the address; 404 for anybody else's."""
    found = find_offer(code, own_provider().id)
    if found is None:
        abort(404)
    return found


def read_state(typed: str) -> OfferState | None:
    """The state that an address asks for; None for all of them, and for what is none."""
    return OfferState(typed) if typed in set(OfferState) else None


def read_number(typed: str) -> int:
    """A number that a page of ours put into an address or a field; 0, which no row has, for anything else."""
    return int(typed) if typed.isdecimal() and typed.isascii() and len(typed) <= _MOST_DIGITS else 0


def read_page(typed: str) -> int:
    """The number of a page of a list: the first for what is none."""
    return min(max(1, read_number(typed)), _LAST_PAGE)


def _chosen(holdings: list[HoldingLine]) -> HoldingLine | None:
    wanted = request.args.get("account", ""), read_number(request.args.get("issuance", ""))
    return next(
        (line for line in holdings if (line.account, line.issuance_id) == wanted and not line.obstacle),
        None,
    )


def _has_problems(form: OfferForm, units: int, terms: Terms) -> bool:
    found = problems(units, terms, now())
    for problem in found:
        words.place(form, problem)
    return bool(found)


def _after_saving(form: OfferForm, offer_id: int) -> Response | str | tuple[str, int]:
    """Lead to the saved offer, after handing it in if that was asked for."""
    code = get_code(offer_id)
    if request.form.get("action") != _SUBMIT:
        return _to(code)
    try:
        service.submit(offer_id, get_me().actor, current_registries().holdings, now())
    except Refusal as refusal:
        found = own_offer(code)
        # Saved it is: the form goes on from there.
        form.seen.data = found.seen
        words.place(form, refusal)
        return _edit_page(form, found)
    return _to(code)


def _form_page(
    form: OfferForm, address: str, holding: HoldingLine | None, found: OfferPage | None
) -> str | tuple[str, int]:
    currency = settings().currency
    page = render_template(
        "sell/offer_form.html",
        form=form,
        address=address,
        holding=holding,
        offer=found,
        currency=currency,
        lowest=Money(rule(PRICE_LOWEST), currency),
        highest=Money(rule(PRICE_HIGHEST), currency),
        most_tiers=MOST_TIERS,
    )
    return (page, 422) if form.is_submitted() else page


def _edit_page(form: OfferForm, found: OfferPage) -> str | tuple[str, int]:
    address = url_for("selling.edit", organisation=get_seat().code, code=found.line.code)
    return _form_page(form, address, None, found)


def _offer_page(found: OfferPage, form: PlanForm) -> str:
    return render_template(
        "sell/offer.html",
        offer=found,
        form=form,
        currency=settings().currency,
        can_sell=get_seat().role.covers(Role.SELLER),
    )


def _act(code: str, act: Callable[[OfferPage], Any]) -> Response:
    """Do something with an own offer and lead back to its page, which tells of a refusal."""
    found = own_offer(code)
    try:
        act(found)
    except Refusal as refusal:
        flash(words.describe(refusal), "stop")
    return _to(found.line.code)


def _to(code: str) -> Response:
    return redirect(url_for("selling.offer", organisation=get_seat().code, code=code), 303)
