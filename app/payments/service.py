"""Payments and refunds as rows: what we asked for, what the gateway says, and what goes back."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, func, select, update

from app.db import add_row_with_id, advance, db, end_reading, read_ids, record, transaction, write
from app.kernel import checkpoints
from app.kernel.clock import Clock
from app.kernel.money import Money
from app.payments import disputes
from app.payments.models import Payment, Refund
from app.payments.ports import (
    GatewayFault,
    GatewayOutcomeUnknown,
    GatewayRefusal,
    GatewayUnavailable,
    PaymentGateway,
    PaymentStart,
    RefundOutcome,
    RefundStatus,
)
from app.payments.states import PAYMENT, REFUND, PaymentState, RefundState

log = logging.getLogger(__name__)

SESSION_LIFE = timedelta(minutes=31)
# No gateway opens a page for less than half an hour; the rest is for the way there and clocks that differ.
SHORTEST_SESSION = timedelta(minutes=30, seconds=30)
HOLD = timedelta(minutes=41)
DELAYED_HOLD = timedelta(days=14)
CHECK_EVERY = timedelta(minutes=5)
RESUME_AFTER = timedelta(minutes=1)
REFUND_BACKOFF = (10, 60, 300, 1800, 7200)  # seconds

UNFINISHED = (PaymentState.CREATED, PaymentState.OPEN, PaymentState.PROCESSING)
WANTED = (RefundState.DUE, RefundState.REQUESTED)

# Said once: the worker asks in every round.
UNCHECKED = (
    select(Payment.id)
    .where(Payment.state.in_(UNFINISHED), Payment.next_check_at <= bindparam("now"))
    .order_by(Payment.next_check_at)
    .limit(bindparam("most"))
)
_ATTEMPTS = select(
    func.max(Payment.attempt).label("last"),
    func.count(Payment.id).filter(Payment.state.in_(UNFINISHED)).label("unfinished"),
).where(Payment.order_id == bindparam("order_id"))
OWED = (
    select(Refund.id)
    .where(Refund.state.in_(WANTED), Refund.next_action_at <= bindparam("now"))
    .order_by(Refund.next_action_at, Refund.id)
    .limit(bindparam("most"))
)


@dataclass(frozen=True)
class Attempts:
    """How often it was tried to pay an order (the number of the last try), and whether one could still succeed."""

    last: int
    is_unfinished: bool


def create_payment(
    *,
    order_id: int,
    order_reference: str,
    attempt: int,
    amount: Money,
    gateway: str,
    now: datetime,
    until: datetime | None = None,
) -> int:
    """Write an attempt to pay an order, inside the caller's transaction, before any call; gives the payment's id.

    Its page lives for `SESSION_LIFE`, but never longer than `until`.
    """
    ends_at = now + SESSION_LIFE if until is None else min(until, now + SESSION_LIFE)
    payment_id = add_row_with_id(
        Payment,
        order_id=order_id,
        attempt=attempt,
        gateway=gateway,
        idempotency_key=f"checkout:{order_reference}:{attempt}",
        state=PaymentState.CREATED,
        amount=amount.minor,
        currency=amount.currency,
        # Whole seconds: gateways have no finer time, and the repeated request must be the same.
        expires_at=ends_at.replace(microsecond=0),
        next_check_at=now + RESUME_AFTER,
        created_at=now,
    )
    record(PAYMENT.machine, payment_id, None, PaymentState.CREATED, at=now)
    return payment_id


def mark_open(payment_id: int, start: PaymentStart, now: datetime) -> None:
    """Store where the hosted page is."""
    with transaction():
        advance(
            Payment,
            payment_id,
            PAYMENT,
            PaymentState.OPEN,
            at=now,
            sources=(PaymentState.CREATED,),
            gateway_reference=start.gateway_reference,
            gateway_url=start.url,
            next_check_at=now + CHECK_EVERY,
        )


def mark_failed(payment_id: int, now: datetime) -> None:
    """The gateway refused to open this payment; nothing was charged."""
    with transaction():
        advance(Payment, payment_id, PAYMENT, PaymentState.FAILED, at=now, sources=(PaymentState.CREATED,))


def get_gateway_reference(payment_id: int) -> str:
    """The gateway's name for a payment that was opened. Raises GatewayFault for one that was not."""
    reference = db.session.get_one(Payment, payment_id).gateway_reference
    end_reading()
    if reference is None:
        raise GatewayFault(f"payment {payment_id} was never opened")
    return reference


def get_paid(order_id: int) -> Payment:
    """The first payment of an order that succeeded. Raises NoResultFound for an order never paid."""
    return db.session.scalars(
        select(Payment)
        .where(Payment.order_id == order_id, Payment.state == PaymentState.SUCCEEDED)
        .order_by(Payment.succeeded_at, Payment.id)
        .limit(1)
    ).one()


def draw(payment: Payment, *, order_id: int, order_reference: str, amount: Money, now: datetime) -> Payment:
    """Pay an order with money of an earlier payment, inside the caller's transaction. No gateway is asked.

    The caller has made sure that the money belongs to units which certainly were not cancelled, and that it is
    neither refunded nor drawn already.
    """
    # Whoever writes down that its buyer disputes it comes before this, or after it.
    db.session.get_one(Payment, payment.id, with_for_update=True)
    drawn = Payment(
        order_id=order_id,
        attempt=1,
        gateway=payment.gateway,
        idempotency_key=f"drawn:{order_reference}",
        state=PaymentState.SUCCEEDED,
        amount=amount.minor,
        currency=amount.currency,
        method=payment.method,
        expires_at=now,
        next_check_at=now,
        created_at=now,
        succeeded_at=now,
        drawn_from_id=payment.id,
    )
    db.session.add(drawn)
    db.session.flush()
    record(PAYMENT.machine, drawn.id, None, PaymentState.SUCCEEDED, at=now, facts={"drawn_from": payment.id})
    return drawn


def attempts_of(order_id: int) -> Attempts:
    """What was tried to pay an order so far."""
    row = write(_ATTEMPTS, {"order_id": order_id}).one()
    return Attempts(row.last or 0, bool(row.unfinished))


def unfinished_payments(order_id: int) -> list[int]:
    """Ids of an order's payments that could still be paid."""
    rows = db.session.scalars(
        select(Payment.id).where(Payment.order_id == order_id, Payment.state.in_(UNFINISHED)).order_by(Payment.id)
    ).all()
    return list(rows)


def due_payments(now: datetime, limit: int = 100) -> list[int]:
    """Ids of payments that nobody told us about for a while."""
    return read_ids(UNCHECKED, now=now, most=limit)


def check_later(payment_id: int, now: datetime) -> None:
    """The gateway could not say what became of a payment: it is asked again in a while."""
    with transaction() as session:
        session.execute(update(Payment).where(Payment.id == payment_id).values(next_check_at=now + RESUME_AFTER))


# --- refunds -------------------------------------------------------------------------------------


def owe_refund(
    *,
    payment: Payment,
    order_reference: str,
    amount: Money,
    cause: str,
    order_line_id: int | None,
    now: datetime,
    arrived: int | None = None,
) -> Refund:
    """Decide that `amount` goes back, inside the caller's transaction.

    The key counts decisions, never amounts: two equal partial refunds are two refunds. `arrived` is
    what came in minor units where it differs from what was asked for. Money that was drawn from an earlier
    payment goes back by that one. Raises GatewayFault when the refunds of a payment would exceed it.
    """
    order_id = payment.order_id
    # Whoever decides about another part of this money at the same time waits here: decisions are counted and added up.
    payment = db.session.get_one(Payment, payment.drawn_from_id or payment.id, with_for_update=True)
    earlier, owed = db.session.execute(
        select(func.count(Refund.id), func.coalesce(func.sum(Refund.amount), 0)).where(Refund.payment_id == payment.id)
    ).one()
    if owed + amount.minor > (payment.amount if arrived is None else arrived):
        raise GatewayFault(f"refunds of payment {payment.id} would exceed it")
    refund = Refund(
        payment_id=payment.id,
        order_id=order_id,
        order_line_id=order_line_id,
        cause=cause,
        key=f"refund:{order_reference}:{payment.attempt}:{earlier + 1}",
        state=RefundState.DUE,
        amount=amount.minor,
        currency=amount.currency,
        next_action_at=now,
        created_at=now,
    )
    db.session.add(refund)
    db.session.flush()
    record(REFUND.machine, refund.id, None, RefundState.DUE, at=now, facts={"cause": cause})
    return refund


def is_refunded(payment_id: int) -> bool:
    """Whether any of a payment was decided to go back."""
    return db.session.scalar(select(Refund.id).where(Refund.payment_id == payment_id).limit(1)) is not None


def due_refunds(now: datetime, limit: int = 100) -> list[int]:
    """Ids of refunds to be asked for, or asked about."""
    return read_ids(OWED, now=now, most=limit)


def pursue_refund(refund_id: int, gateway: PaymentGateway, clock: Clock) -> None:
    """Ask for a refund, or ask where it stands. The same key goes with every try.

    One that failed, or that was paid by hand, is asked about and never asked for: people decide. So they do about one
    whose payment is disputed: the bank may give the same money back. Raises
    GatewayUnavailable where the gateway cannot say what became of one that nobody asks about by the clock.
    """
    refund = db.session.get_one(Refund, refund_id)
    payment = db.session.get_one(Payment, refund.payment_id)
    known, key, amount, state = refund.gateway_reference, refund.key, refund.money, refund.state
    # One that the gateway may have made already is asked for again: it says what is true.
    is_new = known is None and refund.attempts == 0 and state in WANTED
    is_disputed = is_new and disputes.is_refund_forbidden(payment.id, is_retried=state is RefundState.REQUESTED)
    reference, charge = payment.gateway_reference, payment.charge_reference
    end_reading()
    if known is None and state not in WANTED:
        return
    if is_disputed:
        log.error("refund of a disputed payment", extra={"facts": {"refund": refund_id}})
        _fail_refund(refund_id, disputes.PAYMENT_DISPUTED, clock.now())
        return
    checkpoints.reached("refund.before_call")
    try:
        if known is not None:
            status = gateway.refund_status(known)
        else:
            status = gateway.refund(reference or "", charge, amount, key)
    except (GatewayUnavailable, GatewayOutcomeUnknown, GatewayRefusal, GatewayFault) as problem:
        is_refused = isinstance(problem, (GatewayRefusal, GatewayFault))
        if is_refused:
            log.error("refund refused", extra={"facts": {"refund": refund_id, "problem": str(problem)}})
        if state not in WANTED:
            raise GatewayUnavailable(refund=refund_id) from problem
        # What the gateway will not make has failed; what it took has not, whatever it says when asked.
        record = _fail_refund if is_refused and known is None else _try_refund_later
        record(refund_id, str(problem), clock.now())
        return
    checkpoints.reached("refund.after_call")
    _record_refund(refund_id, status, clock.now())


def _fail_refund(refund_id: int, message: str, now: datetime) -> None:
    with transaction():
        advance(Refund, refund_id, REFUND, RefundState.FAILED, at=now, last_message=message[:500])


def _try_refund_later(refund_id: int, message: str, now: datetime) -> None:
    with transaction() as session:
        refund = session.get_one(Refund, refund_id)
        refund.next_action_at = now + _refund_pause(refund)
        refund.attempts += 1
        refund.last_message = message[:500]


def _refund_pause(refund: Refund) -> timedelta:
    return timedelta(seconds=REFUND_BACKOFF[min(refund.attempts, len(REFUND_BACKOFF) - 1)])


def _record_refund(refund_id: int, status: RefundStatus, now: datetime) -> None:
    with transaction() as session:
        # What was said of earlier tries, a dispute among it, holds no longer.
        reference, said = status.gateway_reference, ""
        if status.outcome is RefundOutcome.SUCCEEDED:
            advance(
                Refund, refund_id, REFUND, RefundState.SUCCEEDED, at=now, gateway_reference=reference, last_message=said
            )
        elif status.outcome is RefundOutcome.FAILED:
            advance(
                Refund, refund_id, REFUND, RefundState.FAILED, at=now, gateway_reference=reference, last_message=said
            )
            log.error("refund failed", extra={"facts": {"refund": refund_id}})
        else:
            advance(
                Refund,
                refund_id,
                REFUND,
                RefundState.REQUESTED,
                at=now,
                sources=(RefundState.DUE,),
                gateway_reference=status.gateway_reference,
            )
            refund = session.get_one(Refund, refund_id)
            # One that is tried again was `requested` before.
            refund.gateway_reference, refund.last_message = status.gateway_reference, ""
            refund.next_action_at = now + _refund_pause(refund)
            refund.attempts += 1
