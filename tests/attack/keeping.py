"""The database of a target, kept as it was and put back: whatever an attack did, the next meets the same world."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Protocol

from flask import Flask

from app.db import db
from tests.lasting import KeptRows
from tests.postgres import PrivateCluster


class Keeper(Protocol):
    """What brings a world back."""

    def keep(self) -> None:
        """What is there now is what `put_back` brings back."""

    def put_back(self) -> None:
        """Everything as it was kept."""

    def close(self) -> None:
        """Let go of the database."""


class SqliteKeeper:
    """One file, kept in memory. It knows whether anybody wrote into it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._watch = sqlite3.connect(path)
        self.keep()

    def keep(self) -> None:
        """What is there now is what `put_back` brings back."""
        self._kept = sqlite3.connect(":memory:")
        self._watch.backup(self._kept)
        self._seen = self._version()

    def put_back(self) -> None:
        """Everything as it was, if anything changed."""
        if self._version() == self._seen:
            return
        with closing(sqlite3.connect(self._path)) as file:
            self._kept.backup(file)
        self._seen = self._version()

    def changed(self, but: Sequence[str]) -> set[str]:
        """The tables whose rows became others since they were last put back, apart from those named."""
        if self._version() == self._seen:
            return set()
        tables = self._kept.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return {name for (name,) in tables if name not in but and _rows(self._watch, name) != _rows(self._kept, name)}

    def newest(self, table: str) -> int:
        """The id of the last row of a table."""
        return int(self._watch.execute(f'SELECT max(id) FROM "{table}"').fetchone()[0])  # noqa: S608 - as below

    def holds(self, table: str, text: str, number: int) -> bool:
        """Whether this text or this number stands anywhere in a table."""
        cells = (cell for row in _rows(self._watch, table) for cell in row)
        return any(cell == number or (isinstance(cell, str) and text in cell) for cell in cells)

    def close(self) -> None:
        """Let go of the file."""
        self._watch.close()
        self._kept.close()

    def _version(self) -> int:
        return int(self._watch.execute("PRAGMA data_version").fetchone()[0])


class PostgresKeeper:
    """One database, its rows kept in memory: copying it costs ten times as much."""

    def __init__(self, cluster: PrivateCluster, name: str, app: Flask) -> None:
        self._cluster, self._name, self._app = cluster, name, app
        self._connection = cluster.connect(name)
        self.keep()

    def keep(self) -> None:
        """What is there now is what `put_back` brings back."""
        self._kept = KeptRows(self._connection)

    def put_back(self) -> None:
        """Everything as it was."""
        self._kept.put_back()

    def close(self) -> None:
        """Drop the database."""
        self._connection.close()
        with self._app.app_context():
            db.session.remove()
            db.engine.dispose()
        self._cluster.drop_database(self._name)


def _rows(connection: sqlite3.Connection, table: str) -> list[tuple[object, ...]]:
    return connection.execute(f'SELECT * FROM "{table}"').fetchall()  # noqa: S608 - names from the schema
