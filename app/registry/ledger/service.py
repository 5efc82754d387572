"""The registry's own acts: issuing, taking the share of proceeds, and forwarding to participants.

Each is one transaction of the database and one or more of the registry's, each of one commitment period or
vintage. Voluntary cancellation comes through the port (`app.registry.adapters.ledger`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import func, select, update

from app.catalog.models import Issuance, Mechanism, Project, UnitType
from app.catalog.number_forms import fill
from app.db import db, insert_once, rows_changed, transaction
from app.kernel.money import Money
from app.kernel.serials import Span
from app.kernel.text import clean_line
from app.registry.ledger import books, codes
from app.registry.ledger.books import Entry, Moved, Place
from app.registry.ledger.errors import ForwardingUnfit, IssuanceUnfit, PaymentUnfit
from app.registry.ledger.levies import Levies, read_rules
from app.registry.ledger.models import (
    LedgerAccount,
    LedgerIssuance,
    LedgerPayment,
    LedgerTransaction,
)
from app.registry.ledger.pending import pending_of
from app.registry.ledger.rules import expires_on

MOST_UNITS = 10**12
REFERENCE_LENGTH = 80
PAYER_LENGTH = 200


@dataclass(frozen=True)
class Issue:
    """What is to be issued: `units` (tonnes) of one project and host Party, of one period or vintage."""

    project_reference: str
    unit_type: str
    party: str
    units: int
    commitment_period: int | None = None
    vintage_year: int | None = None


@dataclass(frozen=True)
class Issued:
    """What was issued: the ledger's id of it, its serial numbers, what was taken of it, and the transaction."""

    issuance_id: int
    span: Span
    levies: Levies
    entry: Entry


def issue(wish: Issue, *, now: datetime) -> Issued:
    """Issue the next serial numbers of a number space into the pending account, and take the shares.

    One counter serves all projects, unit types and periods of a space. The shares take the lowest numbers:
    those of the Adaptation Fund go into its account, those for mitigation are cancelled. The fee for
    administration is written down as due; nothing is forwarded before it is paid. `now` is aware. Raises
    IssuanceUnfit.
    """
    with transaction():
        books.lock()
        project, unit_type, mechanism = _fitting(wish)
        levies = read_rules().of(
            mechanism.code,
            now.date(),
            units=wish.units,
            is_least_developed=project.is_least_developed,
            requested=_requested(project.reference, now.year),
        )
        space = _space(wish, project, mechanism)
        first = _next_number(space)
        span = Span(space, first, first + wish.units - 1)
        issuance = LedgerIssuance(
            mechanism_code=mechanism.code,
            project_reference=project.reference,
            unit_type=unit_type.code,
            commitment_period=wish.commitment_period,
            vintage_year=wish.vintage_year,
            party=wish.party,
            **span._asdict(),
            fee_currency=levies.fee.currency if levies.fee else None,
            fee_due=levies.fee.minor if levies.fee else 0,
            expires_on=expires_on(unit_type.kyoto_code, wish.commitment_period, project.crediting_ends_on),
        )
        db.session.add(issuance)
        db.session.flush()
        entry = _enter_issuance(issuance, span, levies, now)
        return Issued(issuance.id, span, levies, entry)


def _fitting(wish: Issue) -> tuple[Project, UnitType, Mechanism]:
    project = db.session.scalar(select(Project).where(Project.reference == wish.project_reference))
    if project is None:
        raise IssuanceUnfit(field="project")
    unit_type = db.session.get(UnitType, wish.unit_type)
    if unit_type is None or unit_type.mechanism_code != project.mechanism_code:
        raise IssuanceUnfit(field="unit_type")
    if wish.party not in project.host_parties:
        raise IssuanceUnfit(field="party")
    if not 0 < wish.units <= MOST_UNITS:
        raise IssuanceUnfit(field="units")
    mechanism = db.session.get_one(Mechanism, project.mechanism_code)
    has_periods = mechanism.period_kind == "commitment_period"
    if has_periods and (wish.vintage_year is not None or wish.commitment_period not in codes.COMMITMENT_PERIODS):
        raise IssuanceUnfit(field="period")
    if not has_periods and (wish.vintage_year is None or wish.commitment_period is not None):
        raise IssuanceUnfit(field="period")
    return project, unit_type, mechanism


def _space(wish: Issue, project: Project, mechanism: Mechanism) -> str:
    return fill(
        mechanism.space_form,
        {
            "party": wish.party,
            "project": project.reference_number,
            "unit": wish.unit_type,
            "vintage": wish.vintage_year,
        },
    )


def _requested(project_reference: str, year: int) -> int:
    """How many units of a project were issued before in a calendar year (UTC)."""
    units = db.session.scalar(
        select(func.sum(LedgerIssuance.last - LedgerIssuance.first + 1))
        .join(LedgerTransaction, LedgerTransaction.id == LedgerIssuance.issued_in_id)
        .where(
            LedgerIssuance.project_reference == project_reference,
            LedgerTransaction.completed_at >= datetime(year, 1, 1, tzinfo=UTC),
            LedgerTransaction.completed_at < datetime(year + 1, 1, 1, tzinfo=UTC),
        )
    )
    return int(units or 0)


def _next_number(space: str) -> int:
    """One after the highest number of a space, in these books or in what the registry published."""
    highest = [
        db.session.scalar(select(func.max(LedgerIssuance.last)).where(LedgerIssuance.space == space)),
        db.session.scalar(select(func.max(Issuance.serial_last)).where(Issuance.space == space)),
    ]
    return max(number or 0 for number in highest) + 1


def _enter_issuance(issuance: LedgerIssuance, span: Span, levies: Levies, now: datetime) -> Entry:
    period = books.period_of(issuance)
    pending = books.system_account(issuance.mechanism_code, codes.PENDING_ACCOUNT)
    entry = books.enter(codes.ISSUANCE, None, pending, period, [Moved(issuance.id, span)], at=now)
    issuance.issued_in_id = entry.id
    first = span.first
    for share in levies.shares:
        account = books.system_account(issuance.mechanism_code, share.account_type)
        part = Span(span.space, first, first + share.units - 1)
        is_cancelled = codes.ACCOUNT_TYPES[share.account_type].use is codes.Use.CANCELLATION
        kind = codes.CANCELLATION if is_cancelled else codes.INTERNAL_TRANSFER
        books.enter(kind, pending, account, period, [Moved(issuance.id, part)], at=now)
        books.put(issuance.id, part, account.id)
        first = part.last + 1
    if first <= span.last:
        books.put(issuance.id, Span(span.space, first, span.last), pending.id)
    return entry


def pay_share_of_proceeds(issuance_id: int, amount: Money, *, payer: str, reference: str, now: datetime) -> int:
    """Book a payment of the share of proceeds for administration; gives its id. A part is enough for a part.

    The bank's `reference` is one payment: told again, it is booked once. `now` is aware. Raises PaymentUnfit, and
    sqlalchemy's NoResultFound for an issuance that is not there.
    """
    with transaction():
        return book_payment(issuance_id, amount, payer=payer, reference=reference, now=now)


def book_payment(issuance_id: int, amount: Money, *, payer: str, reference: str, now: datetime) -> int:
    """As `pay_share_of_proceeds`, inside the caller's transaction."""
    issuance = db.session.get_one(LedgerIssuance, issuance_id)
    payer, reference = clean_line(payer), clean_line(reference)
    require_payment(issuance, amount, payer=payer, reference=reference)
    values = {"issuance_id": issuance_id, "payer": payer, "amount": amount.minor, "currency": amount.currency}
    is_new = insert_once(LedgerPayment, reference=reference, booked_at=now, **values)
    payment = db.session.scalars(select(LedgerPayment).where(LedgerPayment.reference == reference)).one()
    if not is_new:
        if any(getattr(payment, name) != value for name, value in values.items()):
            raise PaymentUnfit(problem="reused")
        return payment.id
    paid = db.session.execute(
        update(LedgerIssuance)
        .where(LedgerIssuance.id == issuance_id, LedgerIssuance.fee_paid + amount.minor <= LedgerIssuance.fee_due)
        .values(fee_paid=LedgerIssuance.fee_paid + amount.minor)
        .execution_options(synchronize_session=False)
    )
    db.session.expire(issuance)
    if rows_changed(paid) == 0:
        raise PaymentUnfit(problem="too_much", open=issuance.fee_due - issuance.fee_paid)
    return payment.id


def require_payment(issuance: LedgerIssuance, amount: Money, *, payer: str, reference: str) -> None:
    """See that a payment could be booked, whatever is still open. Raises PaymentUnfit."""
    if issuance.fee_due == 0:
        raise PaymentUnfit(problem="nothing_due")
    if amount.currency != issuance.fee_currency:
        raise PaymentUnfit(problem="currency")
    if amount.minor < 1:
        raise PaymentUnfit(problem="amount")
    if not 0 < len(payer) <= PAYER_LENGTH:
        raise PaymentUnfit(problem="payer")
    if not 0 < len(reference) <= REFERENCE_LENGTH:
        raise PaymentUnfit(problem="reference")


def forward(issuance_id: int, account: str, units: int, *, now: datetime) -> Entry:
    """Forward exactly `units` of an issuance from the pending account to a participant's holding account.

    The lowest serial numbers go first, and only what its share of proceeds has released. `now` is aware. Raises
    ForwardingUnfit, and sqlalchemy's NoResultFound for an issuance that is not there.
    """
    with transaction():
        return book_forwarding(issuance_id, account, units, now=now)


def book_forwarding(issuance_id: int, account: str, units: int, *, now: datetime) -> Entry:
    """As `forward`, inside the caller's transaction."""
    books.lock()
    issuance = db.session.get_one(LedgerIssuance, issuance_id, populate_existing=True)
    target = require_forwarding(issuance, account, units)
    source = books.system_account(issuance.mechanism_code, codes.PENDING_ACCOUNT)
    parts = books.lowest(pending_of(issuance).parts, units)
    entry = books.enter(
        codes.INTERNAL_TRANSFER,
        source,
        target,
        books.period_of(issuance),
        [Moved(issuance.id, span) for _block, span in parts],
        at=now,
    )
    for block, span in parts:
        books.move(block, span, target)
    return entry


def require_forwarding(issuance: LedgerIssuance, account: str, units: int) -> Place:
    """See that units of an issuance may go to an account now; gives the account. Raises ForwardingUnfit."""
    found = db.session.scalar(select(LedgerAccount).where(LedgerAccount.identifier == account))
    if found is None or not codes.is_holding(found.type_code):
        raise ForwardingUnfit(problem="account")
    if units < 1:
        raise ForwardingUnfit(problem="units")
    releasable = pending_of(issuance).releasable
    if units > releasable:
        raise ForwardingUnfit(problem="not_released", units=releasable)
    return Place(found.id, found.type_code)
