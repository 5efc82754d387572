"""Conversations with a registry, word for word, and how long to wait for the next one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from app.db import add_rows, db
from app.registry.models import RegistryAttempt
from app.registry.ports import Lookup, Outcome

BACKOFF = (5, 15, 60, 300, 900, 3600)  # seconds


def note_attempt(
    cancellation_id: int, kind: str, started_at: datetime, ended_at: datetime, answer: Outcome | Lookup
) -> None:
    """Keep one conversation with a registry, word for word."""
    note_attempts({cancellation_id: answer}, kind, started_at, ended_at)


def note_attempts(answers: Mapping[int, Outcome | Lookup], kind: str, started_at: datetime, ended_at: datetime) -> None:
    """Keep one conversation about several cancellations: what was answered to each, by its id."""
    conversation = {"kind": kind, "started_at": started_at, "ended_at": ended_at}
    add_rows(
        RegistryAttempt,
        [
            {
                **conversation,
                "cancellation_id": cancellation_id,
                "outcome": type(answer).__name__.lower(),
                "answer": _plain(answer),
            }
            for cancellation_id, answer in answers.items()
        ],
    )


def pause(cancellation_id: int) -> timedelta:
    """How long to wait before the next look: longer after each."""
    tries = db.session.scalar(
        select(func.count()).select_from(RegistryAttempt).where(RegistryAttempt.cancellation_id == cancellation_id)
    )
    return timedelta(seconds=BACKOFF[min(tries or 0, len(BACKOFF) - 1)])


def _plain(value: Any) -> Any:
    """A value that JSON can hold, for the record of what a registry said."""
    if isinstance(value, (int, str, type(None))):
        return value
    if is_dataclass(value):
        value = vars(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return str(value)
