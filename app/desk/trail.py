"""The trail of acts, filtered. Reads only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.sql.selectable import Select

from app.audit.models import Act
from app.db import db

PAGE = 100
MOST_ROWS = 100_000


@dataclass(frozen=True)
class ActFilter:
    """Which acts are asked for; empty values ask for all. Days count in UTC and both are included."""

    who: str = ""
    what: str = ""
    subject: str = ""
    first: date | None = None
    last: date | None = None
    before: int | None = None

    def arguments(self) -> dict[str, str]:
        """The filter as it stands in an address, without the place in the list."""
        given = {
            "who": self.who,
            "what": self.what,
            "subject": self.subject,
            "first": self.first.isoformat() if self.first else "",
            "last": self.last.isoformat() if self.last else "",
        }
        return {name: value for name, value in given.items() if value}


def acts(wanted: ActFilter) -> list[Act]:
    """One page of acts, newest first, and one more where there are more."""
    return list(db.session.scalars(_query(wanted).limit(PAGE + 1)))


def every_act(wanted: ActFilter) -> Iterator[Act]:
    """All of them, newest first, for a file."""
    yield from db.session.scalars(_query(wanted).limit(MOST_ROWS))


def codes() -> list[str]:
    """The codes that the trail has."""
    return list(db.session.scalars(select(Act.what).distinct().order_by(Act.what)))


def acts_about(kind: str, subject_id: int) -> list[Act]:
    """What was done to one thing, newest first."""
    of_thing = select(Act).where(Act.subject_kind == kind, Act.subject_id == subject_id)
    return list(db.session.scalars(of_thing.order_by(Act.id.desc()).limit(PAGE)))


def _query(wanted: ActFilter) -> Select[Act]:
    query = select(Act).order_by(Act.id.desc())
    if wanted.who:
        query = query.where(Act.actor.icontains(wanted.who, autoescape=True))
    if wanted.what:
        query = query.where(Act.what == wanted.what)
    if wanted.subject:
        query = query.where(Act.subject.icontains(wanted.subject, autoescape=True))
    if wanted.first:
        query = query.where(Act.at >= datetime.combine(wanted.first, time(), UTC))
    if wanted.last:
        query = query.where(Act.at < datetime.combine(wanted.last + timedelta(days=1), time(), UTC))
    if wanted.before is not None:
        query = query.where(Act.id < wanted.before)
    return query
