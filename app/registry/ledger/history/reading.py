"""Published ledgers as CSV files, read into rows. Nothing is compared with the books here."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from app.kernel.csvtable import (
    CellRefused,
    Column,
    ImportRefused,
    Row,
    RowError,
    choice,
    countries,
    decode,
    matching,
    read_table,
    text,
    whole_number,
)
from app.kernel.errors import Refusal
from app.kernel.serials import Span

REGISTRY, PLATFORM, CTX = "registry", "platform", "ctx"
CHANNELS = (REGISTRY, PLATFORM, CTX)


class Kind(StrEnum):
    """What a file of published books lists. `opening` are ranges that were issued before the other lists begin."""

    ISSUANCES = "issuances"
    OPENING = "opening"
    CANCELLATIONS = "cancellations"
    CHANNELS = "channels"


def registry_instant(cell: str) -> datetime:
    """Reads an instant as registries print it, `2017-08-09T09:00:35.323`: without a zone it is UTC."""
    try:
        value = datetime.fromisoformat(cell)
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except (ValueError, OverflowError):
        raise CellRefused("not_an_instant") from None


def channel(cell: str) -> str:
    """Reads how a cancellation came: `registry`, `platform` or `ctx`; a remark in brackets behind it is left out."""
    return choice(*CHANNELS)(re.sub(r" \([^)]*\)$", "", cell))


_REFERENCE = matching(r"([A-Z0-9]{1,9}-)?[A-Z]{2}-[1-9][0-9]{0,8}", "IN-1514")


def project(cell: str) -> str:
    """Reads a project identifier whose last letters are those of a Party: `IN-1514`."""
    if _REFERENCE(cell).split("-")[-2] not in countries():
        raise CellRefused("not_a_country")
    return cell


_BLOCK = (
    Column("registry_project_id", project),
    Column("unit_type", text(40)),
    Column("commitment_period", whole_number(1, 9), required=False),
    Column("vintage_year", whole_number(1990, 2200), required=False),
    Column("serial_start", whole_number(1)),
    Column("serial_end", whole_number(1)),
    Column("units", whole_number(1)),
)
_TIME = Column("completed_at", registry_instant)
COLUMNS: Mapping[Kind, tuple[Column, ...]] = {
    Kind.ISSUANCES: (_TIME, *_BLOCK),
    Kind.OPENING: (Column("completed_at", registry_instant, required=False), *_BLOCK),
    Kind.CANCELLATIONS: (_TIME, Column("channel", channel), *_BLOCK),
    Kind.CHANNELS: (
        _TIME,
        Column("registry_project_id", project),
        Column("serial_start", whole_number(1)),
        Column("serial_end", whole_number(1)),
        Column("channel", channel),
        Column("basis", text(300), required=False),
    ),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One row that could be read. `number` counts as a spreadsheet does; `completed_at` is None for an opening range.

    `override` is the row of the file of channels that `channel` is taken from, or None.
    """

    kind: Kind
    number: int
    completed_at: datetime | None
    project: str
    unit_type: str
    commitment_period: int | None
    vintage_year: int | None
    span: Span
    units: int
    channel: str = REGISTRY
    override: int | None = None

    @property
    def project_number(self) -> int:
        """The number of the project, which is the same whichever Party it is written with."""
        return project_number(self.project)

    def error(self, column: str | None, code: str, **facts: object) -> Problem:
        """A problem of this row."""
        return Problem(self.kind, RowError(self.number, column, code, facts))


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and in which of the files."""

    file: Kind
    error: RowError


class HistoryRefused(Refusal):
    """Nothing was applied; `problems` are all that were found, file by file and row by row."""

    code = "history_refused"

    def __init__(self, problems: Iterable[Problem]) -> None:
        order = list(Kind)
        self.problems = tuple(
            sorted(problems, key=lambda p: (order.index(p.file), p.error.row, p.error.column or "", p.error.code))
        )
        super().__init__(count=len(self.problems))


@dataclass(frozen=True)
class PublishedFile:
    """The bytes of a file and what it is called."""

    kind: Kind
    name: str
    content: bytes

    @property
    def sha256(self) -> str:
        """The hash that it is known by, in hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True)
class Read:
    """What a file says: rows for the ledger, and those of foreign unit types, which are kept apart."""

    file: PublishedFile
    entries: tuple[Entry, ...]
    foreign: tuple[Entry, ...]

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return len(self.entries) + len(self.foreign)


def read_all(files: Iterable[PublishedFile], unit_types: Collection[str], space_form: str) -> list[Read]:
    """Read every file by the unit types and the number spaces of a mechanism, channels laid over.

    Raises HistoryRefused with the problems of all of them.
    """
    problems: list[Problem] = []
    found = []
    for file in files:
        try:
            table = read_table(decode(file.content), COLUMNS[file.kind])
        except ImportRefused as refused:
            problems += (Problem(file.kind, error) for error in refused.errors)
            continue
        problems += (Problem(file.kind, error) for error in table.errors)
        entries = [_entry(file.kind, row, space_form) for row in table.rows]
        is_channels = file.kind is Kind.CHANNELS
        found.append(
            Read(
                file,
                tuple(entry for entry in entries if is_channels or entry.unit_type in unit_types),
                tuple(entry for entry in entries if not is_channels and entry.unit_type not in unit_types),
            )
        )
    if problems:
        raise HistoryRefused(problems)
    overrides = [entry for read in found if read.file.kind is Kind.CHANNELS for entry in read.entries]
    return [_overridden(read, overrides) for read in found]


def same_block(entry: Entry) -> tuple[object, ...]:
    """What an override must have in common with the row that it speaks of."""
    return entry.completed_at, entry.project, entry.span


def project_number(reference: str) -> int:
    """The number at the end of a project's identifier."""
    return int(reference.rpartition("-")[2])


def party_of(reference: str) -> str:
    """The Party in a project's identifier: its ISO code."""
    return reference.split("-")[-2]


def _entry(kind: Kind, row: Row, space_form: str) -> Entry:
    reference = row["registry_project_id"]
    span = Span(space_form.format(party=party_of(reference)), row["serial_start"], row["serial_end"])
    values = row.values
    return Entry(
        kind=kind,
        number=row.number,
        completed_at=values["completed_at"],
        project=reference,
        unit_type=values.get("unit_type", ""),
        commitment_period=values.get("commitment_period"),
        vintage_year=values.get("vintage_year"),
        span=span,
        units=values.get("units", span.units),
        channel=values.get("channel", REGISTRY),
    )


def _overridden(read: Read, overrides: Iterable[Entry]) -> Read:
    if read.file.kind is not Kind.CANCELLATIONS:
        return read
    by_block = {same_block(entry): entry for entry in overrides}
    entries = (
        replace(entry, channel=override.channel, override=override.number)
        if (override := by_block.get(same_block(entry)))
        else entry
        for entry in read.entries
    )
    return replace(read, entries=tuple(entries))
