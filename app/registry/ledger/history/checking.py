"""Published rows beside each other and beside the books: everything that is wrong, before anything is applied."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.kernel.serials import overlaps
from app.registry.ledger.history.books import Books, Issuances, Issued, Key, Known, key_of
from app.registry.ledger.history.reading import Entry, HistoryRefused, Kind, Problem, Read

COMMITMENT_PERIOD, VINTAGE_YEAR = "commitment_period", "vintage_year"


@dataclass(frozen=True)
class Relabelled:
    """A transaction in the books whose channel a file of channels corrects, with the row that says so."""

    known: Known
    override: Entry


@dataclass(frozen=True)
class Plan:
    """What the files bring that the books do not have, in the order of time."""

    opening: tuple[Entry, ...]
    issuances: tuple[Entry, ...]
    cancellations: tuple[Entry, ...]
    relabelled: tuple[Relabelled, ...]
    unchanged: int

    @property
    def is_empty(self) -> bool:
        """Whether the books have it all."""
        return not (self.opening or self.issuances or self.cancellations or self.relabelled)


def make_plan(reads: Sequence[Read], books: Books, *, period_kind: str, now: datetime) -> Plan:
    """What to apply. Raises HistoryRefused with every problem of every row."""
    entries = [entry for read in reads if read.file.kind is not Kind.CHANNELS for entry in read.entries]
    overrides = [entry for read in reads if read.file.kind is Kind.CHANNELS for entry in read.entries]
    problems = [problem for entry in entries for problem in _problems_alone(entry, period_kind, now)]
    if problems:  # a row that contradicts itself cannot be compared with others
        raise HistoryRefused(problems)
    once = {key_of(entry): entry for entry in reversed(entries)}  # the first row of those that name the same numbers
    new = [entry for entry in entries if once[key_of(entry)] is entry and not _is_there(entry, books)]
    opened = [entry for entry in new if entry.kind is Kind.OPENING]
    issued = [entry for entry in new if entry.kind is Kind.ISSUANCES]
    cancelled = [entry for entry in new if entry.kind is Kind.CANCELLATIONS]
    for entry in entries:
        problems += _changes(entry, books)
    problems += _repeated(entries, once)
    problems += _issuance_problems([*opened, *issued], books)
    problems += _cancellation_problems(cancelled, _with(books, [*opened, *issued]))
    problems += _overlaps(cancelled, books)
    problems += _transaction_problems([*issued, *cancelled], books)
    relabelled, missing = _relabelled(overrides, [entry for entry in cancelled if entry.override], books)
    problems += missing
    if problems:
        raise HistoryRefused(problems)
    return Plan(
        tuple(opened), _in_time(issued), _in_time(cancelled), relabelled, unchanged=len(entries) - len(new)
    )  # fmt: skip


# --- a row alone ------------------------------------------------------------------------------------


def _problems_alone(entry: Entry, period_kind: str, now: datetime) -> Iterator[Problem]:
    if entry.span.units < 1:
        yield entry.error("serial_end", "ends_before_start")
    elif entry.span.units != entry.units:
        yield entry.error("units", "wrong_length", length=entry.span.units)
    if entry.completed_at is not None and entry.completed_at > now:
        yield entry.error("completed_at", "in_the_future")
    other = VINTAGE_YEAR if period_kind == COMMITMENT_PERIOD else COMMITMENT_PERIOD
    if getattr(entry, period_kind) is None:
        yield entry.error(period_kind, "required")
    if getattr(entry, other) is not None:
        yield entry.error(other, "other_period")


# --- a row and what was imported before ---------------------------------------------------------------


def _is_there(entry: Entry, books: Books) -> bool:
    if entry.kind is Kind.OPENING:
        return books.issuances.beginning_at(entry.span) is not None
    return key_of(entry) in books.known


def _changes(entry: Entry, books: Books) -> Iterator[Problem]:
    """A row that is there says what it said; an issuance that the books opened with may be told when it was made."""
    known = books.known.get(key_of(entry))
    issued = known.issued if known else None
    if entry.kind is not Kind.CANCELLATIONS and issued is None:
        issued = books.issuances.beginning_at(entry.span)
    if issued is None:
        return
    last = known.last if known else issued.span.last
    same = {
        "serial_end": entry.span.last == last,
        "registry_project_id": entry.project_number == issued.project_number,
        "unit_type": entry.unit_type == issued.unit_type,
        COMMITMENT_PERIOD: entry.commitment_period == issued.commitment_period,
        VINTAGE_YEAR: entry.vintage_year == issued.vintage_year,
    }
    if known is not None:
        same["completed_at"] = entry.completed_at == known.completed_at
        same["channel"] = known.is_overridden or entry.override is not None or entry.channel == known.channel
    for column, is_same in same.items():
        if not is_same:
            yield entry.error(column, "cannot_change")


# --- rows beside each other ---------------------------------------------------------------------------


def _repeated(entries: Iterable[Entry], once: Mapping[Key, Entry]) -> Iterator[Problem]:
    for entry in entries:
        first = once[key_of(entry)]
        if first is not entry:
            yield entry.error("serial_start", "repeated", first=first.number)


def _issuance_problems(new: Sequence[Entry], books: Books) -> Iterator[Problem]:
    wanted = [(entry.span, entry) for entry in new if books.issuances.beginning_at(entry.span) is None]
    for entry, taken in overlaps(books.issuances.spans(), wanted):
        yield entry.error("serial_start", "overlap", party=taken.space, first=taken.first, last=taken.last)


def _with(books: Books, new: Iterable[Entry]) -> Issuances:
    """The issuances of the books and of the files. What a file says when it was issued goes before what nobody said."""
    found = {span: books.issuances.beginning_at(span) for span in books.issuances.spans()}
    found |= {
        entry.span: Issued(
            entry.span,
            entry.project_number,
            entry.unit_type,
            entry.commitment_period,
            entry.vintage_year,
            entry.completed_at if entry.kind is Kind.ISSUANCES else None,
        )
        for entry in new
    }
    return Issuances(issued for issued in found.values() if issued is not None)


def _cancellation_problems(new: Iterable[Entry], issuances: Issuances) -> Iterator[Problem]:
    for entry in new:
        issued = issuances.holding(entry.span)
        if issued is None or issued.project_number != entry.project_number:
            yield entry.error("serial_start", "outside_issuance", project=entry.project)
            continue
        for column in ("unit_type", COMMITMENT_PERIOD, VINTAGE_YEAR):
            if getattr(entry, column) != getattr(issued, column):
                yield entry.error(column, "not_as_issued", value=getattr(issued, column))
        if issued.at is not None and entry.completed_at is not None and entry.completed_at < issued.at:
            yield entry.error("completed_at", "before_issuance", at=issued.at.isoformat())


def _overlaps(new: Iterable[Entry], books: Books) -> Iterator[Problem]:
    for entry, taken in overlaps(books.taken, [(entry.span, entry) for entry in new]):
        yield entry.error("serial_start", "overlap", party=taken.space, first=taken.first, last=taken.last)


def _transaction_problems(new: Iterable[Entry], books: Books) -> Iterator[Problem]:
    """One time is one transaction: of one commitment period (or vintage), of one channel, and known whole or not."""
    first: dict[tuple[Kind, datetime | None], Entry] = {}
    for entry in new:
        if entry.completed_at is not None and (entry.kind, entry.completed_at) in books.times:
            yield entry.error("completed_at", "transaction_complete")
        one = first.setdefault((entry.kind, entry.completed_at), entry)
        for column in (COMMITMENT_PERIOD, VINTAGE_YEAR, "channel"):
            if getattr(entry, column) != getattr(one, column):
                yield entry.error(column, "transaction_mixes", first=one.number, value=getattr(one, column))


def _relabelled(
    overrides: Sequence[Entry], overridden: Iterable[Entry], books: Books
) -> tuple[tuple[Relabelled, ...], list[Problem]]:
    in_files = {entry.override for entry in overridden}
    found: dict[int, list[Relabelled]] = {}
    problems: list[Problem] = []
    for override in overrides:
        known = books.known.get((Kind.CANCELLATIONS, override.span.space, override.span.first))
        if override.number in in_files:
            continue
        if known is None or not _speaks_of(override, known):
            problems.append(override.error("serial_start", "unknown_cancellation"))
        elif not known.is_overridden:
            found.setdefault(known.transaction_id, []).append(Relabelled(known, override))
        elif known.channel != override.channel:
            problems.append(override.error("channel", "cannot_change"))
    for transaction_id, rows in found.items():
        if len(rows) != books.blocks_of[transaction_id] or len({row.override.channel for row in rows}) != 1:
            problems.append(
                rows[0].override.error(
                    "channel", "transaction_mixes", first=rows[0].override.number, value=rows[0].known.channel
                )
            )
    return tuple(row for rows in found.values() for row in rows), problems


def _speaks_of(override: Entry, known: Known) -> bool:
    return (override.completed_at, override.span.last, override.project_number) == (
        known.completed_at,
        known.last,
        known.issued.project_number,
    )


def _in_time(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    return tuple(sorted(entries, key=lambda entry: (entry.completed_at, entry.span)))


def by_transaction(entries: Iterable[Entry]) -> Mapping[datetime | None, list[Entry]]:
    """Rows of one kind by their time, which is what makes them one transaction."""
    found: dict[datetime | None, list[Entry]] = {}
    for entry in entries:
        found.setdefault(entry.completed_at, []).append(entry)
    return found
