"""The published books as sums and as rows. Only what was imported counts; what happened here is in the register.

A transaction is one time of completion and may have several blocks; where it has blocks of more than one group
it counts in each. Units are whole units (tonnes).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, literal, select, true, tuple_
from sqlalchemy.orm import aliased

from app.db import db, end_reading
from app.kernel.columns import UTCDateTime
from app.offers.years import HERE
from app.registry.ledger import codes
from app.registry.ledger.history.books import IMPORTED
from app.registry.ledger.history.models import LedgerFile, LedgerSource
from app.registry.ledger.history.reading import Kind, project_number
from app.registry.ledger.models import (
    LedgerAccount,
    LedgerBlock,
    LedgerIssuance,
    LedgerTransaction,
    LedgerTransactionBlock,
)
from app.reporting.queries import month_of
from app.reporting.statistics.attributes import Attributes, known_projects
from app.reporting.statistics.forms import CANCELLATION, ISSUANCE, SIZES, UNKNOWN, Cursor, Period, Selection, Size

CDM = "CDM"
ROWS_AT_ONCE = 500
_TYPES = {ISSUANCE: codes.ISSUANCE, CANCELLATION: codes.CANCELLATION}
KINDS = {code: kind for kind, code in _TYPES.items()}
_UNITS = LedgerTransactionBlock.last - LedgerTransactionBlock.first + 1


@dataclass(frozen=True)
class Count:
    """How many transactions and units (tonnes)."""

    transactions: int = 0
    units: int = 0


@dataclass(frozen=True)
class PublishedRow:
    """One row of the published books, with the file and row that say so."""

    place: Cursor
    kind: str
    transaction_id: int
    completed_at: datetime
    channel: str
    project: str
    unit_type: str
    commitment_period: int | None
    vintage_year: int | None
    host: str
    first: int
    last: int
    attributes: Attributes | None
    file_name: str
    file_sha256: str
    file_row: int
    channel_row: int | None  # of the file of channels, where one was laid over

    @property
    def units(self) -> int:
        """How many units (tonnes)."""
        return self.last - self.first + 1


@dataclass(frozen=True)
class Found:
    """One serial number: the block that it lies in now, and when it was issued and cancelled if the books say so.

    `channel` is `HERE` for what was cancelled in this registry itself.
    """

    space: str
    number: int
    project: str
    unit_type: str
    first: int
    last: int
    issued_at: datetime | None
    cancelled_at: datetime | None
    channel: str


def count(selection: Selection) -> Count:
    """What the rows of a selection add up to."""
    transactions, units = db.session.execute(
        _rows_of(selection, func.count(LedgerTransaction.id.distinct()), func.coalesce(func.sum(_UNITS), 0))
    ).one()
    return Count(int(transactions), int(units))


def counts_by(selection: Selection, *columns: Any) -> dict[Any, Count]:
    """What the rows of a selection add up to, by the values of some columns: one value, or a tuple of several."""
    rows = db.session.execute(
        _rows_of(selection, *columns, func.count(LedgerTransaction.id.distinct()), func.sum(_UNITS)).group_by(*columns)
    )
    return {
        (key[0] if len(columns) == 1 else tuple(key)): Count(int(transactions), int(units))
        for *key, transactions, units in rows
    }


def counts_by_month(selection: Selection, *columns: Any) -> dict[Any, Count]:
    """The same by month, as its first instant (UTC), and some columns."""
    return counts_by(selection, month_of(LedgerTransaction.completed_at), *columns)


def counts_by_size(selection: Selection) -> dict[Size, Count]:
    """The same by the size of the whole transaction, smallest first."""
    place = case(
        *((LedgerTransaction.units <= size.most, number) for number, size in enumerate(SIZES) if size.most is not None),
        else_=len(SIZES) - 1,
    )
    return {SIZES[number]: found for number, found in sorted(counts_by(selection, place).items())}


def counts_by_attribute(selection: Selection, name: str) -> dict[str, Count]:
    """The same by `project_type` or `region` of the projects, and `unknown` where nobody gave us their attributes."""
    groups: dict[str, list[str]] = {}
    known = known_projects()
    for reference in db.session.scalars(select(LedgerIssuance.project_reference).distinct()):
        attributes = known.get(project_number(reference))
        if attributes is not None:
            groups.setdefault(getattr(attributes, name), []).append(reference)
    if not groups:
        return {UNKNOWN: count(selection)}
    value = case(
        *((LedgerIssuance.project_reference.in_(references), group) for group, references in sorted(groups.items())),
        else_=UNKNOWN,
    )
    return counts_by(selection, value)


def projects_in(selection: Selection) -> int:
    """How many projects the rows are of; a programme in several host Parties is one."""
    references = db.session.scalars(_rows_of(selection, LedgerIssuance.project_reference).distinct())
    return len({project_number(reference) for reference in references})


def files() -> list[LedgerFile]:
    """The files that the books were made of, in the order of their import."""
    return list(db.session.scalars(select(LedgerFile).where(LedgerFile.mechanism_code == CDM).order_by(LedgerFile.id)))


def whole_period() -> Period | None:
    """From the first to the last day of which there are rows, or None when there are none."""
    first, last = db.session.execute(
        select(func.min(LedgerTransaction.completed_at), func.max(LedgerTransaction.completed_at)).where(_IMPORTED)
    ).one()
    return Period(first.date(), last.date()) if first is not None else None


def find_serial(space: str, number: int) -> Found | None:
    """What became of one serial number: where it lies now and, if it is cancelled, in which published transaction."""
    block = db.session.execute(
        select(LedgerBlock.first, LedgerBlock.last, LedgerAccount.type_code, LedgerIssuance)
        .join(LedgerAccount, LedgerAccount.id == LedgerBlock.account_id)
        .join(LedgerIssuance, LedgerIssuance.id == LedgerBlock.issuance_id)
        .where(LedgerBlock.space == space, LedgerBlock.first <= number)
        .order_by(LedgerBlock.first.desc())
        .limit(1)
    ).one_or_none()
    if block is None or block.last < number:
        return None
    issuance: LedgerIssuance = block.LedgerIssuance
    transactions = db.session.execute(
        select(
            *(LedgerTransaction.type_code, LedgerTransaction.completed_at, LedgerTransaction.channel),
            LedgerTransaction.origin,
        )
        .join(LedgerTransactionBlock, LedgerTransactionBlock.transaction_id == LedgerTransaction.id)
        .where(
            LedgerTransactionBlock.space == space,
            LedgerTransactionBlock.first.in_({block.first, issuance.first}),
            LedgerTransactionBlock.last.in_({block.last, issuance.last}),
            LedgerTransaction.state_code == codes.COMPLETED,
        )
    ).all()
    at = {row.type_code: row for row in transactions}
    cancelled = at.get(codes.CANCELLATION) if block.type_code == codes.VOLUNTARY_CANCELLATION_ACCOUNT else None
    issued = at.get(codes.ISSUANCE)
    return Found(
        space=space,
        number=number,
        project=issuance.project_reference,
        unit_type=issuance.unit_type,
        first=block.first,
        last=block.last,
        issued_at=issued.completed_at if issued and issued.origin == IMPORTED else None,
        cancelled_at=cancelled.completed_at if cancelled else None,
        channel="" if cancelled is None else cancelled.channel if cancelled.origin == IMPORTED else HERE,
    )


def every_row(selection: Selection, after: Cursor | None, limit: int) -> Iterator[PublishedRow]:
    """Up to `limit` rows, oldest first, read in pieces: no snapshot is held while a file is sent."""
    known = known_projects()
    while limit > 0 and (rows := _some_rows(selection, after, min(limit, ROWS_AT_ONCE))):
        end_reading()
        for row in rows:
            yield _row(row, known.get(project_number(row.project_reference)))
        after = Cursor(rows[-1].completed_at, rows[-1].id)
        limit -= len(rows)


_IMPORTED = (
    (LedgerTransaction.origin == IMPORTED)
    & (LedgerTransaction.mechanism_code == CDM)
    & (LedgerTransaction.state_code == codes.COMPLETED)
)


def _rows_of(selection: Selection, *columns: Any) -> Select[Any]:
    return (
        select(*columns)
        .select_from(LedgerTransaction)
        .join(LedgerTransactionBlock, LedgerTransactionBlock.transaction_id == LedgerTransaction.id)
        .join(LedgerIssuance, LedgerIssuance.id == LedgerTransactionBlock.issuance_id)
        .where(_IMPORTED, *_conditions(selection))
    )


def _conditions(selection: Selection) -> Iterator[ColumnElement[bool]]:
    wanted = {
        LedgerTransaction.channel: selection.channel,
        LedgerIssuance.unit_type: selection.unit_type,
        LedgerTransaction.commitment_period: selection.commitment_period,
        LedgerIssuance.party: selection.host,
        LedgerIssuance.project_reference: selection.project,
    }
    yield LedgerTransaction.type_code.in_([_TYPES[selection.kind]] if selection.kind else KINDS)
    yield LedgerTransaction.completed_at >= selection.period.starts_at
    yield LedgerTransaction.completed_at < selection.period.ends_at
    for column, value in wanted.items():
        if value:
            yield column == value
    if selection.size is not None:
        yield LedgerTransaction.units.between(selection.size.least, selection.size.most or literal(2**62))
    for name, value in (("project_type", selection.project_type), ("region", selection.region)):
        if value:
            yield _of_projects(name, value)


def _of_projects(name: str, value: str) -> ColumnElement[bool]:
    """Issuances of projects of a type or region, or of those of which it is unknown."""
    known = known_projects()
    is_wanted = {number: getattr(attributes, name) == value for number, attributes in known.items()}
    references = db.session.scalars(select(LedgerIssuance.project_reference).distinct())
    numbers = {reference: project_number(reference) for reference in references}
    if value == UNKNOWN:
        return LedgerIssuance.project_reference.not_in([ref for ref, number in numbers.items() if number in known])
    return LedgerIssuance.project_reference.in_([ref for ref, number in numbers.items() if is_wanted.get(number)])


def _some_rows(selection: Selection, after: Cursor | None, size: int) -> Sequence[Any]:
    laid_over = aliased(LedgerSource)
    channels = aliased(LedgerFile)
    channel_row = (
        select(func.min(laid_over.row))
        .join(channels, channels.id == laid_over.file_id)
        .where(laid_over.transaction_block_id == LedgerTransactionBlock.id, channels.kind == Kind.CHANNELS.value)
        .scalar_subquery()
    )
    place = tuple_(LedgerTransaction.completed_at, LedgerTransactionBlock.id)
    is_after: ColumnElement[bool] = true()
    if after is not None:
        is_after = place > tuple_(
            literal(after.completed_at, UTCDateTime), literal(after.block_id, LedgerTransactionBlock.id.type)
        )
    return db.session.execute(
        _rows_of(
            selection,
            LedgerTransactionBlock.id,
            LedgerTransactionBlock.first,
            LedgerTransactionBlock.last,
            LedgerTransaction.id.label("transaction_id"),
            LedgerTransaction.type_code,
            LedgerTransaction.completed_at,
            LedgerTransaction.channel,
            LedgerIssuance.project_reference,
            LedgerIssuance.unit_type,
            LedgerIssuance.commitment_period,
            LedgerIssuance.vintage_year,
            LedgerIssuance.party,
            LedgerFile.name,
            LedgerFile.sha256,
            LedgerSource.row.label("file_row"),
            channel_row.label("channel_row"),
        )
        .join(LedgerSource, LedgerSource.transaction_block_id == LedgerTransactionBlock.id)
        .join(LedgerFile, LedgerFile.id == LedgerSource.file_id)
        .where(LedgerFile.kind != Kind.CHANNELS.value, is_after)
        .order_by(LedgerTransaction.completed_at, LedgerTransactionBlock.id)
        .limit(size)
    ).all()


def _row(row: Any, attributes: Attributes | None) -> PublishedRow:
    return PublishedRow(
        place=Cursor(row.completed_at, row.id),
        kind=KINDS[row.type_code],
        transaction_id=row.transaction_id,
        completed_at=row.completed_at,
        channel=row.channel,
        project=row.project_reference,
        unit_type=row.unit_type,
        commitment_period=row.commitment_period,
        vintage_year=row.vintage_year,
        host=row.party,
        first=row.first,
        last=row.last,
        attributes=attributes,
        file_name=row.name,
        file_sha256=row.sha256,
        file_row=row.file_row,
        channel_row=row.channel_row,
    )
