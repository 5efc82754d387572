"""What operators read of lists and likenesses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from app.accounts.models import Person
from app.db import db
from app.screening.models import SanctionsList, ScreeningMatch
from app.screening.states import MatchState

MOST_ROWS = 200


@dataclass(frozen=True)
class MatchView:
    """One likeness. `decided_by` is the person's address; `facts` say what the list knows of the entry."""

    id: int
    subject_kind: str
    subject_id: int
    name: str
    source: str
    reference: str
    listed_name: str
    score: int
    facts: dict[str, Any]
    state: MatchState
    reason: str
    decided_by: str
    decided_at: datetime | None
    created_at: datetime

    @property
    def is_pending(self) -> bool:
        """Whether nobody has looked at it yet."""
        return self.state is MatchState.PENDING


def current_lists() -> Sequence[SanctionsList]:
    """The edition that counts of each source that was ever imported."""
    return db.session.scalars(
        select(SanctionsList).where(SanctionsList.is_current.is_(True)).order_by(SanctionsList.source)
    ).all()


def editions_at(at: datetime) -> Sequence[SanctionsList]:
    """The edition of each source that counted at an instant (aware): which ones were taken in is never forgotten."""
    newest = select(func.max(SanctionsList.id)).where(SanctionsList.imported_at <= at).group_by(SanctionsList.source)
    return db.session.scalars(
        select(SanctionsList).where(SanctionsList.id.in_(newest)).order_by(SanctionsList.source)
    ).all()


def pending_count() -> int:
    """How many likenesses wait for a person."""
    found = select(func.count()).select_from(ScreeningMatch).where(ScreeningMatch.state == MatchState.PENDING)
    return db.session.scalars(found).one()


def pending_matches() -> list[MatchView]:
    """The likenesses that wait, the oldest first; at most MOST_ROWS."""
    found = _matches().where(ScreeningMatch.state == MatchState.PENDING).order_by(ScreeningMatch.id).limit(MOST_ROWS)
    return [_view(row) for row in db.session.execute(found)]


def decided_matches() -> list[MatchView]:
    """The last decisions, the newest first; at most MOST_ROWS."""
    found = (
        _matches()
        .where(ScreeningMatch.state != MatchState.PENDING)
        .order_by(ScreeningMatch.decided_at.desc(), ScreeningMatch.id.desc())
        .limit(MOST_ROWS)
    )
    return [_view(row) for row in db.session.execute(found)]


def matches_of(subject_kind: str, subject_id: int) -> list[MatchView]:
    """Every likeness of one subject, decided or not, in the order in which they were found."""
    found = _matches().where(ScreeningMatch.subject_kind == subject_kind, ScreeningMatch.subject_id == subject_id)
    return [_view(row) for row in db.session.execute(found.order_by(ScreeningMatch.id))]


def find_match(match_id: int) -> MatchView | None:
    """One likeness, or None."""
    row = db.session.execute(_matches().where(ScreeningMatch.id == match_id)).one_or_none()
    return _view(row) if row else None


def _matches() -> Any:
    return select(ScreeningMatch, Person.email).outerjoin(Person, Person.id == ScreeningMatch.decided_by)


def _view(row: Any) -> MatchView:
    match, decided_by = row
    return MatchView(
        id=match.id,
        subject_kind=match.subject_kind,
        subject_id=match.subject_id,
        name=match.name,
        source=match.source,
        reference=match.reference,
        listed_name=match.listed_name,
        score=match.score,
        facts=match.facts,
        state=match.state,
        reason=match.reason,
        decided_by=decided_by or "",
        decided_at=match.decided_at,
        created_at=match.created_at,
    )
