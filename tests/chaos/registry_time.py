"""Time for several processes: one file says what time it is, and stands still while anybody works.

A worker takes a `turn` for each thing it does; whoever moves the time waits until no turn is on. So a lease runs out
because its holder is dead, never because this machine is slow, and days pass without waiting.
"""

from __future__ import annotations

import fcntl
import mmap
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

SIZE = 16  # microseconds since 1970, and whether somebody wants to move the time
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PATIENCE = 0.0005  # seconds


class SharedClock:
    """The time in a file, as one process sees it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("r+b")
        self._shared = mmap.mmap(self._file.fileno(), SIZE)

    @classmethod
    def create(cls, path: Path, at: datetime) -> SharedClock:
        """A new file that says `at`."""
        path.write_bytes(struct.pack("<qq", round((at - _EPOCH) / timedelta(microseconds=1)), 0))
        return cls(path)

    def after_fork(self) -> None:
        """Turns of a child are its own: a lock belongs to an opened file, not to a process."""
        self._file.close()
        self._file = self._path.open("r+b")

    def close(self) -> None:
        """Leave the file to others."""
        self._shared.close()
        self._file.close()

    def now(self) -> datetime:
        """The instant, aware, in UTC."""
        (microseconds,) = struct.unpack_from("<q", self._shared, 0)
        return _EPOCH + timedelta(microseconds=microseconds)

    def advance(self, by: timedelta) -> None:
        """Move forward, when nobody works."""
        struct.pack_into("<q", self._shared, 8, 1)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            struct.pack_into("<q", self._shared, 0, round((self.now() + by - _EPOCH) / timedelta(microseconds=1)))
        finally:
            struct.pack_into("<q", self._shared, 8, 0)
            fcntl.flock(self._file, fcntl.LOCK_UN)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """While this lasts the time stands still. A process that is killed gives its turn back by that."""
        while struct.unpack_from("<q", self._shared, 8) != (0,):
            time.sleep(_PATIENCE)
        fcntl.flock(self._file, fcntl.LOCK_SH)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)
