"""The public register as its pages and files show it. Reads only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Integer, Row, String, cast, func, literal, null, select, tuple_, union_all

from app.catalog.models import ProjectParty
from app.certificates.facts import from_json
from app.certificates.models import Certificate, RegisterEntry, RegisterProject, RegisterTotal
from app.certificates.ports import CertificateFacts, SerialRange
from app.db import db, end_reading
from app.kernel.columns import UTCDateTime
from app.kernel.references import certificate_slug
from app.register.forms import Cursor, Selection
from app.register.search import IS_NAME_SHOWN, Part, Total, plan

PAGE = 25
ROWS_OF_A_FILE_AT_ONCE = 500

_PLACE = (RegisterEntry.cancelled_at, RegisterEntry.certificate_id)


@dataclass(frozen=True)
class RegisterRow:
    """One cancellation as everybody may see it.

    Name, purpose, country, order and verification code are empty in `facts`, and so is a scheme's name
    where no name may be shown; `beneficiary` is None there, and empty where the buyer named nobody.
    """

    place: Cursor
    facts: CertificateFacts
    beneficiary: str | None

    @property
    def slug(self) -> str:
        """The certificate's number as it stands in addresses."""
        return certificate_slug(self.facts.number)

    @property
    def ranges(self) -> tuple[SerialRange, ...]:
        """Every serial range, in the order of the transactions."""
        return tuple(found for transaction in self.facts.transactions for found in transaction.ranges)


@dataclass(frozen=True)
class RegisterPage:
    """Some rows, newest first, and the places from which newer and older ones follow, if there are any."""

    rows: tuple[RegisterRow, ...]
    total: Total | None
    newer: Cursor | None
    older: Cursor | None


@dataclass(frozen=True)
class Choices:
    """What the register can be narrowed to: only what it has entries of."""

    years: tuple[int, ...]
    hosts: tuple[str, ...]
    project_types: tuple[str, ...]


def register_page(
    selection: Selection, *, after: Cursor | None = None, before: Cursor | None = None, size: int
) -> RegisterPage:
    """The page of a selection that follows `after`, or ends before `before`; the first one without either."""
    found = plan(selection)
    rows: list[RegisterRow] = []
    if before is not None:
        rows = _rows(found.parts, before, size + 1, is_backwards=True)
        if len(rows) > size:
            rows = rows[1:]
            return RegisterPage(tuple(rows), found.total, newer=rows[0].place, older=rows[-1].place)
        # Nothing newer is left, so this is the first page; it is shown as long as any other.
        after = None
    rows = _rows(found.parts, after, size + 1)
    older = rows[size - 1].place if len(rows) > size else None
    rows = rows[:size]
    newer = rows[0].place if rows and after is not None else None
    return RegisterPage(tuple(rows), found.total, newer=newer, older=older)


def every_row(selection: Selection) -> Iterator[RegisterRow]:
    """The whole selection, newest first, read in pieces: no snapshot is held while a file is sent."""
    parts = plan(selection).parts
    place: Cursor | None = None
    while rows := _rows(parts, place, ROWS_OF_A_FILE_AT_ONCE):
        end_reading()
        yield from rows
        place = rows[-1].place


def find_row(number: str) -> RegisterRow | None:
    """The entry of one certificate, or None if the register has none of that number."""
    row = db.session.execute(_wanted().where(Certificate.number == number)).one_or_none()
    return None if row is None else _row(row)


def choices() -> Choices:
    """The years, host Parties (ISO codes) and project types of the register, in one query."""
    no_number, no_text = cast(null(), Integer), cast(null(), String)
    found: list[Row[Any]] = list(
        db.session.execute(
            union_all(
                select(RegisterTotal.year.label("year"), no_text.label("host"), no_text.label("type")).distinct(),
                select(no_number, ProjectParty.country, no_text)
                .join(RegisterProject, RegisterProject.project_id == ProjectParty.project_id)
                .distinct(),
                select(no_number, no_text, RegisterProject.project_type).distinct(),
            )
        )
    )
    return Choices(
        years=tuple(sorted((row.year for row in found if row.year is not None), reverse=True)),
        hosts=tuple(row.host for row in found if row.host is not None),
        project_types=tuple(row.type for row in found if row.type is not None),
    )


def _wanted() -> Any:
    return select(
        RegisterEntry.certificate_id,
        RegisterEntry.cancelled_at,
        Certificate.facts,
        IS_NAME_SHOWN.label("is_name_shown"),
    ).join(Certificate, Certificate.id == RegisterEntry.certificate_id)


def _rows(parts: tuple[Part, ...], place: Cursor | None, size: int, *, is_backwards: bool = False) -> list[RegisterRow]:
    """Up to `size` rows of all parts after a place, or before it; newest first either way."""
    found: dict[int, Row[Any]] = {}
    for part in parts:
        found |= {row.certificate_id: row for row in _found(part, place, size, is_backwards)}
    ordered = sorted(found.values(), key=lambda row: (row.cancelled_at, row.certificate_id), reverse=not is_backwards)
    rows = [_row(row) for row in ordered[:size]]
    return rows[::-1] if is_backwards else rows


def _found(part: Part, place: Cursor | None, size: int, is_backwards: bool) -> list[Row[Any]]:
    query = _wanted().where(part.condition)
    if place is not None:
        there = tuple_(
            literal(place.cancelled_at, UTCDateTime), literal(place.certificate_id, RegisterEntry.certificate_id.type)
        )
        query = query.where(tuple_(*_PLACE) > there if is_backwards else tuple_(*_PLACE) < there)
    order = [_sorted(part, column) for column in _PLACE]
    query = query.order_by(*(column if is_backwards else column.desc() for column in order)).limit(size)
    return list(db.session.execute(query))


def _sorted(part: Part, column: Any) -> ColumnElement[Any]:
    """A column to sort by; of few entries without the index by date, which would lead through all of them."""
    return func.coalesce(column, column) if part.are_few else column


def _row(row: Row[Any]) -> RegisterRow:
    facts = from_json(row.facts)
    name = facts.beneficiary_name if row.is_name_shown else None
    scheme = facts.scheme_name if row.is_name_shown else ""
    public = replace(
        facts,
        beneficiary_name="", purpose="", scheme_name=scheme, country="", order_reference="", verification_code="",
    )  # fmt: skip
    return RegisterRow(Cursor(row.cancelled_at, row.certificate_id), public, name)
