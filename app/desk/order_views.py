"""Orders on the desk: the list, one with its whole story, and what an operator does about it."""

from __future__ import annotations

from typing import Any

from flask import abort, make_response, redirect, render_template, request, url_for
from flask_babel import gettext, ngettext, pgettext
from werkzeug.wrappers import Response

from app.accounts.access import get_me, operators_only
from app.audit.service import write_note
from app.checkout.models import Order
from app.checkout.service import correct, overdue, review
from app.checkout.states import OrderState
from app.current import now
from app.desk.acting import ActPage, act, blueprint, press, proposed
from app.desk.facts import told_to_operators
from app.desk.forms import AddressForm, BeneficiaryForm, NoteForm, ReasonForm
from app.desk.orders import PAGE, OrderFilter, find_by_reference, order_file, order_rows
from app.desk.queries import screened_reference
from app.desk.timeline import timeline
from app.fulfilment import risk
from app.kernel.text import clean_line
from app.web.filters import money
from app.web.security import form_checks_token
from app.web.typed import read_day

ID = "int(max=9223372036854775807)"
BOTH = ["GET", "POST"]

# Pages about likenesses stand below the desk and say with it what a likeness belongs to.
blueprint.add_app_template_global(screened_reference)


@blueprint.get("/orders")
@operators_only
def orders() -> Response:
    """Orders, newest first, narrowed by state, day and e-mail address; none for a day that cannot be read."""
    state, before = request.args.get("state", ""), request.args.get("before", "")
    day = read_day(request.args.get("day", ""))
    wanted = OrderFilter(
        state=OrderState(state) if state in set(OrderState) else None,
        day=day.day,
        email=clean_line(request.args.get("email", ""))[:254],
        before=int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None,
    )
    rows = [] if day.error else order_rows(wanted)
    page = render_template(
        "desk/orders.html",
        rows=rows[:PAGE],
        wanted=wanted,
        day=day,
        states=list(OrderState),
        more=rows[PAGE - 1].id if len(rows) > PAGE else None,
    )
    return make_response(page, 422 if day.error else 200)


@blueprint.get("/orders/<reference>")
@operators_only
def order(reference: str) -> Response:
    """One order: who, what, money, registry, mails, notes, and everything that happened."""
    return _order_page(_order(reference), NoteForm())


@blueprint.post("/orders/<reference>/note")
@operators_only
@form_checks_token
def note_order(reference: str) -> Response:
    """Keep a note about an order."""
    found, form = _order(reference), NoteForm()
    if not form.validate_on_submit():
        return _order_page(found, form, 422)
    write_note(get_me().actor, risk.subject_of(found), form.text.data or "", now())
    return redirect(_address(found), 303)


@blueprint.post("/orders/<reference>/resend")
@operators_only
def resend_mails(reference: str) -> Response:
    """Send the order's receipt and certificates again."""
    found = _order(reference)

    def do() -> str:
        number = correct.send_mails_again(found.id, get_me().actor, now())
        if not number:
            return gettext("There is no mail of this order to send again yet.")
        return ngettext("%(num)d mail is on its way.", "%(num)d mails are on their way.", number)

    return press(do, _address(found))


@blueprint.route("/orders/<reference>/address", methods=BOTH)
@operators_only
@form_checks_token
def correct_address(reference: str) -> Response:
    """Let further mails go to the right address."""
    found = _order(reference)
    form = AddressForm(email=found.email)
    page = ActPage(
        title=gettext("Correct the e-mail address of order %(reference)s", reference=found.reference),
        words=[
            gettext("All further mails of this order go to the new address. Send the mails again afterwards."),
            gettext("Whoever has the link of an earlier mail can still open the order’s page."),
        ],
        facts=[(gettext("Address now"), found.email)],
        button=gettext("Use the new address"),
        back=_address(found),
    )

    def do() -> str:
        correct.correct_email(found.id, form.email.data or "", get_me().actor, reason=form.reason.data or "", now=now())
        return gettext("Further mails go to the new address.")

    return act(form, page, do)


@blueprint.route("/orders/<reference>/beneficiary", methods=BOTH)
@operators_only
@form_checks_token
def correct_beneficiary(reference: str) -> Response:
    """Propose what the certificate will say instead, while nothing was said to a registry."""
    found = _order(reference)
    if not correct.can_change(found):
        words = gettext("Nothing of this order goes to a registry, so there is nothing to correct.")
        if order_file(found).talks:
            words = gettext(
                "The units of order %(reference)s were sent to the registry. Name, purpose, country and intent stand "
                "in its books as they are, and nobody can change them.",
                reference=found.reference,
            )
        return make_response(render_template("desk/impossible.html", words=words, back=_address(found)))
    now_there = correct.words_of(found.id)
    form = BeneficiaryForm(data=now_there)
    page = ActPage(
        title=gettext("Correct what the certificate of order %(reference)s will say", reference=found.reference),
        words=[gettext("Another operator has to agree, because this is about who somebody is.")],
        button=gettext("Propose the correction"),
        back=_address(found),
    )

    def do() -> str:
        correct.propose_beneficiary(found.id, form.words(), get_me().actor, reason=form.reason.data or "", now=now())
        return proposed()

    return act(form, page, do)


@blueprint.route("/orders/<reference>/hold", methods=BOTH)
@operators_only
@form_checks_token
def hold_order(reference: str) -> Response:
    """Stop an order before the registry is told anything."""
    found, form = _order(reference), ReasonForm()
    page = ActPage(
        title=gettext("Hold order %(reference)s", reference=found.reference),
        words=[
            gettext("Nothing is sent to the registry until somebody lets it go."),
            gettext("The buyer sees that we look at the order."),
        ],
        button=gettext("Hold the order"),
        back=_address(found),
    )

    def do() -> str:
        risk.hold(found.id, get_me().actor, form.reason.data or "", now())
        return gettext("The order is held.")

    return act(form, page, do)


@blueprint.route("/orders/<reference>/let-go", methods=BOTH)
@operators_only
@form_checks_token
def let_order_go(reference: str) -> Response:
    """Take a held order to the registry after all."""
    found, form = _order(reference), ReasonForm()
    page = ActPage(
        title=gettext("Let order %(reference)s go", reference=found.reference),
        words=[gettext("A paid order goes to the registry at once. What the registry cancels nobody can undo.")],
        button=gettext("Let the order go"),
        back=_address(found),
        is_serious=True,
    )

    def do() -> str:
        risk.let_go(found.id, get_me().actor, form.reason.data or "", now())
        return gettext("The order goes on.")

    return act(form, page, do)


@blueprint.route("/orders/<reference>/refuse", methods=BOTH)
@operators_only
@form_checks_token
def refuse_order(reference: str) -> Response:
    """Propose to end a held order and to give its money back."""
    found, form = _order(reference), ReasonForm()
    page = ActPage(
        title=gettext("Refuse order %(reference)s", reference=found.reference),
        words=[
            gettext("All of its money goes back and its units are for sale again. Another operator has to agree."),
        ],
        facts=[(gettext("Total"), money(found.money))],
        button=gettext("Propose to refuse the order"),
        back=_address(found),
        is_serious=True,
    )

    def do() -> str:
        risk.propose_refusal(found.id, get_me().actor, reason=form.reason.data or "", now=now())
        return proposed()

    return act(form, page, do)


@blueprint.route("/orders/<reference>/refund", methods=BOTH)
@operators_only
@form_checks_token
def refund_order(reference: str) -> Response:
    """Propose to give back a payment that differs from its order."""
    found, form = _order(reference), ReasonForm()
    arrived = review.what_arrived(found.id)
    page = ActPage(
        title=gettext("Give the payment of order %(reference)s back", reference=found.reference),
        words=[
            gettext("What came goes back whole, the order ends, and its units are for sale again."),
            gettext("Another operator has to agree."),
        ],
        facts=[
            (gettext("Ordered"), money(found.money)),
            *([(pgettext("payment", "Paid"), money(arrived[1]))] if arrived else []),
        ],
        button=gettext("Propose the refund"),
        back=_address(found),
        is_serious=True,
    )

    def do() -> str:
        review.propose_refund(found.id, get_me().actor, reason=form.reason.data or "", now=now())
        return proposed()

    return act(form, page, do)


@blueprint.route("/orders/<reference>/end", methods=BOTH)
@operators_only
@form_checks_token
def end_order(reference: str) -> Response:
    """Propose to end an unpaid order that cannot be closed by itself."""
    found, form = _order(reference), ReasonForm()
    page = ActPage(
        title=gettext("End order %(reference)s", reference=found.reference),
        words=[
            gettext("Look first, at the gateway where its payment page was opened, that nothing was paid for it."),
            gettext(
                "The order ends and its units are for sale again. Money that we hear of later buys what is left of "
                "them, and the rest goes back. Another operator has to agree."
            ),
        ],
        facts=[(gettext("Total"), money(found.money))],
        button=gettext("Propose to end the order"),
        back=_address(found),
        is_serious=True,
    )

    def do() -> str:
        overdue.propose_end(found.id, get_me().actor, reason=form.reason.data or "", now=now())
        return proposed()

    return act(form, page, do)


def _order(reference: str) -> Order:
    found = find_by_reference(reference)
    if found is None:
        abort(404)
    return found


def _address(found: Order) -> str:
    return url_for("desk.order", reference=found.reference)


def _order_page(found: Order, form: NoteForm, status: int = 200) -> Response:
    file = order_file(found)
    context: dict[str, Any] = {"file": file, "story": timeline(file), "form": form, "facts_of": told_to_operators}
    return make_response(render_template("desk/order.html", **context), status)
