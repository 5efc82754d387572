"""The last look before the irreversible step, and what operators decide when it finds something.

A paid order begins when its cancellations are planned. In the same transaction the names behind it are
compared with the sanctions lists; a likeness, or an operator's reason, holds the order instead, and of
what is held nothing is planned and nothing is sent. So a held order can still be refused whole.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, exists, func, select, union_all

from app import current
from app.accounts.models import Person
from app.audit.errors import NoLongerPossible
from app.audit.models import Proposal
from app.audit.service import Actor, Subject, note_act, on_agreement, propose, required_reason
from app.catalog.models import Issuance, Project
from app.checkout import mails
from app.checkout.models import Beneficiary, Order, OrderLine
from app.checkout.states import ORDER, OrderState
from app.db import StateEvent, advance, db, transaction, write
from app.direct.errors import MatchOpen, RegistryLost
from app.fulfilment.errors import OrderBegun, OrderNotHeld, PaymentDisputed
from app.kernel import checkpoints
from app.kernel.money import Money
from app.offers import service as offers
from app.offers.models import Offer, Reservation
from app.offers.states import ReservationState
from app.payments import disputes
from app.payments import service as payments
from app.registry.models import Cancellation
from app.registry.ports import Registries, UnknownRegistry, current_registries
from app.registry.service import Cause, Plan, plan_cancellations
from app.screening.service import ScreenedSubject, Standing, screen, screen_again, standing

log = logging.getLogger(__name__)

KIND = "order"
REFUSE_ORDER = "refuse_order"
LIKE_A_LISTED_NAME = "like_a_listed_name"

_S = OrderState
# While an order is in one of these, its names are compared with every new edition of a list.
_COMPARED = (_S.PAID, _S.RISK_HOLD)
NOT_BEGUN = (_S.PLACED, _S.PAYMENT_PENDING, _S.EXPIRED, _S.PAYMENT_REVIEW, _S.PAID, _S.RISK_HOLD)


def _settled(*columns: Any) -> Select[Any]:
    """The lines whose units are settled: of an order that was paid late, others may be gone and refunded."""
    return (
        select(*columns)
        .select_from(OrderLine)
        .join(Reservation, Reservation.order_line_id == OrderLine.id)
        .where(OrderLine.order_id == bindparam("order_id"), Reservation.state == ReservationState.SETTLED)
        .order_by(OrderLine.position)
    )


# The names behind an order; a guest has no account.
_NAMES = union_all(
    select(Beneficiary.name).where(Beneficiary.order_id == bindparam("order_id")),
    select(Person.name).where(Person.id == bindparam("person_id")),
)
# All that the cancellations of an order are planned with.
_PLANNED = (
    _settled(
        *(OrderLine.id, OrderLine.position, OrderLine.units, Order.token, Order.placed_at),
        *(Offer.account, Project.reference, Beneficiary.name, Beneficiary.purpose, Issuance),
    )
    .join(Order, Order.id == OrderLine.order_id)
    .join(Offer, Offer.id == OrderLine.offer_id)
    .join(Project, Project.id == OrderLine.project_id)
    .join(Issuance, Issuance.id == OrderLine.issuance_id)
    .join(Beneficiary, Beneficiary.id == OrderLine.beneficiary_id)
)


def init_app() -> None:
    """Say what carries out a refusal, and which orders a new edition of a list is compared with."""
    on_agreement(REFUSE_ORDER, _refuse)
    screen_again(KIND, open_subjects, reference_of)


# --- begin -------------------------------------------------------------------------------------------


def begin(order_id: int, registries: Registries, now: datetime) -> bool:
    """Take a paid order to the registry, or hold it: one transaction. False when somebody else was faster."""
    try:
        is_done = _begin(order_id, registries, now)
    except RegistryLost as lost:
        with transaction():
            is_done = advance(
                Order, order_id, ORDER, _S.RISK_HOLD, at=now, sources=(_S.PAID,), facts={"reason": lost.code}
            )
    checkpoints.reached("job.claimed")
    return is_done


def _begin(order_id: int, registries: Registries, now: datetime) -> bool:
    with transaction() as session:
        # An operator who holds the order at this moment comes before this decision, or after it.
        order = session.get_one(Order, order_id, with_for_update=True, populate_existing=True)
        is_like_a_listed_name = order.state is _S.PAID and screen(KIND, order_id, names_of(order), now)
        reason = LIKE_A_LISTED_NAME if is_like_a_listed_name else order.hold_reason
        if reason:
            return advance(Order, order_id, ORDER, _S.RISK_HOLD, at=now, sources=(_S.PAID,), facts={"reason": reason})
        return _set_going(order_id, _S.PAID, registries, now)


def names_of(order: Order) -> tuple[str, ...]:
    """Every name behind an order: on whose behalf it is, and its buyer's where the buyer has an account."""
    names = write(_NAMES, {"order_id": order.id, "person_id": order.person_id}).scalars()
    return tuple(name for name in names if name)


def open_subjects() -> list[ScreenedSubject]:
    """Paid orders that nothing was sent of yet."""
    rows = db.session.scalars(select(Order).where(Order.state.in_(_COMPARED)).order_by(Order.id)).all()
    return [ScreenedSubject(KIND, order.id, names_of(order)) for order in rows]


def compared_until(order: Order, now: datetime) -> datetime | None:
    """Until when (aware) the names of an order were compared with the lists that counted; None if they never were.

    An edition that came later says nothing of it.
    """
    if order.state in _COMPARED:
        return now
    return db.session.scalar(
        select(func.max(StateEvent.at)).where(
            StateEvent.machine == ORDER.machine,
            StateEvent.subject_id == order.id,
            StateEvent.from_state.in_([state.value for state in _COMPARED]),
        )
    )


def reference_of(order_id: int) -> str:
    """What people call an order; empty for none."""
    return db.session.scalar(select(Order.reference).where(Order.id == order_id)) or ""


def _set_going(order_id: int, source: OrderState, registries: Registries, now: datetime) -> bool:
    """Begun and planned are one fact. Raises RegistryLost; nothing is begun then."""
    if not advance(Order, order_id, ORDER, _S.FULFILLING, at=now, sources=(source,), hold_reason=""):
        return False
    lines = db.session.execute(_PLANNED, {"order_id": order_id}).all()
    try:
        names = {account: registries.of_account(account).name for account in {line.account for line in lines}}
    except UnknownRegistry as unknown:
        raise RegistryLost from unknown
    plans = [
        Plan(
            cause=Cause(order_id, line.id, key=f"order:{line.token}:{line.position}", at=line.placed_at),
            registry=names[line.account],
            account=line.account,
            project_reference=line.reference,
            issuance=line.Issuance,
            units=line.units,
            beneficiary_name=line.name,
            purpose=line.purpose,
        )
        for line in lines
    ]
    plan_cancellations(plans, now)
    return True


def hold_disputed(order_id: int, now: datetime) -> None:
    """Keep a paid order from the registry whose payment is disputed, inside the caller's transaction.

    What was begun goes on: nobody can tell how much of it the registry has done.
    """
    order = db.session.get_one(Order, order_id, with_for_update=True, populate_existing=True)
    if order.state in _COMPARED and not order.hold_reason:
        order.hold_reason = disputes.PAYMENT_DISPUTED
    facts = {"reason": disputes.PAYMENT_DISPUTED}
    advance(Order, order_id, ORDER, _S.RISK_HOLD, at=now, sources=(_S.PAID,), facts=facts)


# --- what operators decide ---------------------------------------------------------------------------


def hold(order_id: int, actor: Actor, reason: str, now: datetime) -> None:
    """Keep an order from the registry until a person lets it go; one that is unpaid stops when it is paid.

    Raises ReasonMissing, or OrderBegun when it is too late.
    """
    kept = required_reason(reason)
    with transaction() as session:
        order = session.get_one(Order, order_id, with_for_update=True, populate_existing=True)
        if order.state not in NOT_BEGUN:
            raise OrderBegun(state=order.state.value)
        order.hold_reason = kept
        session.flush()
        advance(Order, order_id, ORDER, _S.RISK_HOLD, at=now, sources=(_S.PAID,), facts={"reason": kept})
        note_act(actor, "order_held", subject_of(order), at=now, reason=kept)


def let_go(order_id: int, actor: Actor, reason: str, now: datetime) -> None:
    """Take a held order to the registry after all, or take the reason to hold it off one that is not paid yet.

    Raises ReasonMissing, MatchOpen while a likeness is pending or was confirmed, PaymentDisputed while the bank may
    have its money, RegistryLost, or OrderNotHeld.
    """
    kept = required_reason(reason)
    with transaction() as session:
        order = session.get_one(Order, order_id, with_for_update=True, populate_existing=True)
        found = standing(KIND, order_id)
        if found is not Standing.CLEAR:
            raise MatchOpen(standing=found.value)
        if disputes.stand_against_order(order_id):
            raise PaymentDisputed
        is_only_marked = order.state in NOT_BEGUN and order.state is not _S.RISK_HOLD and bool(order.hold_reason)
        if is_only_marked:
            order.hold_reason = ""
        elif not _set_going(order_id, _S.RISK_HOLD, current_registries(), now):
            raise OrderNotHeld(state=order.state.value)
        note_act(actor, "order_let_go", subject_of(order), at=now, reason=kept)


def propose_refusal(order_id: int, actor: Actor, *, reason: str, now: datetime) -> int:
    """Propose to end a held order and to give all of its money back; gives the proposal's id.

    Raises OrderNotHeld, and what `propose` raises.
    """
    order = db.session.get_one(Order, order_id)
    if order.state is not _S.RISK_HOLD:
        raise OrderNotHeld(state=order.state.value)
    facts = {"amount": _owed(order).minor, "currency": order.currency}
    return propose(actor, REFUSE_ORDER, subject_of(order), reason=reason, facts=facts, now=now)


def _refuse(proposal: Proposal, now: datetime) -> None:
    """End a held order: its units are for sale again and its money is owed back, because nothing was ever sent.

    Of money that a bank may have given back only people say that it goes back by us, so the mail promises none.
    """
    order_id = proposal.subject_id
    owed = _owed(db.session.get_one(Order, order_id))
    lines = db.session.scalars(_settled(OrderLine), {"order_id": order_id}).all()
    is_sent = db.session.scalar(select(exists().where(Cancellation.order_id == order_id)))
    if is_sent or not advance(Order, order_id, ORDER, _S.REFUSED, at=now, sources=(_S.RISK_HOLD,), finished_at=now):
        raise NoLongerPossible
    order = db.session.get_one(Order, order_id)
    offers.release_all([line.id for line in order.lines], now)
    payment = payments.get_paid(order_id)
    refund = payments.owe_refund(
        payment=payment,
        order_reference=order.reference,
        amount=owed,
        cause="held",
        order_line_id=None,
        now=now,
    )
    if disputes.stand_against(payment):
        mails.order_refused(order, lines, current.settings(), now, is_disputed=True, is_by_registry=False)
    else:
        mails.refund_made(order, refund, current.settings(), now)


def _owed(order: Order) -> Money:
    """What a refusal gives back: the price of every line whose units the order has."""
    paid = db.session.scalars(_settled(OrderLine.amount), {"order_id": order.id})
    return Money(sum(paid), order.currency)


def subject_of(order: Order) -> Subject:
    """An order as acts and proposals name it."""
    return Subject(KIND, order.id, order.reference)
