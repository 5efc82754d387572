"""The test gateway's hosted page, and the panel where somebody plays the bank."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from werkzeug.wrappers import Response

from app import current, jobs
from app.kernel.money import Money
from app.payments.adapters import testpay_disputes
from app.payments.adapters.testpay import page_state
from app.payments.adapters.testpay_bank import TestpayBank
from app.payments.adapters.testpay_models import HostedPage
from app.payments.ports import GatewayState, PaymentLine
from app.web.errors import form_refused
from app.web.i18n import use_language

_DISPUTE_MOVES = {
    "dispute": testpay_disputes.open_dispute,
    "evidence": testpay_disputes.send_evidence,
    "win": testpay_disputes.win,
    "lose": testpay_disputes.lose,
}

blueprint = Blueprint("testpay", __name__, url_prefix="/testpay")


@blueprint.get("/<reference>")
def page(reference: str) -> str:
    """What is to be paid, and the ways to pay it or not."""
    return _show("testpay/page.html", _get_page(reference), is_declined=False)


@blueprint.post("/<reference>")
def act(reference: str) -> Response | tuple[str, int]:
    """The buyer pays, pays later by bank, or has the card declined."""
    now, paid = current.now(), None
    match request.form.get("action"):
        case "pay":
            paid = _bank().pay(reference, now)
        case "bank":
            paid = _bank().pay_by_bank(reference, now)
        case "decline":
            declined = _get_page(reference)
            if page_state(declined, now) is GatewayState.OPEN:
                return _show("testpay/page.html", declined, is_declined=True), 402
        case _:
            _get_page(reference)
            abort(400)
    # Pressed twice, or too late: what is true now decides where the buyer goes.
    paid = paid or _get_page(reference)
    jobs.wake()
    if page_state(paid, now) in {GatewayState.SUCCEEDED, GatewayState.PROCESSING}:
        return redirect(_success_url(paid), 303)
    return redirect(url_for("testpay.page", reference=reference), 303)


@blueprint.get("/<reference>/bank")
def bank(reference: str) -> str:
    """The bank's view of one payment and its refunds."""
    found = _get_page(reference)
    return _show(
        "testpay/bank.html", found, refunds=_bank().refunds_of(reference), dispute=testpay_disputes.find(reference)
    )


@blueprint.post("/<reference>/bank")
def act_as_bank(reference: str) -> Response:
    """The bank settles or refuses a payment, sends a refund back, or decides about a dispute."""
    now = current.now()
    _get_page(reference)
    mischief = current.settings().testpay_mischief
    match request.form.get("action", "").partition(" "):
        case "settle", _, _:
            _bank().settle(reference, now)
        case "fail", _, _:
            _bank().fail(reference, now)
        case "settle-refund", _, refund:
            _bank().settle_refund(refund, now)
        case "fail-refund", _, refund:
            _bank().fail_refund(refund, now)
        case ("dispute" | "evidence" | "win" | "lose") as move, _, _:
            _DISPUTE_MOVES[move](reference, mischief, now)
        case _:
            abort(400)
    jobs.wake()
    return redirect(url_for("testpay.bank", reference=reference), 303)


@blueprint.errorhandler(CSRFError)
def _stale(error: CSRFError) -> Response:
    # Refused before the page was found, which alone knows the language.
    found = _bank().find_page((request.view_args or {})["reference"])
    if found is not None:
        use_language(found.request["locale"])
    return form_refused(error)


def _bank() -> TestpayBank:
    return TestpayBank(current.settings().testpay_mischief)


def _get_page(reference: str) -> HostedPage:
    found = _bank().find_page(reference)
    if found is None:
        abort(404)
    use_language(found.request["locale"])
    return found


def _success_url(found: HostedPage) -> str:
    return str(found.request["success_url"]).replace("{CHECKOUT_SESSION_ID}", found.reference)


def _show(template: str, found: HostedPage, **context: object) -> str:
    asked = found.request
    return render_template(
        template,
        reference=found.reference,
        order_reference=asked["order_reference"],
        amount=found.money,
        refunded=Money(found.refunded, found.currency),
        lines=[PaymentLine(name, units, Money(minor, code)) for name, units, minor, code in asked["lines"]],
        email=asked["email"],
        state=page_state(found, current.now()).value,
        method=found.method,
        expires_at=found.expires_at,
        settles_at=found.settles_at,
        success_url=_success_url(found),
        back_url=asked["back_url"],
        **context,
    )
