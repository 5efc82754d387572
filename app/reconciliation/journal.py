"""The journal: what the embedded ledger did and which numbers were given, outside of the database.

A registry of its own remembers what a restored database forgot. The embedded ledger lies in that very database, so
the worker writes down after the fact what must never be done twice: every transaction of the ledger that
happened here, every certificate's number and the last complaint's, every package of a batch that was closed. What was
imported from published lists is in their files. Each line is one JSON object and has the hash of the
line before, so that one which was changed or lost is found. It holds no names and no purposes.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from app.reconciliation.errors import JournalBroken

FIRST = "0" * 64  # what stands for the hash of the line before the first
# Numbers are given before they are committed, so a lower one may come after a higher one.
OVERTAKEN = 100
_TAIL = 256_000  # bytes that nearly always hold the last line; a package of many thousand lines has a longer one

Line = Mapping[str, Any]


@dataclass
class _Read:
    """How far a file was read, what its last line was, and the lines with the highest numbers of each kind."""

    end: int = 0
    number: int = 0
    last: bytes = b""
    highest: dict[str, list[Line]] = field(default_factory=dict)

    def take_in(self, raw: bytes, line: Line) -> None:
        """Go on by one line, `raw` as it lies in the file."""
        self.end, self.number, self.last = self.end + len(raw), self.number + 1, raw
        if "id" not in line:
            return
        of_kind = self.highest.setdefault(line["kind"], [])
        of_kind.append(line)
        if len(of_kind) > 3 * OVERTAKEN:
            lowest = max(each["id"] for each in of_kind) - OVERTAKEN
            self.highest[line["kind"]] = [each for each in of_kind if each["id"] >= lowest]


class Journal:
    """One file of lines; whoever appends holds a lock on it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: object = None
        self._read = _Read()

    @property
    def is_there(self) -> bool:
        """Whether anything was ever written."""
        return self.path.is_file() and self.path.stat().st_size > 0

    def lines(self) -> Iterator[Line]:
        """Every line from the first on, each checked against the one before. Raises JournalBroken.

        An end that was only half written is no line: what it was about is written again.
        """
        if self.is_there:
            with self.path.open("rb") as file:
                yield from (line for _raw, line in self._lines_of(file, 1, FIRST))

    def _lines_of(self, file: IO[bytes], first: int, previous: str) -> Iterator[tuple[bytes, Line]]:
        for number, raw in enumerate(file, first):
            if not raw.endswith(b"\n"):
                return
            line = _parsed(raw, number)
            if line["previous"] != previous:
                raise JournalBroken(f"line {number} of {self.path} does not follow the one before")
            previous = _hash(raw)
            yield raw, line

    def highest_of(self, kind: str) -> Sequence[Line]:
        """Of all lines of a kind those with the highest numbers, at least so many as may have been overtaken.

        Each line is read once: a worker asks several times in every round. Raises JournalBroken.
        """
        if not self.is_there:
            return ()
        file = self.path.stat()
        seen = file.st_ino, file.st_size, file.st_mtime_ns
        if seen != self._seen:
            self._read_on()
            self._seen = seen
        return self._read.highest.get(kind, ())

    def _read_on(self) -> None:
        with self.path.open("rb") as file:
            file.seek(self._read.end - len(self._read.last))
            if file.read(len(self._read.last)) != self._read.last:
                # Another file lies there now.
                self._read = _Read()
                file.seek(0)
            read = self._read
            for raw, line in self._lines_of(file, read.number + 1, _hash(read.last) if read.last else FIRST):
                read.take_in(raw, line)

    def head(self) -> str:
        """The hash of the last line, which names everything before it."""
        lines = self._tail() if self.is_there else []
        return _hash(lines[-1]) if lines else FIRST

    def has(self, head: str) -> bool:
        """Whether some line has this hash: the journal goes on from where another one ended. Raises JournalBroken."""
        if head == FIRST:
            return True
        known = {str(line["previous"]) for line in self.lines()}
        return head in known or head == self.head()

    def append(self, facts: Sequence[Line]) -> None:
        """Write lines after the last one, and be sure that they are on the disk."""
        with self._locked() as file:
            _forget_half_a_line(file)
            previous = self.head()
            for each in facts:
                raw = json.dumps({**each, "previous": previous}, sort_keys=True, separators=(",", ":")).encode() + b"\n"
                file.write(raw)
                previous = _hash(raw)
            file.flush()
            os.fsync(file.fileno())

    @contextmanager
    def _locked(self) -> Iterator[IO[bytes]]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file

    def _tail(self) -> list[bytes]:
        """Whole lines at the end of the file, at least the last one."""
        size, length = self.path.stat().st_size, _TAIL
        with self.path.open("rb") as file:
            while True:
                file.seek(max(0, size - length))
                lines = file.read().splitlines(keepends=True)
                if size > length:
                    del lines[0]
                whole = [line for line in lines if line.endswith(b"\n")]
                if whole or size <= length:
                    return whole
                length *= 8


def _parsed(raw: bytes, number: int) -> Line:
    try:
        line: Line = json.loads(raw)
        line["previous"], line["kind"]
    except (ValueError, KeyError, TypeError):
        raise JournalBroken(f"line {number} is no line of a journal") from None
    return line


def _hash(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _forget_half_a_line(file: IO[bytes]) -> None:
    """A process that died while it wrote left a line without an end."""
    size = file.seek(0, os.SEEK_END)
    start = file.seek(max(0, size - _TAIL))
    end = file.read().rfind(b"\n") + 1
    if not end and start:
        start = file.seek(0)
        end = file.read().rfind(b"\n") + 1
    if start + end < size:
        file.truncate(start + end)
    file.seek(0, os.SEEK_END)
