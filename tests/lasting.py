"""A PostgreSQL database that one test process keeps for all its tests, each of which finds it as the first one did.

Copying a database, and connecting to one that the server has not seen before, costs more than most tests ask of it.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import psycopg
from psycopg import sql
from sqlalchemy import Engine

from tests.postgres import PrivateCluster

MOST_KEPT = 4
# Rows that were deleted stay in the files. A database that grew so much is dearer to clear than to copy.
MOST_BYTES = 3_000_000

OTHERS_END = """SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND pid <> ALL(%s)"""
TABLES = "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
# Whatever changes a table, column, index, constraint, trigger or setting writes rows here; 16384 is the first of ours.
SCHEMA = """SELECT count(*), max(xmin::text::bigint), sum(bytes) <= %(most)s FROM (
SELECT xmin, CASE relkind WHEN 'r' THEN pg_relation_size(oid) END AS bytes FROM pg_class WHERE oid >= 16384
UNION ALL SELECT xmin, 0 FROM pg_attribute WHERE attrelid >= 16384
UNION ALL SELECT xmin, 0 FROM pg_constraint WHERE oid >= 16384
UNION ALL SELECT xmin, 0 FROM pg_trigger WHERE oid >= 16384
UNION ALL SELECT xmin, 0 FROM pg_db_role_setting
WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())) AS written"""
NUMBERS = """SELECT 'SELECT ' || string_agg(format('setval(%L, %s, %L)', seqrelid::regclass,
coalesce(pg_sequence_last_value(seqrelid), seqstart), pg_sequence_last_value(seqrelid) IS NOT NULL), ', ')
FROM pg_sequence"""


class KeptConnections:
    """Connections to one database that applications closed, for the next application to open."""

    def __init__(self) -> None:
        self._database = ""
        self._free: list[Any] = []

    @property
    def processes(self) -> list[int]:
        """The server's processes that answer them."""
        return [kept.info.backend_pid for kept in self._free]

    def begin(self, database: str) -> None:
        """Keep connections to this database from now on, and none to another."""
        self.end()
        self._database = database

    def end(self) -> None:
        """Close what is kept: what opens next is connected anew."""
        while self._free:
            self._free.pop().close()

    def serve(self, engine: Engine) -> None:
        """Let an engine find what is kept, and leave here what it closes."""
        dialect: Any = engine.dialect
        connect, close = dialect.connect, dialect.do_close

        def take(*arguments: Any, **facts: Any) -> Any:
            while facts.get("dbname") == self._database and self._free:
                kept = self._free.pop()
                # A role that a test makes has other rights than the owner of the tables.
                if kept.info.user == facts.get("user") and _is_as_new(kept):
                    return kept
                kept.close()
            return connect(*arguments, **facts)

        def leave(connection: Any) -> None:
            is_wanted = not connection.closed and connection.info.dbname == self._database
            if is_wanted and len(self._free) < MOST_KEPT:
                self._free.append(connection)
            else:
                close(connection)

        dialect.connect, dialect.do_close = take, leave


def _is_as_new(connection: Any) -> bool:
    """Forget what was set, locked or prepared on a connection; False when the server has ended it."""
    try:
        connection.rollback()
        connection.autocommit = True
        connection.execute("DISCARD ALL")
        connection.autocommit = False
    except psycopg.Error:
        return False
    connection._prepared.clear()  # noqa: SLF001 - psycopg has no public word for what DISCARD ALL did
    return True


class KeptRows:
    """The rows of a database as they are now, and what brings them back."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        # Rows go and come in any order: no foreign key and no guard is asked.
        connection.execute("SET session_replication_role = replica")
        tables = [table for (table,) in connection.execute(TABLES)]
        self._emptied = sql.SQL(";").join([sql.SQL("DELETE FROM {}").format(sql.Identifier(table)) for table in tables])
        self._rows = {table: rows for table in tables if (rows := self._read(table))}
        ((self._numbers,),) = connection.execute(NUMBERS)

    def put_back(self) -> None:
        """Have these rows and no others, and go on counting where it was."""
        with self._connection.transaction():
            self._connection.execute(self._emptied)
            for table, rows in self._rows.items():
                with self._connection.cursor().copy(
                    sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))
                ) as copy:
                    copy.write(rows)
            self._connection.execute(self._numbers)

    def _read(self, table: str) -> bytes:
        with self._connection.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))) as copy:
            return b"".join(copy)


class LastingDatabase:
    """A copy of a template, and what brings it back after a test."""

    def __init__(self, cluster: PrivateCluster, template: str, connections: KeptConnections) -> None:
        self.cluster, self._template, self._connections = cluster, template, connections
        self._copy()

    def restore(self) -> None:
        """End what a test left connected and undo what it wrote; a database with another schema is made anew."""
        self._own.execute(OTHERS_END, [self._connections.processes])
        if self._own.execute(SCHEMA, {"most": MOST_BYTES}).fetchone() != self._schema:
            self.drop()
            self._copy()
            return
        self._kept.put_back()

    def drop(self) -> None:
        """Remove the database."""
        self._connections.begin("")
        self._own.close()
        self.cluster.drop_database(self._name)

    def _copy(self) -> None:
        self._name = f"test_{uuid4().hex[:16]}"
        self.url = self.cluster.create_database(self._name, template=self._template)
        self._connections.begin(self._name)
        self._own: psycopg.Connection[Any] = self.cluster.connect(self._name)
        self._kept = KeptRows(self._own)
        self._schema = self._own.execute(SCHEMA, {"most": MOST_BYTES}).fetchone()
