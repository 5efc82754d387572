"""Complaints for tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from app.complaints import service
from app.complaints.models import Complaint
from app.config import Settings
from app.db import StateEvent, db
from app.kernel.references import unguessable_token
from tests.builders import NOW

TYPED = {
    "email": "amelie@example.org",
    "about": "T-7KMQ-2XHD",
    "problem": "I paid twice.\n\nOn Sunday.",
    "wish": "Please send the second payment back.",
}


def a_complaint(settings: Settings, **changes: Any) -> str:
    """A complaint that has come in; gives its token."""
    told: dict[str, Any] = {"once": unguessable_token(), "locale": "en", "now": NOW, **TYPED, **changes}
    return service.receive(settings=settings, **told)


def the_complaint(token: str) -> Complaint:
    """The complaint as the database has it now."""
    db.session.expire_all()
    return db.session.scalars(select(Complaint).where(Complaint.token == token)).one()


def numbers() -> Sequence[str]:
    """The numbers of all complaints in the order in which they came."""
    return db.session.scalars(select(Complaint.number).order_by(Complaint.id)).all()


def moves() -> list[tuple[str | None, str, dict[str, Any]]]:
    """Every change of a complaint's state."""
    events = db.session.scalars(select(StateEvent).where(StateEvent.machine == "complaint").order_by(StateEvent.id))
    return [(event.from_state, event.to_state, event.facts) for event in events]
