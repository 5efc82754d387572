"""Compare names with the lists, let a person decide about each likeness, and take in new editions of lists."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from flask import current_app
from sqlalchemy import bindparam, delete, insert, select, update

from app.audit.service import Actor, Subject, note_act, required_reason
from app.db import advance, db, end_reading, insert_once, one_at_a_time, record, transaction, write
from app.kernel.text import clean_line, fold
from app.screening.adapters import read_list
from app.screening.edition import Edition, Source
from app.screening.errors import MatchDecided, UnknownMatch
from app.screening.models import SanctionsList, SanctionsName, ScreeningMatch
from app.screening.states import MATCH, MatchState

if TYPE_CHECKING:
    from app.screening.matching import NameIndex

log = logging.getLogger(__name__)

LONGEST_NAME = 300  # of ours, as ScreeningMatch keeps it
LONGEST_LISTED_NAME = 400
_CACHE = "tonne.screening"


class Standing(StrEnum):
    """What the lists and the people who looked say of a subject: `confirmed` outweighs `pending`."""

    CLEAR = "clear"
    PENDING = "pending"
    CONFIRMED = "confirmed"


@dataclass(frozen=True)
class ScreenedSubject:
    """Somebody or something that is still open, with every name that stands behind it."""

    kind: str
    id: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class ImportOutcome:
    """What an import did; `is_new` is False when this very file is the current edition already."""

    source: Source
    published: str
    entries: int
    names: int
    is_new: bool


OpenSubjects = Callable[[], Iterable[ScreenedSubject]]
Called = Callable[[int], str]
_open_subjects: dict[str, OpenSubjects] = {}
_called: dict[str, Called] = {}


def screen_again(kind: str, subjects: OpenSubjects, called: Called) -> None:
    """Say which subjects of a kind are open, so that a new edition is compared with them at once.

    `called` gives what people call the subject with an id, for the trail, which is never erased: a
    reference, and no name that was compared.
    """
    _open_subjects[kind] = subjects
    _called[kind] = called


# Said once: every order and every direct cancellation is screened.
_EDITIONS = (
    select(SanctionsList.id, SanctionsList.sha256).where(SanctionsList.is_current.is_(True)).order_by(SanctionsList.id)
)
_OPEN_OR_CONFIRMED = (
    select(ScreeningMatch.subject_id, ScreeningMatch.state)
    .where(
        ScreeningMatch.subject_kind == bindparam("kind"),
        ScreeningMatch.subject_id.in_(bindparam("ids", expanding=True)),
        ScreeningMatch.state != MatchState.CLEARED,
    )
    .distinct()
)


def screen(subject_kind: str, subject_id: int, names: Iterable[str], now: datetime) -> bool:
    """Compare the names behind a subject with the current lists, inside the caller's transaction.

    Each likeness becomes a pending match once: what a person decided about it stays. True if anything
    of this subject is pending or confirmed, from now or from before; then it has to wait.
    """
    index = _current_index()
    for name in sorted({clean_line(name)[:LONGEST_NAME] for name in names}):
        best: dict[tuple[str, str], tuple[int, int]] = {}
        for like in index.names.find(name):
            name_id, source, reference = index.rows[like.position]
            best.setdefault((source, reference), (name_id, like.score))
        for (source, reference), (name_id, score) in best.items():
            listed = db.session.get_one(SanctionsName, name_id)
            is_new = insert_once(
                ScreeningMatch,
                subject_kind=subject_kind,
                subject_id=subject_id,
                name=name,
                source=source,
                reference=reference,
                listed_name=listed.name,
                score=score,
                facts={"kind": listed.kind, **listed.facts},
                state=MatchState.PENDING,
                reason="",
                created_at=now,
            )
            if is_new:
                _record_new(subject_kind, subject_id, name, source, reference, now)
    return standing(subject_kind, subject_id) is not Standing.CLEAR


def standing(subject_kind: str, subject_id: int) -> Standing:
    """Where a subject stands: clear, with a likeness nobody looked at yet, or confirmed as listed."""
    return standings(subject_kind, (subject_id,))[subject_id]


def standings(subject_kind: str, subject_ids: Sequence[int]) -> dict[int, Standing]:
    """The same for many subjects of one kind, in one query."""
    found = dict.fromkeys(subject_ids, Standing.CLEAR)
    rows = write(_OPEN_OR_CONFIRMED, {"kind": subject_kind, "ids": list(subject_ids)})
    for row in rows:
        if row.state is MatchState.CONFIRMED:
            found[row.subject_id] = Standing.CONFIRMED
        elif found[row.subject_id] is Standing.CLEAR:
            found[row.subject_id] = Standing.PENDING
    return found


def decide(match_id: int, to: MatchState, actor: Actor, *, reason: str, now: datetime) -> None:
    """Say of a likeness that it is somebody else (`cleared`) or the one on the list (`confirmed`); final.

    Raises ReasonMissing, UnknownMatch, or MatchDecided when somebody decided before.
    """
    kept = required_reason(reason)
    with transaction() as session:
        match = session.get(ScreeningMatch, match_id)
        if match is None:
            raise UnknownMatch(match=match_id)
        moved = advance(
            ScreeningMatch,
            match_id,
            MATCH,
            to,
            at=now,
            reason=kept,
            decided_by=actor.person_id,
            decided_at=now,
        )
        if not moved:
            session.refresh(match)
            raise MatchDecided(match=match_id, state=match.state.value)
        note_act(
            actor,
            f"match_{to}",
            Subject(match.subject_kind, match.subject_id, _called[match.subject_kind](match.subject_id)),
            at=now,
            reason=kept,
            facts={"source": match.source, "reference": match.reference, "match": match_id},
        )


def import_list(source: Source, content: bytes, aliases: bytes, actor: Actor, now: datetime) -> ImportOutcome:
    """Take in an edition of a list as the current one of its source, and compare what is open with it.

    `aliases` is the second file of OFAC's CSV form, else empty. The whole file or nothing: raises
    ListRefused with every problem. The current edition again changes nothing.
    """
    digest = hashlib.sha256(content + aliases).hexdigest()
    edition = read_list(source, content, aliases)
    rows = _rows_of(edition)
    outcome = ImportOutcome(source, edition.published, len(edition.entries), len(rows), is_new=True)
    with transaction() as session:
        one_at_a_time("sanctions")
        current = select(SanctionsList).where(SanctionsList.source == source, SanctionsList.is_current.is_(True))
        before = session.scalars(current).all()
        if any(kept.sha256 == digest for kept in before):
            return ImportOutcome(source, edition.published, len(edition.entries), len(rows), is_new=False)
        for kept in before:
            # The edition stays as a fact; its names are in the file, and in the matches that were found.
            session.execute(update(SanctionsList).where(SanctionsList.id == kept.id).values(is_current=False))
            session.execute(delete(SanctionsName).where(SanctionsName.list_id == kept.id))
        taken = SanctionsList(
            source=source.value,
            published=edition.published[:40],
            sha256=digest,
            entries=len(edition.entries),
            is_current=True,
            imported_at=now,
        )
        session.add(taken)
        session.flush()
        session.execute(insert(SanctionsName), [{"list_id": taken.id, **row} for row in rows])
        note_act(
            actor,
            "sanctions_imported",
            Subject("sanctions_list", taken.id, source.value),
            at=now,
            facts={"published": taken.published, "entries": taken.entries, "sha256": digest},
        )
        for subject in _all_open():
            screen(subject.kind, subject.id, subject.names, now)
    log.info("sanctions list imported", extra={"facts": {"source": source.value, "entries": outcome.entries}})
    return outcome


def screen_open(now: datetime) -> None:
    """Compare everything that is open with the current lists once more, each in a transaction of its own.

    Whoever was taken in by a version that did not compare them is found so, and need not wait for the next edition.
    """
    subjects = list(_all_open())
    end_reading()
    for subject in subjects:
        with transaction():
            screen(subject.kind, subject.id, subject.names, now)


def _all_open() -> Iterator[ScreenedSubject]:
    for subjects in _open_subjects.values():
        yield from subjects()


def _rows_of(edition: Edition) -> list[dict[str, object]]:
    return [
        {
            "reference": entry.reference,
            "kind": entry.kind.value,
            "name": name[:LONGEST_LISTED_NAME],
            "folded": fold(name)[:LONGEST_LISTED_NAME],
            "is_primary": position == 0,
            "facts": dict(entry.facts),
        }
        for entry in edition.entries
        for position, name in enumerate(entry.names)
    ]


def _record_new(subject_kind: str, subject_id: int, name: str, source: str, reference: str, now: datetime) -> None:
    match_id = db.session.scalars(
        select(ScreeningMatch.id).where(
            ScreeningMatch.subject_kind == subject_kind,
            ScreeningMatch.subject_id == subject_id,
            ScreeningMatch.name == name,
            ScreeningMatch.source == source,
            ScreeningMatch.reference == reference,
        )
    ).one()
    record(MATCH.machine, match_id, None, MatchState.PENDING, at=now)


@dataclass(frozen=True)
class _Index:
    """The names of some editions. A row is the name's id, its source and its entry's reference."""

    editions: tuple[tuple[int, str], ...]
    names: NameIndex
    rows: tuple[tuple[int, str, str], ...]


def _current_index() -> _Index:
    """The names of the current lists, kept in this process until another edition is current."""
    editions = tuple((edition.id, edition.sha256) for edition in write(_EDITIONS))
    kept: _Index | None = current_app.extensions.get(_CACHE)
    if kept is None or kept.editions != editions:
        from app.screening.matching import NameIndex  # noqa: PLC0415 - brings RapidFuzz, 5 MB; pages compare no names

        rows = db.session.execute(
            select(SanctionsName.id, SanctionsList.source, SanctionsName.reference, SanctionsName.name)
            .join(SanctionsList, SanctionsList.id == SanctionsName.list_id)
            .where(SanctionsList.is_current.is_(True))
            .order_by(SanctionsName.id)
        ).all()
        kept = _Index(
            editions,
            NameIndex([row.name for row in rows]),
            tuple((row.id, row.source, row.reference) for row in rows),
        )
        current_app.extensions[_CACHE] = kept
    return kept
