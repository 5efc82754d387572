"""The worker's sign of life: written after each round, so that a worker that hangs is missed as well."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError

from app.db import db, end_reading, insert_once, transaction
from app.jobs.models import Heartbeat

WORKER = "worker"
# The worker's schedule wakes it every minute; a round may take a few, when many papers are drawn.
LATE_AFTER = timedelta(minutes=5)

log = logging.getLogger(__name__)


def beat(now: datetime) -> None:
    """Say that a round has ended at `now`. Never fails: what was done is done."""
    try:
        with transaction() as session:
            if not insert_once(Heartbeat, name=WORKER, at=now):
                session.execute(update(Heartbeat).where(Heartbeat.name == WORKER).values(at=now))
    except SQLAlchemyError:
        log.warning("no sign of life written", exc_info=True)


def last_beat() -> datetime | None:
    """When a worker last ended a round; None: never. Raises SQLAlchemyError when the database does."""
    at = db.session.scalar(select(Heartbeat.at).where(Heartbeat.name == WORKER))
    end_reading()
    return at


def state_of_worker(now: datetime) -> str:
    """`ok`, `late`, or `never seen`: one word for whoever watches."""
    at = last_beat()
    if at is None:
        return "never seen"
    return "late" if is_late(at, now) else "ok"


def is_late(at: datetime, now: datetime) -> bool:
    """Whether a sign of life at an instant (aware) is none any more.

    Of a time to come: the clock went back since, and a worker that lives would have ended a round by it.
    """
    return abs(now - at) > LATE_AFTER
