"""The books of everybody but the shop, in one SQLite file that outlives the storm: gateway, mail server, and the storm.

Whatever the shop was answered is in them before the answer leaves, so that a storm which is interrupted at any moment
can go on, and an auditor can read them without asking anybody.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS note (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS purchase (number INTEGER PRIMARY KEY, email TEXT NOT NULL, outcome TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS session (id TEXT PRIMARY KEY, order_reference TEXT, email TEXT, amount INTEGER,
    status TEXT, payment_status TEXT, content TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS intent (id TEXT PRIMARY KEY, amount INTEGER, refunded INTEGER, status TEXT,
    content TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS refund (id TEXT PRIMARY KEY, intent_id TEXT, amount INTEGER, status TEXT,
    content TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS dispute (id TEXT PRIMARY KEY, intent_id TEXT, amount INTEGER, taken INTEGER, status TEXT,
    content TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS answer (key TEXT PRIMARY KEY, content TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS notice (id INTEGER PRIMARY KEY, body TEXT NOT NULL, due REAL NOT NULL,
    tries INTEGER NOT NULL, is_badly_signed INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS mail (id INTEGER PRIMARY KEY, message_id TEXT NOT NULL, recipient TEXT NOT NULL,
    subject TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS mail_names (message_id TEXT NOT NULL, number TEXT NOT NULL,
    PRIMARY KEY (message_id, number));
CREATE TABLE IF NOT EXISTS retirement (id TEXT PRIMARY KEY, reference TEXT, units INTEGER, status TEXT);
CREATE TABLE IF NOT EXISTS holding (registry TEXT PRIMARY KEY, before INTEGER NOT NULL, after INTEGER);
CREATE TABLE IF NOT EXISTS fault (kind TEXT PRIMARY KEY, times INTEGER NOT NULL);
"""


class Books:
    """The file, shared by all threads of the storm."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._file = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._file.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; {SCHEMA}")

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """All that is written in the block is there, or none of it."""
        with self._lock:
            self._file.execute("BEGIN")
            try:
                yield
            except BaseException:
                self._file.execute("ROLLBACK")
                raise
            self._file.execute("COMMIT")

    def write(self, statement: str, *values: Any) -> None:
        """Execute one statement."""
        with self._lock:
            self._file.execute(statement, values)

    def rows(self, question: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows that answer a question."""
        with self._lock:
            return self._file.execute(question, values).fetchall()

    def put(self, table: str, *values: Any) -> None:
        """Write a row, or write it anew."""
        marks = ", ".join("?" * len(values))
        self.write(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", *values)  # noqa: S608 - our own names

    def contents(self, table: str) -> Iterator[tuple[str, Any]]:
        """The JSON values of a table by id, in the order in which they came."""
        for key, content in self.rows(f"SELECT {_KEY.get(table, 'id')}, content FROM {table} ORDER BY rowid"):  # noqa: S608 - ours
            yield key, json.loads(content)

    # --- notes of the storm itself -----------------------------------------------------------------

    def note(self, name: str, value: Any) -> None:
        """Remember something under a name."""
        self.put("note", name, json.dumps(value))

    def noted(self, name: str, default: Any = None) -> Any:
        """What was remembered."""
        found = self.rows("SELECT value FROM note WHERE name = ?", name)
        return json.loads(found[0][0]) if found else default

    def count(self, fault: str, times: int = 1) -> None:
        """A fault has struck."""
        self.write(
            "INSERT INTO fault VALUES (?, ?) ON CONFLICT (kind) DO UPDATE SET times = times + excluded.times",
            fault,
            times,
        )

    def tally(self, table: str, column: str) -> Sequence[tuple[str, int]]:
        """How many rows there are of each kind."""
        return self.rows(f"SELECT {column}, count(*) FROM {table} GROUP BY 1 ORDER BY 2 DESC")  # noqa: S608 - as above


_KEY = {"answer": "key"}
