"""The daily balance: payments = orders + refunds = cancellations = certificates = units in the ledger, to the cent.

Each check compares two tables that say the same thing independently of each other, thing by thing, so that two
errors never make up for each other. Sums of what is final are closed: they may never change again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import Executable, case, func, literal, or_, select
from sqlalchemy.orm import aliased

from app.audit.models import Proposal
from app.audit.states import ProposalState
from app.certificates.facts import fingerprint
from app.certificates.models import Certificate, RegisterBlock, RegisterEntry, RegisterTotal
from app.checkout.models import Order, OrderLine, Remedy
from app.checkout.service.review import DIFFERS
from app.checkout.states import UNDERWAY, OrderState, RemedyState
from app.db import StateEvent, db, end_reading, transaction
from app.direct.models import DirectCancellation
from app.direct.states import DirectState
from app.offers.models import Offer, Reservation
from app.offers.states import ReservationState
from app.payments.models import Payment, Payout, Refund
from app.payments.payouts import RECORD_PAYOUT, balances, currencies
from app.payments.states import PaymentState
from app.providers.models import Provider
from app.reconciliation.currencies import currencies_of_money
from app.reconciliation.disputed import disputes_and_payments
from app.reconciliation.levels import Difference
from app.reconciliation.models import ClosedSum
from app.reconciliation.states import FindingKind
from app.registry.ledger.models import LedgerTransaction, LedgerTransactionBlock
from app.registry.models import Cancellation, CancelledBlock
from app.registry.states import CANCELLATION, CancellationState

# What one check saw is closed by a later one, and not by one that somebody asks for a moment later.
STILL_OPEN = timedelta(hours=1)

Pairs = Iterator[tuple[str, int, int]]  # what is meant, and what either side says of it
_CONFIRMED = CancellationState.CONFIRMED
_Root = aliased(Payment)


def check(now: datetime) -> tuple[int, list[Difference]]:
    """Prove every equation; gives how many pairs of sums were compared and the ones that differ. Writes closed sums."""
    compared, found = 0, []
    for name, pairs in CHECKS.items():
        number, differing = _differing(pairs)
        compared += number
        found += [_difference(name, *each) for each in (_still(differing, pairs) if differing else ())]
    closed = _closed(now)
    return compared + len(closed), found + [each for each in closed if each is not None]


def _differing(pairs: Callable[[], Pairs]) -> tuple[int, list[tuple[str, int, int]]]:
    """How many pairs one check has, and those that differ."""
    compared, found = 0, []
    for subject, ours, theirs in pairs():
        compared += 1
        if ours != theirs:
            found.append((subject, ours, theirs))
    end_reading()
    return compared, found


def _still(found: list[tuple[str, int, int]], pairs: Callable[[], Pairs]) -> list[tuple[str, int, int]]:
    """Those that differ by as much when they are asked again.

    On PostgreSQL each statement of a check sees what is committed when it begins, and the shop goes on selling.
    """
    before = {(subject, ours - theirs) for subject, ours, theirs in found}
    return [each for each in _differing(pairs)[1] if (each[0], each[1] - each[2]) in before]


def _difference(check: str, subject: str, ours: int, theirs: int) -> Difference:
    return Difference(
        FindingKind.BALANCE_DIFFERS, subject=f"{check}: {subject}"[:200], ours=str(ours), theirs=str(theirs)
    )


# --- money -----------------------------------------------------------------------------------------------


def _orders_and_lines() -> Pairs:
    """What an order costs, and what its lines cost."""
    yield from _pairs(
        select(Order.reference, Order.total, func.coalesce(func.sum(OrderLine.amount), 0))
        .outerjoin(OrderLine, OrderLine.order_id == Order.id)
        .group_by(Order.id, Order.reference, Order.total)
    )


def _payments_and_orders() -> Pairs:
    """What came less what goes back, and what of an order still stands, in minor units.

    An order bought with the money of an earlier one is counted together with it.
    """
    names = dict(db.session.execute(select(Order.id, Order.reference)).all())
    root = dict(
        db.session.execute(
            select(Payment.order_id, _Root.order_id).join(_Root, _Root.id == Payment.drawn_from_id)
        ).all()
    )
    received = _sums(
        select(Payment.order_id, func.sum(Payment.amount))
        .where(Payment.state == PaymentState.SUCCEEDED, Payment.drawn_from_id.is_(None))
        .group_by(Payment.order_id)
    )
    given_back = _sums(
        select(Payment.order_id, func.sum(Refund.amount))
        .join(Refund, Refund.payment_id == Payment.id)
        .group_by(Payment.order_id)
    )
    stands = _sums(
        select(OrderLine.order_id, func.sum(OrderLine.amount))
        .where(
            or_(
                OrderLine.id.in_(
                    select(Reservation.order_line_id).where(Reservation.state == ReservationState.SETTLED)
                ),
                OrderLine.id.in_(select(Remedy.order_line_id).where(Remedy.state == RemedyState.OFFERED)),
            )
        )
        .group_by(OrderLine.order_id)
    )
    # An amount that differs from what was asked for is a matter for people until it went back.
    undecided = set(db.session.scalars(select(Order.id).where(Order.state == OrderState.PAYMENT_REVIEW)))
    undecided |= set(db.session.scalars(select(Refund.order_id).where(Refund.cause == DIFFERS)))
    kept: dict[int, int] = {}
    standing: dict[int, int] = {}
    for order_id in names:
        family = root.get(order_id, order_id)
        kept[family] = kept.get(family, 0) + received.get(order_id, 0) - given_back.get(order_id, 0)
        standing[family] = standing.get(family, 0) + stands.get(order_id, 0)
    for family, amount in kept.items():
        if family not in undecided:
            yield names[family], amount, standing[family]


def _refunds_and_lines() -> Pairs:
    """What goes back for one line, and what the line cost, less the other units that its buyer took instead."""
    instead = select(Order.total).where(Order.id == Remedy.substitute_order_id, Remedy.order_line_id == OrderLine.id)
    owed = OrderLine.amount - func.coalesce(instead.scalar_subquery(), 0)
    yield from _pairs(select(Refund.key, Refund.amount, owed).join(OrderLine, OrderLine.id == Refund.order_line_id))


def _payouts_and_decisions() -> Pairs:
    """What was written down as sent to a participant, and what two operators agreed on."""
    agreed = {
        (proposal.subject_id, *map(proposal.facts.get, ("reference", "currency"))): int(proposal.facts["amount"])
        for proposal in db.session.scalars(
            select(Proposal).where(Proposal.kind == RECORD_PAYOUT, Proposal.state == ProposalState.CARRIED_OUT)
        )
    }
    for payout in db.session.scalars(select(Payout)):
        yield payout.reference, payout.amount, agreed.get((payout.provider_id, payout.reference, payout.currency), 0)


def _sellers() -> Pairs:
    """Nobody was sent more than they earned: the overdraft of each participant is nothing."""
    names = dict(db.session.execute(select(Provider.id, Provider.code)).all())
    for currency in currencies():
        for provider_id, balance in balances(currency).items():
            yield f"{names[provider_id]} {currency}", min(0, balance.owed), 0


def _closed(now: datetime) -> list[Difference | None]:
    """Sellers' shares of what was confirmed are closed a check after the one that saw it: then they stay the same.

    What was confirmed is counted by the numbers of its events: those only grow, where clocks are set and jump. A number
    may show after a higher one, while its transaction lasts, but not by the next check.
    """
    shares = cache(_shares)
    found: list[Difference | None] = []
    with transaction() as session:
        newest = session.scalar(select(func.max(StateEvent.id))) or 0
        known = {(each.name, each.currency): each for each in session.scalars(select(ClosedSum))}
        for (name, currency), each in known.items():
            amount = shares(each.through_event).get((name, currency), 0)
            is_same = amount == each.amount
            found.append(None if is_same else _difference("closed", f"{name} {currency}", amount, each.amount))
            if is_same and each.seen_at <= now - STILL_OPEN:
                each.amount = shares(each.seen_event).get((name, currency), 0)
                each.through_event, each.seen_event, each.seen_at = each.seen_event, newest, now
        for name, currency in shares(newest).keys() - known.keys():
            nothing_yet = {"amount": 0, "through_event": 0}
            session.add(ClosedSum(name=name, currency=currency, seen_event=newest, seen_at=now, **nothing_yet))
    return found


def _shares(through_event: int) -> Mapping[tuple[str, str], int]:
    """Sellers' shares in minor units of what was confirmed up to an event, by seller and currency."""
    confirmed = select(StateEvent.subject_id).where(
        StateEvent.machine == CANCELLATION.machine,
        StateEvent.to_state == _CONFIRMED.value,
        StateEvent.id <= through_event,
    )
    rows = db.session.execute(
        select(Provider.code, Order.currency, func.sum(OrderLine.seller_share))
        .join(OrderLine, OrderLine.provider_id == Provider.id)
        .join(Order, Order.id == OrderLine.order_id)
        .join(Cancellation, Cancellation.order_line_id == OrderLine.id)
        .where(Cancellation.id.in_(confirmed))
        .group_by(Provider.code, Order.currency)
    )
    return {(f"seller {code}", currency): int(amount) for code, currency, amount in rows}


# --- units -----------------------------------------------------------------------------------------------


def _lines_and_reservations() -> Pairs:
    """Units of a line, and units taken out of its offer."""
    yield from _pairs(
        select(Order.reference, OrderLine.units, Reservation.units)
        .join(OrderLine, OrderLine.order_id == Order.id)
        .join(Reservation, Reservation.order_line_id == OrderLine.id)
    )


def _offers_and_reservations() -> Pairs:
    """What an offer says is held and sold, and what its reservations add up to."""
    for state, counter in (
        (ReservationState.HELD, Offer.units_reserved),
        (ReservationState.SETTLED, Offer.units_settled),
    ):
        units = func.coalesce(func.sum(case((Reservation.state == state, Reservation.units), else_=0)), 0)
        yield from _pairs(
            select(Offer.code, counter, units)
            .outerjoin(Reservation, Reservation.offer_id == Offer.id)
            .group_by(Offer.id, Offer.code, counter)
        )


def _settled_and_confirmed() -> Pairs:
    """Units that were sold for good, and units that are cancelled, of every line that waits for nothing any more."""
    is_confirmed = (Cancellation.order_line_id == OrderLine.id) & (Cancellation.state == _CONFIRMED)
    yield from _pairs(
        select(Order.reference, Reservation.units, func.coalesce(Cancellation.units, 0))
        .join(OrderLine, OrderLine.order_id == Order.id)
        .join(Reservation, Reservation.order_line_id == OrderLine.id)
        .outerjoin(Cancellation, is_confirmed)
        .where(Reservation.state == ReservationState.SETTLED, Order.state.not_in(UNDERWAY))
    )


def _lines_and_cancellations() -> Pairs:
    """Units of a line or of a direct cancellation, and units that the registry was asked to cancel for it."""
    for asked_for, of in (
        (OrderLine, Cancellation.order_line_id),
        (DirectCancellation, Cancellation.direct_cancellation_id),
    ):
        yield from _pairs(
            select(Cancellation.reference, asked_for.units, Cancellation.units).join(asked_for, asked_for.id == of)
        )


def _cancellations_and_blocks() -> Pairs:
    """Units of a confirmed cancellation, and its serial numbers counted."""
    yield from _pairs(
        select(
            Cancellation.reference,
            Cancellation.units,
            func.coalesce(func.sum(CancelledBlock.last - CancelledBlock.first + 1), 0),
        )
        .outerjoin(CancelledBlock, CancelledBlock.cancellation_id == Cancellation.id)
        .where(Cancellation.state == _CONFIRMED)
        .group_by(Cancellation.id, Cancellation.reference, Cancellation.units)
    )


def _numbers_once() -> Pairs:
    """Blocks that begin before the one before them ends: there is none, and the database refuses them."""
    for block in (CancelledBlock, RegisterBlock):
        ends = func.lag(block.last).over(partition_by=block.space, order_by=block.first)
        spans = select(block.space, block.first, ends.label("ends")).subquery()
        overlaps = func.sum(case((spans.c.first <= spans.c.ends, 1), else_=0))
        yield from _pairs(select(spans.c.space, overlaps, literal(0)).group_by(spans.c.space))


def _cancellations_and_ledger() -> Pairs:
    """Units of a cancellation that the embedded ledger confirmed, as the ledger has them and as its blocks do."""
    blocks = (
        select(func.sum(LedgerTransactionBlock.last - LedgerTransactionBlock.first + 1))
        .where(LedgerTransactionBlock.transaction_id == LedgerTransaction.id)
        .correlate(LedgerTransaction)
        .scalar_subquery()
    )
    for theirs in (LedgerTransaction.units, blocks):
        yield from _pairs(
            select(Cancellation.reference, Cancellation.units, func.coalesce(theirs, 0))
            .outerjoin(LedgerTransaction, LedgerTransaction.reference == Cancellation.reference)
            .where(Cancellation.state == _CONFIRMED, Cancellation.registry_code == "ledger")
        )


def _orders_and_certificates() -> Pairs:
    """Units that were cancelled for a finished order or a direct cancellation, and units on its certificates."""
    done = (OrderState.FULFILLED, OrderState.PARTLY_FULFILLED, OrderState.REFUSED)
    certified = _sums(
        select(Certificate.order_id, func.sum(RegisterEntry.units))
        .join(RegisterEntry, RegisterEntry.certificate_id == Certificate.id)
        .group_by(Certificate.order_id)
    )
    for order_id, reference, units in db.session.execute(
        select(
            Order.id,
            Order.reference,
            func.coalesce(func.sum(case((Cancellation.state == _CONFIRMED, Cancellation.units), else_=0)), 0),
        )
        .outerjoin(Cancellation, Cancellation.order_id == Order.id)
        .where(Order.state.in_(done))
        .group_by(Order.id, Order.reference)
    ):
        yield reference, int(units), certified.get(order_id, 0)
    yield from _pairs(
        select(
            DirectCancellation.reference,
            case((Cancellation.state == _CONFIRMED, Cancellation.units), else_=0),
            func.coalesce(RegisterEntry.units, 0),
        )
        .outerjoin(Cancellation, Cancellation.direct_cancellation_id == DirectCancellation.id)
        .outerjoin(Certificate, Certificate.direct_cancellation_id == DirectCancellation.id)
        .outerjoin(RegisterEntry, RegisterEntry.certificate_id == Certificate.id)
        .where(DirectCancellation.state.in_((DirectState.FULFILLED, DirectState.REFUSED)))
    )


def _certificates_and_facts() -> Pairs:
    """Units in the register, units in the frozen facts, and whether the facts are those that were frozen."""
    rows = db.session.execute(
        select(Certificate.number, Certificate.facts, Certificate.facts_sha256, RegisterEntry.units)
        .join(RegisterEntry, RegisterEntry.certificate_id == Certificate.id)
        .execution_options(yield_per=500)
    )
    for number, text, sha256, units in rows:
        facts = json.loads(text)
        yield number, units, int(facts["units"])
        yield number, units, sum(int(transaction["units"]) for transaction in facts["transactions"])
        yield f"{number} SHA-256", int(fingerprint(text) == sha256), 1


def _certificates_and_serials() -> Pairs:
    """Units in the register, and the serial numbers that it is searched by."""
    yield from _pairs(
        select(
            Certificate.number,
            RegisterEntry.units,
            func.coalesce(func.sum(RegisterBlock.last - RegisterBlock.first + 1), 0),
        )
        .join(RegisterEntry, RegisterEntry.certificate_id == Certificate.id)
        .outerjoin(RegisterBlock, RegisterBlock.certificate_id == Certificate.id)
        .group_by(Certificate.id, Certificate.number, RegisterEntry.units)
    )


def _register_and_totals() -> Pairs:
    """The register’s entries, and the sums that its pages print."""
    entries = db.session.scalar(select(func.coalesce(func.sum(RegisterEntry.units), 0))) or 0
    totals = db.session.scalar(select(func.coalesce(func.sum(RegisterTotal.units), 0))) or 0
    yield "register", int(entries), int(totals)


def _pairs(query: Executable) -> Pairs:
    for name, ours, theirs in db.session.execute(query):
        yield str(name), int(ours), int(theirs)


def _sums(query: Executable) -> dict[int, int]:
    """What a query adds up, by the id that it groups by."""
    return {key: int(amount) for key, amount in db.session.execute(query) if key is not None}


CHECKS: dict[str, Callable[[], Pairs]] = {
    "order lines": _orders_and_lines,
    "payments": _payments_and_orders,
    "refunds": _refunds_and_lines,
    "currencies": currencies_of_money,
    "payouts": _payouts_and_decisions,
    "sellers": _sellers,
    "disputes": disputes_and_payments,
    "reservations": _lines_and_reservations,
    "offers": _offers_and_reservations,
    "settled lines": _settled_and_confirmed,
    "cancellations": _lines_and_cancellations,
    "serial numbers": _cancellations_and_blocks,
    "serial numbers once": _numbers_once,
    "ledger": _cancellations_and_ledger,
    "certificates": _orders_and_certificates,
    "frozen facts": _certificates_and_facts,
    "register serial numbers": _certificates_and_serials,
    "register totals": _register_and_totals,
}
