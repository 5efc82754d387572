"""Time in the storm: it runs as on this machine, hours pass at once when told to, the product's own clock goes wrong.

The gateway's and the registry's clocks are right. A clock never moves while a turn is on: a request to the registry
over HTTP is then on its way, and no lease protects one that takes longer than the lease.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.chaos.registry_time import SharedClock

_ZERO = datetime(1970, 1, 1, tzinfo=UTC)
# The storm and the weeks after it lie between the first terms of sale and the end of the mechanism.
BEGINS = datetime(2026, 11, 1, 6, tzinfo=UTC)


class WorldClock:
    """What time it really is."""

    def __init__(self, directory: Path) -> None:
        path = directory / "hours-passed"
        begins = _ZERO + (BEGINS - datetime.now(UTC))
        self._passed = SharedClock(path) if path.exists() else SharedClock.create(path, begins)

    def after_fork(self) -> None:
        """Turns of a child are its own."""
        self._passed.after_fork()

    def close(self) -> None:
        """Leave the files to others."""
        self._passed.close()

    def now(self) -> datetime:
        """The instant, aware, in UTC."""
        return datetime.now(UTC) + (self._passed.now() - _ZERO)

    def pass_time(self, by: timedelta) -> None:
        """Let time pass at once, when no turn is on."""
        self._passed.advance(by)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """No time is skipped while this lasts."""
        with self._passed.turn():
            yield


class HouseClock(WorldClock):
    """What the product's machine thinks: the same time, and a mistake."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        path = directory / "clock-error"
        self._error = SharedClock(path) if path.exists() else SharedClock.create(path, _ZERO)

    def after_fork(self) -> None:
        """Turns of a child are its own."""
        super().after_fork()
        self._error.after_fork()

    def close(self) -> None:
        """Leave the files to others."""
        super().close()
        self._error.close()

    def now(self) -> datetime:
        """The instant as the product takes it to be, aware, in UTC."""
        return super().now() + self.error

    @property
    def error(self) -> timedelta:
        """How far it is wrong; negative: behind."""
        return self._error.now() - _ZERO

    def jump(self, to_error: timedelta) -> None:
        """Be wrong by so much from now on."""
        self._error.advance(to_error - self.error)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Nothing jumps while this lasts."""
        with super().turn(), self._error.turn():
            yield
