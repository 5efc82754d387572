"""Sanctions lists for tests; everybody on them is made up."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from app.audit.service import Actor
from app.db import db, transaction
from app.screening import service
from app.screening.edition import Source
from app.screening.models import ScreeningMatch
from app.screening.service import ImportOutcome
from tests.builders import NOW

FILES = Path(__file__).parents[2] / "data" / "sanctions"
COMMAND = Actor(None, "tests")


def sample(name: str) -> bytes:
    """The bytes of a sample file."""
    return (FILES / name).read_bytes()


def take(source: Source = Source.UN, name: str = "un.xml", aliases: bytes = b"") -> ImportOutcome:
    """Import a sample file."""
    return service.import_list(source, sample(name), aliases, COMMAND, NOW)


def screen(*names: str, kind: str = "order", subject_id: int = 7) -> bool:
    """Screen names in a transaction of its own."""
    with transaction():
        return service.screen(kind, subject_id, names, NOW)


def matches() -> list[ScreeningMatch]:
    """Every likeness that was ever found, in order."""
    db.session.expire_all()
    return list(db.session.scalars(select(ScreeningMatch).order_by(ScreeningMatch.id)))
