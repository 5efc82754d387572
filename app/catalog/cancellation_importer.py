"""Cancellations that the registry has published, from a CSV file: the whole file or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.catalog.importer import REFERENCE
from app.catalog.models import Issuance, Project, PublishedCancellation, UnitType
from app.db import db, one_at_a_time, transaction
from app.kernel.csvtable import (
    Column,
    ImportRefused,
    ImportReport,
    Row,
    RowError,
    choice,
    country,
    day,
    instant,
    nothing_more,
    read_table,
    repeated,
    text,
    whole_number,
)
from app.kernel.serials import Span, overlaps

# Directly in the registry, on the platform of the United Nations, or on an exchange tied to the registry.
CHANNELS = ("registry", "platform", "exchange")

COLUMNS = (
    Column("project", REFERENCE),
    Column("channel", choice(*CHANNELS)),
    Column("unit_type", text(12)),
    Column("commitment_period", whole_number(1, 2), required=False),
    Column("originating_party", country, required=False),
    Column("serial_first", whole_number(1), required=False),
    Column("serial_last", whole_number(1), required=False),
    Column("units", whole_number(1)),
    Column("starts_at", instant, required=False),
    Column("completed_at", instant),
    Column("listed_until", day),
)

_OF_SERIALS = ("commitment_period", "originating_party", "serial_first", "serial_last")
# What a newer list may say otherwise. All else is history.
_MAY_CHANGE_OF_SERIALS = frozenset({"listed_until"})
_MAY_CHANGE_OF_SUMS = frozenset({"units", "completed_at", "listed_until"})

Key = tuple[object, ...]


@dataclass(frozen=True)
class _Books:
    """What is known before the file is applied."""

    projects: Mapping[str, Project]
    issuances: Mapping[int, Sequence[Issuance]]  # by project id
    mechanisms: Mapping[str, str]  # by unit type
    known: Mapping[Key, PublishedCancellation]


def import_cancellations(
    csv_text: str, *, now: datetime, then: Callable[[ImportReport], None] = nothing_more
) -> ImportReport:
    """Add the published cancellations of a file.

    A row names its serial numbers, which lie inside one issuance of its project and share none
    with another row; or, where the source gives only the sum of a time, the instant at which that
    time begins. A list that reaches further may raise such a sum. `listed_until` is the last day
    that the source covers. Raises ImportRefused with every problem; then nothing was changed.
    """
    table = read_table(csv_text, COLUMNS)
    errors = list(table.errors)
    serial_rows = [row for row in table.rows if row["serial_first"] is not None]
    sum_rows = [row for row in table.rows if row["serial_first"] is None]
    errors += repeated(serial_rows, "originating_party", "serial_first")
    errors += repeated(sum_rows, "project", "channel", "starts_at")
    with transaction():
        one_at_a_time("import")
        books = _read_books(table.rows)
        for row in table.rows:
            errors += _row_problems(row, books, now) + _changes(row, books)
        new = [row for row in table.rows if _key(row, books) not in books.known]
        errors += _overlaps([row for row in new if _span(row)], books)
        if errors:
            raise ImportRefused(errors)
        db.session.add_all(_new(row, books.projects[row["project"]]) for row in new)
        updated = sum(_correct(row, books) for row in table.rows)
        report = ImportReport(len(new), updated, len(table.rows) - len(new) - updated)
        then(report)
    return report


def _read_books(rows: Iterable[Row]) -> _Books:
    references = {row["project"] for row in rows}
    projects = {project.reference: project for project in db.session.scalars(select(Project))}
    issuances: dict[int, list[Issuance]] = {}
    for issuance in db.session.scalars(select(Issuance)):
        issuances.setdefault(issuance.project_id, []).append(issuance)
    return _Books(
        projects={reference: project for reference, project in projects.items() if reference in references},
        issuances=issuances,
        mechanisms=dict(db.session.execute(select(UnitType.code, UnitType.mechanism_code)).all()),
        known={_key_of(known): known for known in db.session.scalars(select(PublishedCancellation))},
    )


def _row_problems(row: Row, books: _Books, now: datetime) -> list[RowError]:
    problems = []
    if row["completed_at"] > now:
        problems.append(row.error("completed_at", "in_the_future"))
    if row["completed_at"].date() > row["listed_until"]:
        problems.append(row.error("listed_until", "ends_before_start"))
    given = sum(row[name] is not None for name in (*_OF_SERIALS, "starts_at"))
    if given != (len(_OF_SERIALS) if row["starts_at"] is None else 1):
        problems.append(row.error("serial_first", "serials_or_sum"))
    elif row["starts_at"] is not None and row["completed_at"] < row["starts_at"]:
        problems.append(row.error("completed_at", "ends_before_start"))
    project = books.projects.get(row["project"])
    if project is None:
        problems.append(row.error("project", "unknown_project", value=row["project"]))
        return problems
    if books.mechanisms.get(row["unit_type"]) != project.mechanism_code:
        problems.append(row.error("unit_type", "unknown_unit_type", value=row["unit_type"]))
    elif span := _span(row):
        problems += _serial_problems(row, span, books.issuances.get(project.id, []))
    return problems


def _serial_problems(row: Row, span: Span, issuances: Iterable[Issuance]) -> list[RowError]:
    if span.units != row["units"]:
        return [row.error("units", "wrong_length", length=span.units)]
    for issuance in issuances:
        if span.within(Span(issuance.originating_party, issuance.serial_first, issuance.serial_last)):
            return [
                row.error(name, "not_as_issued", value=getattr(issuance, name))
                for name in ("unit_type", "commitment_period")
                if getattr(issuance, name) != row[name]
            ]
    return [row.error("serial_first", "outside_issuance", project=row["project"])]


def _changes(row: Row, books: _Books) -> list[RowError]:
    known = books.known.get(_key(row, books))
    if known is None:
        return []
    may_change = _MAY_CHANGE_OF_SERIALS if _span(row) else _MAY_CHANGE_OF_SUMS
    problems = [
        row.error(name, "cannot_change")
        for name, value in _values(row).items()
        if name not in may_change and getattr(known, name) != value
    ]
    project = books.projects.get(row["project"])
    if project is not None and known.project_id != project.id:
        problems.append(row.error("project", "cannot_change"))
    return problems


def _overlaps(rows: Iterable[Row], books: _Books) -> list[RowError]:
    known = (
        Span(there.originating_party, there.serial_first, there.serial_last or 0)
        for there in books.known.values()
        if there.originating_party is not None and there.serial_first is not None
    )
    new = [(span, row) for row in rows if (span := _span(row))]
    return [
        row.error("serial_first", "overlap", party=taken.space, first=taken.first, last=taken.last)
        for row, taken in overlaps(known, new)
    ]


def _correct(row: Row, books: _Books) -> bool:
    """Write what a newer list says of a row that is there; True if anything changed."""
    known = books.known.get(_key(row, books))
    if known is None:
        return False
    changed = [name for name, value in _values(row).items() if getattr(known, name) != value]
    for name in changed:
        setattr(known, name, row[name])
    return bool(changed)


def _new(row: Row, project: Project) -> PublishedCancellation:
    return PublishedCancellation(project_id=project.id, **_values(row))


def _values(row: Row) -> dict[str, Any]:
    return {name: value for name, value in row.values.items() if name != "project"}


def _span(row: Row) -> Span | None:
    if any(row[name] is None for name in _OF_SERIALS):
        return None
    return Span(row["originating_party"], row["serial_first"], row["serial_last"])


def _key(row: Row, books: _Books) -> Key:
    if row["serial_first"] is not None:
        return row["originating_party"], row["serial_first"]
    project = books.projects.get(row["project"])
    return project.id if project else None, row["channel"], row["starts_at"]


def _key_of(known: PublishedCancellation) -> Key:
    if known.serial_first is not None:
        return known.originating_party, known.serial_first
    return known.project_id, known.channel, known.starts_at
