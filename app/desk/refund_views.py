"""Refunds that failed: nobody but an operator brings this money back."""

from __future__ import annotations

from flask import abort, render_template, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from app.accounts.access import get_me, operators_only
from app.checkout.models import Order
from app.current import now
from app.db import db
from app.desk.acting import ActPage, act, blueprint, proposed
from app.desk.forms import ByHandForm, ReasonForm
from app.desk.queries import failed_refunds
from app.desk.words import gateway_words
from app.kernel.money import Money
from app.payments import refund_decisions
from app.payments.models import Refund
from app.payments.states import RefundState
from app.web.filters import money
from app.web.security import form_checks_token

ID = "int(max=9223372036854775807)"
BOTH = ["GET", "POST"]


@blueprint.get("/refunds")
@operators_only
def refunds() -> str:
    """Refunds that failed, the oldest first."""
    return render_template("desk/refunds.html", rows=failed_refunds(), at=now())


@blueprint.route(f"/refunds/<{ID}:refund_id>/retry", methods=BOTH)
@operators_only
@form_checks_token
def retry_refund(refund_id: int) -> Response:
    """Propose to ask the gateway again for a refund that failed."""
    refund, found = _failed_refund(refund_id)
    form = ReasonForm()
    page = ActPage(
        title=gettext("Try the refund of order %(reference)s again", reference=found.reference),
        words=[gettext("The gateway is asked for this amount once more. Another operator has to agree.")],
        facts=_refund_facts(refund),
        button=gettext("Propose to try again"),
        back=url_for("desk.order", reference=found.reference),
    )

    def do() -> str:
        refund_decisions.propose_retry(
            refund_id, found.reference, get_me().actor, reason=form.reason.data or "", now=now()
        )
        return proposed()

    return act(form, page, do)


@blueprint.route(f"/refunds/<{ID}:refund_id>/by-hand", methods=BOTH)
@operators_only
@form_checks_token
def refund_by_hand(refund_id: int) -> Response:
    """Propose to note that a refund that failed was paid at the bank."""
    refund, found = _failed_refund(refund_id)
    form = ByHandForm()
    page = ActPage(
        title=gettext("Note that the refund of order %(reference)s was paid by bank", reference=found.reference),
        words=[
            gettext("Only after the money was sent. The gateway is not asked any more. Another operator has to agree."),
        ],
        facts=_refund_facts(refund),
        button=gettext("Propose to note it"),
        back=url_for("desk.order", reference=found.reference),
        is_serious=True,
    )

    def do() -> str:
        refund_decisions.propose_by_hand(
            refund_id,
            found.reference,
            form.reference.data or "",
            get_me().actor,
            reason=form.reason.data or "",
            now=now(),
        )
        return proposed()

    return act(form, page, do)


def _failed_refund(refund_id: int) -> tuple[Refund, Order]:
    refund = db.session.get(Refund, refund_id)
    if refund is None or refund.state is not RefundState.FAILED:
        abort(404)
    return refund, db.session.get_one(Order, refund.order_id)


def _refund_facts(refund: Refund) -> list[tuple[str, str]]:
    return [
        (gettext("Amount"), money(Money(refund.amount, refund.currency))),
        (gettext("What the gateway said"), gateway_words(refund.last_message)),
    ]
