"""What operators put right about an order: where its mails go, and what the certificate will say."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.accounts.models import Person
from app.audit.errors import NoLongerPossible
from app.audit.models import Proposal
from app.audit.service import PRIVATE, Actor, Subject, note_act, on_agreement, propose, required_reason
from app.catalog.models import Issuance
from app.checkout.errors import NothingChanged, TooLateToChange
from app.checkout.models import Beneficiary, Order, OrderLine
from app.checkout.service.allowed import require_intent
from app.checkout.states import OrderState
from app.db import db, transaction
from app.kernel.text import mask_address, plain_email
from app.notifications.service import readdress, resend_within
from app.registry.models import Cancellation
from app.screening.service import screen

CORRECT_BENEFICIARY = "correct_beneficiary"

_S = OrderState

# Before these are over nothing was said to a registry.
BEFORE_SENDING = (_S.PLACED, _S.PAYMENT_PENDING, _S.EXPIRED, _S.PAYMENT_REVIEW, _S.PAID, _S.RISK_HOLD)
_FIELDS = ("name", "purpose", "intent", "country")


def init_app() -> None:
    """Say what carries out the proposals about what a certificate will say."""
    on_agreement(CORRECT_BENEFICIARY, _correct_beneficiary)


def correct_email(order_id: int, email: str, actor: Actor, *, reason: str, now: datetime) -> None:
    """Let an order's further mails go to `email`, and take it out of an account of the wrong address.

    Raises ReasonMissing, or NothingChanged. The trail keeps both addresses masked.
    """
    kept, email = required_reason(reason), plain_email(email)
    with transaction() as session:
        order = session.get_one(Order, order_id, with_for_update=True)
        before = order.email
        if before == email:
            raise NothingChanged
        owner = session.get(Person, order.person_id) if order.person_id is not None else None
        if owner is not None and owner.email == before:
            order.person_id = None
        order.email = email
        readdress(order_id, email)
        note_act(
            actor,
            "order_email_corrected",
            Subject("order", order_id, order.reference),
            at=now,
            reason=kept,
            facts={"before": mask_address(before), "after": mask_address(email)},
        )


def can_change(order: Order) -> bool:
    """Whether what a certificate will say can still be put right: nothing was said to a registry."""
    planned = select(Cancellation.id).where(Cancellation.order_id == order.id)
    return order.state in BEFORE_SENDING and db.session.scalar(planned.limit(1)) is None


def words_of(order_id: int) -> dict[str, str]:
    """What the certificate of an order will say, by the names of the columns."""
    return _words(_beneficiary(order_id))


def propose_beneficiary(order_id: int, after: dict[str, str], actor: Actor, *, reason: str, now: datetime) -> int:
    """Propose another name, purpose, intent or country; gives the proposal's id.

    Raises TooLateToChange, NothingChanged, IntentNotAllowed, and what `propose` raises.
    """
    order = db.session.get_one(Order, order_id)
    if not can_change(order):
        raise TooLateToChange(state=order.state.value)
    before = words_of(order_id)
    changed = [field for field in _FIELDS if before[field] != after[field]]
    if not changed:
        raise NothingChanged
    if "intent" in changed:
        require_intent(after["intent"], _authorisations(order_id))
    facts: dict[str, Any] = {"changed": changed, f"{PRIVATE}before": before, f"{PRIVATE}after": after}
    subject = Subject("order", order_id, order.reference)
    return propose(actor, CORRECT_BENEFICIARY, subject, reason=reason, facts=facts, now=now)


def _correct_beneficiary(proposal: Proposal, now: datetime) -> None:
    # Whoever begins the order waits until this is decided.
    order = db.session.get_one(Order, proposal.subject_id, with_for_update=True, populate_existing=True)
    beneficiary = _beneficiary(order.id)
    if not can_change(order) or _words(beneficiary) != proposal.facts[f"{PRIVATE}before"]:
        raise NoLongerPossible
    for field, value in proposal.facts[f"{PRIVATE}after"].items():
        setattr(beneficiary, field, value)
    # A name that was put right is compared with the sanctions lists like any other.
    if beneficiary.name:
        screen("order", order.id, [beneficiary.name], now)


def send_mails_again(order_id: int, actor: Actor, now: datetime) -> int:
    """Send an order's proof again to the address it has now; gives how many mails are on their way."""
    with transaction() as session:
        order = session.get_one(Order, order_id)
        number = resend_within(order_id, order.email, now)
        subject = Subject("order", order_id, order.reference)
        note_act(actor, "mails_resent", subject, at=now, facts={"mails": number})
    return number


def _beneficiary(order_id: int) -> Beneficiary:
    return db.session.scalars(select(Beneficiary).where(Beneficiary.order_id == order_id).limit(1)).one()


def _authorisations(order_id: int) -> list[str | None]:
    units = select(Issuance.authorisation).join(OrderLine, OrderLine.issuance_id == Issuance.id)
    return list(db.session.scalars(units.where(OrderLine.order_id == order_id)))


def _words(beneficiary: Beneficiary) -> dict[str, str]:
    return {field: getattr(beneficiary, field) for field in _FIELDS}
