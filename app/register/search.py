"""How a selection becomes conditions of the database, so that the answer is as fast in a long register.

Projects are few and certificates many. Words and filters that speak of projects are answered among the
projects first, and the totals kept for each project tell how many entries that means: few are fetched and
sorted, many are met soon enough on the way through the register by date. A name is found by the
beginnings of its words, a serial number by the one block that can hold it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, not_, or_, select, true
from sqlalchemy.sql.selectable import Exists, Select

from app.catalog.models import Issuance, ProjectParty
from app.certificates.models import (
    WORD_LENGTH,
    Certificate,
    RegisterBlock,
    RegisterEntry,
    RegisterProject,
    RegisterTotal,
    RegisterWord,
)
from app.claims.queries import is_held_back
from app.db import db
from app.kernel.serials import Span
from app.register.forms import Selection

# Up to so many entries are fetched and sorted; more are met soon enough when reading by date.
FEW = 2_000
# Names are not counted beyond this; a word in more of them is met soon wherever one begins to read.
MANY = 4_000
# A registry's clock may be ahead of ours, never by so much.
CLOCKS_APART = timedelta(days=1)
_AFTER_EVERY_LETTER = "\U0010ffff"

IS_NAME_SHOWN = and_(RegisterEntry.is_name_public, not_(is_held_back(RegisterEntry.beneficiary_id)))


@dataclass(frozen=True)
class Total:
    """What entries add up to: certificates, and units (tonnes)."""

    certificates: int
    units: int


@dataclass(frozen=True)
class Part:
    """Entries that one query finds. `are_few`: fetching and sorting all of them is the quick way."""

    condition: ColumnElement[bool]
    are_few: bool


@dataclass(frozen=True)
class Plan:
    """The parts whose entries together are the selection; `total` is None where adding up would take long."""

    parts: tuple[Part, ...]
    total: Total | None


def plan(selection: Selection) -> Plan:
    """The quickest way to the entries of a selection."""
    if selection.number is not None:
        return _exactly(select(Certificate.id).where(Certificate.number == selection.number), selection)
    if selection.serials and selection.serials.units > 1:
        return _of_range(selection.serials, selection)
    held = _holders(selection.serials) if selection.serials else _holders_anywhere(selection.bare_serial)
    by_project, total = _by_project(selection)
    others = _by_name(selection)
    if held:
        others.append(Part(and_(RegisterEntry.certificate_id.in_(held), _filters(selection)), are_few=True))
    if not others:
        return Plan(by_project, total)
    if any(not part.are_few for part in others):
        return Plan((*by_project, *others), None)
    extra = _add_up(and_(or_(*(part.condition for part in others)), *(not_(part.condition) for part in by_project)))
    return Plan((*by_project, *others), Total(total.certificates + extra.certificates, total.units + extra.units))


def _exactly(certificates: Any, selection: Selection) -> Plan:
    condition = and_(RegisterEntry.certificate_id.in_(certificates), _filters(selection))
    return Plan((Part(condition, are_few=True),), _add_up(condition))


def _add_up(condition: ColumnElement[bool]) -> Total:
    count, units = db.session.execute(
        select(func.count(), func.coalesce(func.sum(RegisterEntry.units), 0)).where(condition)
    ).one()
    return Total(int(count), int(units))


# --- projects -----------------------------------------------------------------------------------------


def _by_project(selection: Selection) -> tuple[tuple[Part, ...], Total]:
    """Entries of the projects that have every word of the search, and what they add up to."""
    projects = _projects(selection, with_words=True)
    conditions: list[ColumnElement[bool]] = [RegisterTotal.project_id.in_(projects)] if projects is not None else []
    if selection.year is not None:
        conditions.append(RegisterTotal.year == selection.year)
    if selection.intent:
        conditions.append(RegisterTotal.intent == selection.intent)
    count, units, first_year, last_year = db.session.execute(
        select(
            func.coalesce(func.sum(RegisterTotal.certificates), 0),
            func.coalesce(func.sum(RegisterTotal.units), 0),
            func.min(RegisterTotal.year),
            func.max(RegisterTotal.year),
        ).where(*conditions)
    ).one()
    total = Total(int(count), int(units))
    if not total.certificates:
        return (), total
    are_few = total.certificates <= FEW
    wanted: list[ColumnElement[bool]] = []
    if not selection.is_everything:
        # No year before or after these has any; a search for what is long ago begins there.
        wanted.append(_in_years(first_year, last_year))
    if projects is not None:
        # The sum keeps the index by project out of it: reading by date is quicker for many.
        project_id = RegisterEntry.project_id if are_few else RegisterEntry.project_id + 0
        wanted.append(project_id.in_(projects))
    if selection.intent:
        wanted.append(RegisterEntry.intent == selection.intent)
    return (Part(and_(true(), *wanted), are_few=are_few and projects is not None),), total


def _projects(selection: Selection, *, with_words: bool) -> Select[int] | None:
    conditions: list[ColumnElement[bool]] = []
    if with_words:
        conditions += [RegisterProject.search_text.like(f"%{word}%") for word in selection.words]
        if selection.text and not selection.words:
            conditions.append(RegisterProject.search_text == "")
    if selection.project_type:
        conditions.append(RegisterProject.project_type == selection.project_type)
    if selection.host:
        conditions.append(
            RegisterProject.project_id.in_(
                select(ProjectParty.project_id).where(ProjectParty.country == selection.host)
            )
        )
    return select(RegisterProject.project_id).where(*conditions) if conditions else None


def _filters(selection: Selection) -> ColumnElement[bool]:
    """Every filter of a selection without its words."""
    projects = _projects(selection, with_words=False)
    wanted: list[ColumnElement[bool]] = []
    if selection.year is not None:
        wanted.append(_in_years(selection.year, selection.year))
    if projects is not None:
        wanted.append((RegisterEntry.project_id + 0).in_(projects))
    if selection.intent:
        wanted.append(RegisterEntry.intent == selection.intent)
    return and_(true(), *wanted)


def _in_years(first: int, last: int) -> ColumnElement[bool]:
    return and_(
        RegisterEntry.cancelled_at >= datetime(first, 1, 1, tzinfo=UTC),
        RegisterEntry.cancelled_at < datetime(last + 1, 1, 1, tzinfo=UTC),
    )


# --- names --------------------------------------------------------------------------------------------


def _by_name(selection: Selection) -> list[Part]:
    """Entries whose published name has every word of the search, or words that begin so."""
    if not selection.words:
        return []
    words = {word[:WORD_LENGTH] for word in selection.words}
    found, newest, rarest = min((*_how_often(word), word) for word in words)
    if not found:
        return []
    are_few = found <= FEW
    wanted: list[ColumnElement[bool]] = [_has_word(word) for word in sorted(words)]
    if are_few:
        holders = select(RegisterWord.certificate_id).where(_begins_with(RegisterWord.word, rarest))
        wanted.append(RegisterEntry.certificate_id.in_(holders))
    elif found <= MANY:
        wanted.append(RegisterEntry.cancelled_at <= _last_time(newest))
    return [Part(and_(*wanted, IS_NAME_SHOWN, _filters(selection)), are_few)]


def _how_often(word: str) -> tuple[int, int]:
    """How many names have a word that begins so, and the newest certificate of them; not counted beyond many."""
    some = select(RegisterWord.certificate_id).where(_begins_with(RegisterWord.word, word)).limit(MANY + 1).subquery()
    count, newest = db.session.execute(
        select(func.count(), func.coalesce(func.max(some.c.certificate_id), 0)).select_from(some)
    ).one()
    return int(count), int(newest)


def _last_time(newest: int) -> datetime:
    """An instant after which no unit was cancelled for this certificate or an earlier one: names come in waves."""
    issued_at = db.session.scalars(select(Certificate.issued_at).where(Certificate.id == newest)).one()
    return issued_at + CLOCKS_APART


def _has_word(word: str) -> Exists:
    # Not by the index of words, which has all entries of a word, but by that of the entry, which has few words.
    own = func.coalesce(RegisterWord.word, RegisterWord.word)
    return exists().where(RegisterWord.certificate_id == RegisterEntry.certificate_id, _begins_with(own, word))


def _begins_with(column: Any, word: str) -> ColumnElement[bool]:
    return and_(column >= word, column < word + _AFTER_EVERY_LETTER)


# --- serial numbers -----------------------------------------------------------------------------------


def _holders_anywhere(number: int | None) -> list[int]:
    """The certificates that hold a serial number of any number space; each has one counter of its own."""
    if number is None:
        return []
    counted = select(Issuance.space).where(Issuance.serial_first <= number, Issuance.serial_last >= number)
    spaces = db.session.scalars(counted.distinct()).all()
    return [holder for space in spaces for holder in _holders(Span(space, number, number))]


def _of_range(span: Span, selection: Selection) -> Plan:
    """Every entry that holds any of these serial numbers: a whole issuance may have been cancelled for thousands."""
    holders = _holding(span)
    some = holders.limit(FEW + 1).subquery()
    found = db.session.scalars(select(func.count()).select_from(some)).one()
    condition = and_(RegisterEntry.certificate_id.in_(holders), _filters(selection))
    return Plan((Part(condition, are_few=found <= FEW),), _add_up(condition))


def _holders(span: Span) -> list[int]:
    """The certificates that hold any of these serial numbers."""
    return list(db.session.scalars(_holding(span)))


def _holding(span: Span) -> Select[int]:
    """The same as a query. Blocks of one space never overlap: only the one before the range can reach into it."""
    before = (
        select(func.max(RegisterBlock.first))
        .where(RegisterBlock.space == span.space, RegisterBlock.first <= span.first)
        .scalar_subquery()
    )
    return select(RegisterBlock.certificate_id).where(
        RegisterBlock.space == span.space,
        RegisterBlock.first >= func.coalesce(before, span.first),
        RegisterBlock.first <= span.last,
        RegisterBlock.last >= span.first,
    )
