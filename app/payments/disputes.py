"""Disputes as rows: what the gateway said of buyers who ask their bank for the money of a payment back.

A dispute stands beside its payment, which stays succeeded. It stands against what the money was for while it is open,
and as long as the bank has taken any of it: nothing new is begun or given back with that money then.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, exists, func, or_, select, update
from sqlalchemy.orm import aliased

from app.db import advance, db, end_reading, insert_once_with_id, read_ids, record, transaction
from app.kernel.columns import is_one_of
from app.kernel.money import Money
from app.payments.models import Dispute, Payment, Refund
from app.payments.ports import DisputeStatus
from app.payments.states import DISPUTE, STANDING, DisputeState, RefundState

# Why an order is held and why a refund waits for people: a code, in words at the desk.
PAYMENT_DISPUTED = "payment_disputed"
CHECK_EVERY = timedelta(days=1)
ASK_AGAIN_AFTER = timedelta(hours=1)

IS_OPEN = is_one_of(Dispute.state, STANDING)
STANDS = or_(IS_OPEN, Dispute.taken > 0)
# One that is won is asked about until the bank has given the money back.
_IS_WATCHED = or_(IS_OPEN, (Dispute.state == DisputeState.WON) & (Dispute.taken > 0))

# Said once: the worker asks in every round.
UNCHECKED = (
    select(Dispute.payment_id)
    .where(_IS_WATCHED, Dispute.next_check_at <= bindparam("now"))
    .order_by(Dispute.next_check_at, Dispute.id)
    .limit(bindparam("most"))
)
# Whoever has all of a payment back waits for nothing, and what is disputed of it is no money of an order any more.
_GIVEN_BACK = (
    select(func.sum(Refund.amount))
    .where(Refund.payment_id == Dispute.payment_id, Refund.state == RefundState.SUCCEEDED)
    .correlate(Dispute)
    .scalar_subquery()
)
_HAS_GONE_BACK = exists().where(Payment.id == Dispute.payment_id, Payment.amount <= _GIVEN_BACK)
_Paid = aliased(Payment)
_IS_OF_ITS_MONEY = or_(_Paid.id == Dispute.payment_id, _Paid.drawn_from_id == Dispute.payment_id)


def due_disputes(now: datetime, limit: int = 100) -> list[int]:
    """Ids of payments whose disputes nobody told us about for a while."""
    return list(dict.fromkeys(read_ids(UNCHECKED, now=now, most=limit)))


def check_later(payment_id: int, now: datetime) -> None:
    """The gateway could not say what became of the disputes of a payment: it is asked again in a while."""
    with transaction():
        _ask_again(payment_id, now + ASK_AGAIN_AFTER)


def _ask_again(payment_id: int, at: datetime) -> None:
    db.session.execute(update(Dispute).where(Dispute.payment_id == payment_id).values(next_check_at=at))


def find_charge(payment_id: int) -> str | None:
    """The gateway's name for the charge of a payment; None for one that it never made."""
    charge = db.session.scalar(select(Payment.charge_reference).where(Payment.id == payment_id))
    end_reading()
    return charge


def payments_unwatched(charges: Sequence[str]) -> list[int]:
    """Ids of payments with one of these charges that nobody asks about by the clock.

    Also where what is known was decided: it may go on, and there may be another one.
    """
    is_watched = select(Dispute.id).where(Dispute.payment_id == Payment.id, _IS_WATCHED).exists()
    found = select(Payment.id).where(Payment.charge_reference.in_(charges), ~is_watched).order_by(Payment.id)
    ids = list(db.session.scalars(found))
    end_reading()
    return ids


def keep(payment: Payment, said: Sequence[DisputeStatus], now: datetime) -> bool:
    """Write what the gateway says, inside the caller's transaction, which has locked the payment.

    Gives whether any of it stands against what the money was for.
    """
    # Also for one that is not named any more.
    _ask_again(payment.id, now + CHECK_EVERY)
    for status in said:
        _keep(payment, status, now)
    return stand_against(payment)


def _keep(payment: Payment, status: DisputeStatus, now: datetime) -> None:
    values: dict[str, Any] = {
        "reason": status.reason,
        "amount": status.amount.minor,
        "currency": status.amount.currency,
        "taken": status.taken,
        "evidence_due_at": status.evidence_due_at,
        "next_check_at": now + CHECK_EVERY,
    }
    facts = {"taken": status.taken, "currency": status.amount.currency}
    new = insert_once_with_id(
        Dispute,
        payment_id=payment.id,
        order_id=payment.order_id,
        gateway_reference=status.gateway_reference,
        state=status.state,
        opened_at=status.opened_at,
        created_at=now,
        **values,
    )
    if new is not None:
        record(DISPUTE.machine, new, None, status.state, at=now, facts=facts)
        return
    known = db.session.scalars(select(Dispute).where(Dispute.gateway_reference == status.gateway_reference)).one()
    if not advance(Dispute, known.id, DISPUTE, status.state, at=now, facts=facts, **values):
        # It is in this state already; what was taken, and until when evidence is wanted, may be new.
        db.session.execute(update(Dispute).where(Dispute.id == known.id).values(**values))
    db.session.expire(known)


def stand_against(payment: Payment) -> bool:
    """Whether a dispute stands against the money of a payment, or against what it was drawn from."""
    of_money = select(Dispute.id).where(Dispute.payment_id == (payment.drawn_from_id or payment.id), STANDS)
    return db.session.scalar(of_money.limit(1)) is not None


def is_refund_forbidden(payment_id: int, *, is_retried: bool) -> bool:
    """Whether money of a payment must not be given back by us, because its buyer may have it, or get it, from the bank.

    Of an inquiry, which takes nothing, two operators may say that it goes back after all (`is_retried`).
    """
    condition = Dispute.taken > 0 if is_retried else STANDS
    return db.session.scalar(select(Dispute.id).where(Dispute.payment_id == payment_id, condition).limit(1)) is not None


def orders_of(payment_id: int) -> list[int]:
    """Ids of the orders that the money of a payment was for: its own, and those that drew on it."""
    of_money = or_(Payment.id == payment_id, Payment.drawn_from_id == payment_id)
    return list(db.session.scalars(select(Payment.order_id).where(of_money).order_by(Payment.order_id)))


def disputed_orders() -> Select[int]:
    """SQL: the ids of orders whose money a bank is asked for and has not decided about."""
    return select(_Paid.order_id).join(Dispute, _IS_OF_ITS_MONEY).where(IS_OPEN)


def disputes_of(order_id: int) -> tuple[Dispute, ...]:
    """Every dispute of the money of an order, oldest first."""
    return tuple(db.session.scalars(_of_order(order_id).order_by(Dispute.id)))


def stand_against_order(order_id: int) -> bool:
    """Whether a dispute stands against any money of an order that we have not given back whole."""
    return bool(db.session.scalar(select(stands_against(order_id))))


def stands_against(order_id: Any) -> ColumnElement[bool]:
    """SQL: the same."""
    return _of_order(order_id).where(STANDS, ~_HAS_GONE_BACK).exists()


def _of_order(order_id: Any) -> Select[Dispute]:
    return select(Dispute).join(_Paid, _IS_OF_ITS_MONEY).where(_Paid.order_id == order_id)


def lost() -> list[Money]:
    """What banks took for good, in each currency: the loss of the house (docs/adr/0007)."""
    sums = (
        select(Dispute.currency, func.sum(Dispute.taken))
        .where(Dispute.state == DisputeState.LOST, Dispute.taken > 0)
        .group_by(Dispute.currency)
        .order_by(Dispute.currency)
    )
    return [Money(int(minor), currency) for currency, minor in db.session.execute(sums)]
