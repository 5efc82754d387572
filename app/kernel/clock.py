"""The time, as something that a test can set. Always an aware UTC instant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Anything that can say what time it is."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        return datetime.now(UTC)


class ShiftedClock:
    """The machine's clock, moved by a fixed distance (a demonstration of another day)."""

    def __init__(self, shift: timedelta) -> None:
        self._shift = shift

    def now(self) -> datetime:
        """The shifted instant, aware, in UTC."""
        return datetime.now(UTC) + self._shift


def clock_from(start: datetime | None) -> Clock:
    """The machine's clock, or one that stands at `start` (aware) now and runs on from there."""
    return SystemClock() if start is None else ShiftedClock(start.astimezone(UTC) - datetime.now(UTC))


class FixedClock:
    """A clock that stands still until it is told to move."""

    def __init__(self, at: datetime) -> None:
        if at.tzinfo is None:
            raise ValueError("a clock needs an aware instant")
        self._at = at.astimezone(UTC)

    def now(self) -> datetime:
        """The instant it was set to, aware, in UTC."""
        return self._at

    def advance(self, by: timedelta) -> None:
        """Move forward (or back) by a distance."""
        self._at += by
