"""A participant's money by month and project. Reads only.

A line is earned when the registry has confirmed that its units are cancelled, in the month of the
registry's word; until then its share is pending. A refused line is never earned: what of its amount goes
back to the buyer counts in the month of the decision, and the rest where other units were bought for it.
What was sent counts in the month of the transfer.
Everything is in minor units of one currency, and months are months in UTC.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import ColumnElement, Integer, func, literal_column, select

from app.catalog.models import Issuance, Project
from app.checkout.models import Order, OrderLine
from app.db import db
from app.direct.models import DirectCancellation
from app.kernel.money import Money
from app.offers.models import Offer
from app.payments.models import Payout
from app.payments.payouts import Balance, disputed_share
from app.providers.models import Payee
from app.providers.states import PayeeState
from app.registry.models import Cancellation
from app.registry.states import CancellationState
from app.reporting.forms import Month, SaleState
from app.reporting.lines import HAPPENED_AT, LineSum, line_sums
from app.reporting.queries import REFUNDED, line_state, month_of, own_lines


@dataclass
class Sums:
    """Money in minor units, and whole units, of one month or one project.

    `cancelled` are units that were sold and are cancelled, `direct` those that were cancelled without a sale.
    """

    earned: int = 0
    refunded: int = 0
    pending: int = 0
    paid_out: int = 0
    cancelled: int = 0
    direct: int = 0


@dataclass(frozen=True)
class ProjectSums:
    """The sums of one project."""

    reference: str
    title: str
    unit_type: str
    sums: Sums


@dataclass(frozen=True)
class SoldMonth:
    """Units paid for in a month: those that are cancelled by now, and those on their way."""

    month: Month
    cancelled: int = 0
    on_the_way: int = 0


@dataclass(frozen=True)
class Transfer:
    """Money that was sent."""

    paid_on: date
    amount: Money
    reference: str


@dataclass(frozen=True)
class Earnings:
    """All of it. The months, the newest first, and the projects add up to the same sums."""

    currency: str
    whole: Sums
    balance: Balance
    months: tuple[tuple[Month, Sums], ...]
    projects: tuple[ProjectSums, ...]
    transfers: tuple[Transfer, ...]

    @property
    def due(self) -> Money:
        """Earned and not yet sent, without what waits for a bank's decision."""
        return self.money(self.balance.due)

    @property
    def waiting(self) -> Money:
        """Earned, not yet sent, and disputed by its buyer."""
        return self.money(self.balance.waiting)

    def money(self, minor: int) -> Money:
        """Minor units of these sums as money."""
        return Money(minor, self.currency)


@dataclass(frozen=True)
class StatementRow:
    """One line of a month's statement: a sale that was earned, a refund, or a transfer. Empty where it is of no use."""

    kind: str
    at: datetime | date
    reference: str
    project: str = ""
    offer: str = ""
    units: int | None = None
    parts: dict[str, int] = field(default_factory=dict)
    earned: int = 0
    refunded: int = 0
    paid_out: int = 0


@dataclass(frozen=True)
class PayeeName:
    """Whom money is sent to. For the people who sell, not for those who only read."""

    holder: str
    bank: str


def read_earnings(provider_id: int, currency: str, lines: Sequence[LineSum] | None = None) -> Earnings:
    """What a participant has earned in one currency, and what became of it. Five queries.

    `lines` is what `line_sums` gave a caller that needs it for more than this; one query less.
    """
    whole = Sums()
    months: dict[Month, Sums] = {}
    projects: dict[int, Sums] = {}
    for line in line_sums(provider_id) if lines is None else lines:
        if line.happened_in is not None and line.currency == currency:
            for sums in (whole, _of(months, line.happened_in), _of(projects, line.project_id)):
                _add(sums, line)
    for project_id, month, units in _direct_sums(provider_id):
        for sums in (whole, _of(months, Month.of(month)), _of(projects, project_id)):
            sums.direct += int(units)
    transfers = _transfers(provider_id, currency)
    for transfer in transfers:
        for sums in (whole, _of(months, Month(transfer.paid_on.year, transfer.paid_on.month))):
            sums.paid_out += transfer.amount.minor
    return Earnings(
        currency=currency,
        whole=whole,
        balance=Balance(whole.earned, whole.paid_out, disputed_share(provider_id, currency)),
        months=tuple(sorted(months.items(), reverse=True)),
        projects=_named(projects),
        transfers=transfers,
    )


def sold_by_month(lines: Iterable[LineSum], months: Sequence[Month]) -> list[SoldMonth]:
    """Units paid for in each of some months, without those that were refunded."""
    found: Counter[tuple[SaleState, Month | None]] = Counter()
    for line in lines:
        found[line.state, line.paid_in] += line.units
    return [SoldMonth(one, found[SaleState.CANCELLED, one], found[SaleState.PAID, one]) for one in months]


def statement(provider_id: int, currency: str, month: Month, *, with_references: bool = True) -> Iterator[StatementRow]:
    """What a month's sums are made of, oldest first; the rows add up to them to the cent.

    Without `with_references` the references of bank transfers are left out.
    """
    rows = [
        *_earned_rows(provider_id, currency, month),
        *(
            StatementRow(
                "payout",
                transfer.paid_on,
                transfer.reference if with_references else "",
                paid_out=transfer.amount.minor,
            )
            for transfer in _transfers(provider_id, currency)
            if (transfer.paid_on.year, transfer.paid_on.month) == (month.year, month.month)
        ),
    ]
    return iter(sorted(rows, key=lambda row: (_instant(row.at), row.reference)))


def next_payout(today: date, day: int) -> date:
    """The next day on which the house pays out: `day` of this month, or of the next when it has passed."""
    month = Month(today.year, today.month)
    return (month if today.day <= day else month.after).first_day.replace(day=day)


def find_payee(provider_id: int) -> PayeeName | None:
    """Whom the participant's money is sent to, or None while nobody is named."""
    payee = db.session.scalar(select(Payee).where(Payee.provider_id == provider_id, Payee.state == PayeeState.CURRENT))
    return PayeeName(payee.holder, payee.bank) if payee is not None else None


def _went_back(state: SaleState) -> ColumnElement[int]:
    """What went back to the buyers of lines in a state, in minor units."""
    return REFUNDED if state is SaleState.REFUNDED else literal_column("0", Integer)


def _direct_sums(provider_id: int) -> Sequence[Any]:
    month = month_of(Cancellation.completed_at)
    return db.session.execute(
        select(DirectCancellation.project_id, month, func.sum(Cancellation.units))
        .join(Cancellation, Cancellation.direct_cancellation_id == DirectCancellation.id)
        .where(
            DirectCancellation.provider_id == provider_id,
            Cancellation.state == CancellationState.CONFIRMED,
        )
        .group_by(DirectCancellation.project_id, month)
    ).all()


def _transfers(provider_id: int, currency: str) -> tuple[Transfer, ...]:
    payouts = db.session.scalars(
        select(Payout)
        .where(Payout.provider_id == provider_id, Payout.currency == currency)
        .order_by(Payout.paid_on.desc(), Payout.id.desc())
    )
    return tuple(Transfer(payout.paid_on, payout.money, payout.reference) for payout in payouts)


def _earned_rows(provider_id: int, currency: str, month: Month) -> list[StatementRow]:
    found = []
    for state in (SaleState.CANCELLED, SaleState.REFUNDED):
        at = HAPPENED_AT[state]
        for line, went_back, happened_at, reference, project, offer in db.session.execute(
            own_lines(provider_id, OrderLine, _went_back(state), at, Order.reference, Project.reference, Offer.code)
            .join(Project, Project.id == OrderLine.project_id)
            .join(Offer, Offer.id == OrderLine.offer_id)
            .where(
                line_state == state.value,
                Order.currency == currency,
                at >= month.starts_at,
                at < month.after.starts_at,
            )
        ):
            parts = ("unit_price", "amount", "payment_cost", "tax", "platform_fee", "seller_share")
            is_earned = state is SaleState.CANCELLED
            found.append(
                StatementRow(
                    "sale" if is_earned else "refund",
                    happened_at,
                    reference,
                    project,
                    offer,
                    line.units,
                    {part: int(getattr(line, part)) for part in parts},
                    earned=int(line.seller_share) if is_earned else 0,
                    refunded=int(went_back),
                )
            )
    return found


def _named(projects: dict[int, Sums]) -> tuple[ProjectSums, ...]:
    rows = db.session.execute(
        select(Project.id, Project.reference, Project.title, func.min(Issuance.unit_type))
        .join(Issuance, Issuance.project_id == Project.id)
        .where(Project.id.in_(projects))
        .group_by(Project.id)
        .order_by(Project.reference)
    )
    return tuple(ProjectSums(reference, title, unit_type, projects[id_]) for id_, reference, title, unit_type in rows)


def _add(sums: Sums, line: LineSum) -> None:
    if line.state is SaleState.CANCELLED:
        sums.earned += line.seller_share
        sums.cancelled += line.units
    elif line.state is SaleState.REFUNDED:
        sums.refunded += line.went_back
    else:
        sums.pending += line.seller_share


def _of(sums: dict[Any, Sums], key: Any) -> Sums:
    return sums.setdefault(key, Sums())


def _instant(at: datetime | date) -> datetime:
    return at if isinstance(at, datetime) else datetime.combine(at, time.max, UTC)
