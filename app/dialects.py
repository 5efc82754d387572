"""What each of the two databases needs in order to behave as the other does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, event

MOST_PREPARED = 400  # statements of one connection to PostgreSQL: a worker says some 150, and psycopg keeps 100
_SECONDS_TO_WAIT_FOR_THE_WRITE_LOCK = 15

_is_writing: ContextVar[bool] = ContextVar("is_writing", default=False)
_is_lasting: ContextVar[bool] = ContextVar("is_lasting", default=True)
# The file of each engine on SQLite that commits go to.
_logs: WeakKeyDictionary[Engine, str] = WeakKeyDictionary()
_flush = getattr(os, "fdatasync", os.fsync)  # macOS has only the one that flushes more


@contextmanager
def taking_the_write_lock(*, lasting: bool = True) -> Iterator[None]:
    """Whatever begins in here takes SQLite's write lock at once; PostgreSQL locks row by row.

    What is not `lasting` is committed without waiting for the disk: `app.db.transaction` says what for.
    """
    writing, lasts = _is_writing.set(True), _is_lasting.set(lasting)
    try:
        yield
    finally:
        _is_writing.reset(writing)
        _is_lasting.reset(lasts)


def prepare(engine: Engine) -> None:
    """Make a new engine behave as the product expects of its database."""
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine)
    else:
        _prepare_postgresql(engine)


def _prepare_sqlite(engine: Engine) -> None:
    """WAL, foreign keys, a patient lock, and a write lock taken when a use case begins."""

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=NORMAL")  # what waits for the disk does so in `wait_for_the_disk`
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute(f"PRAGMA busy_timeout={_SECONDS_TO_WAIT_FOR_THE_WRITE_LOCK * 1000}")
        # SQLite follows links, and the address of the engine may be a URI.
        _number, _name, file = cursor.execute("PRAGMA database_list").fetchone()
        _logs[engine] = f"{file}-wal"
        cursor.close()

    def _begin(connection: Any) -> None:
        # A deferred transaction that reads and then writes fails at once when another writer
        # came in between; taking the write lock first makes it wait its turn instead.
        connection.execute("BEGIN IMMEDIATE" if _is_writing.get() else "BEGIN")

    # Not the event of the engine: with a single one, every statement looks for listeners, a tenth of its cost.
    engine.dialect.do_begin = _begin  # type: ignore[assignment]  # of this one engine


def wait_for_the_disk(engine: Engine) -> None:
    """Come back when the disk has all that was committed: at once on PostgreSQL, whose COMMIT waits for it.

    SQLite's own wait (`synchronous=FULL`) is inside the lock that all writers share, so each would wait for the disk of
    all others. Here a COMMIT writes its pages into the log, one after the other, and whoever relies on them flushes the
    log afterwards, with all that was committed before. Others may see them a moment earlier; what they make of them
    and rely on is flushed with them. SQLite flushes the log before it empties it into the database, and the database
    before the log begins anew (https://www.sqlite.org/wal.html). Raises OSError when the disk does.
    """
    if engine not in _logs:
        return
    try:
        log = os.open(_logs[engine], os.O_RDONLY)
    except FileNotFoundError:  # whoever was the last to close the database emptied the log into it
        return
    try:
        _flush(log)
    finally:
        os.close(log)


def _prepare_postgresql(engine: Engine) -> None:
    """Statements that are kept prepared, and readings without BEGIN and ROLLBACK.

    At READ COMMITTED each statement sees what is committed when it begins, inside a transaction or outside, so one
    that only reads gains nothing but two more round trips. And psycopg forgets all prepared statements at a ROLLBACK,
    which is how a reading ends. A transaction is begun where a use case begins, or by the first statement that needs
    one: whatever writes, locks rows, or is fetched in portions.
    """

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: object) -> None:
        connection.prepared_max = MOST_PREPARED
        connection.autocommit = True

    dialect: Any = engine.dialect  # of this one engine
    dialect.do_execute, dialect.do_execute_no_params, dialect.do_executemany = _execute, _execute_plain, _execute_many
    dialect.do_begin, dialect.do_commit, dialect.do_rollback = _begin, _commit, _roll_back


def _begin(connection: Any) -> None:
    if _is_writing.get():
        driver = _of_driver(connection)
        driver.autocommit = False
        if not _is_lasting.get():
            driver.execute("SET LOCAL synchronous_commit TO off")


def _execute(cursor: Any, statement: str, parameters: Any, _context: object = None) -> None:
    _begin_for(cursor, statement)
    cursor.execute(statement, parameters)


def _execute_plain(cursor: Any, statement: str, _context: object = None) -> None:
    _begin_for(cursor, statement)
    cursor.execute(statement)


def _execute_many(cursor: Any, statement: str, parameters: Any, _context: object = None) -> None:
    _begin_for(cursor, statement)
    cursor.executemany(statement, parameters)


def _begin_for(cursor: Any, statement: str) -> None:
    """Let psycopg begin a transaction before this statement, if it needs one and there is none."""
    if cursor.connection.autocommit and (
        not statement.startswith("SELECT") or " FOR " in statement or _is_in_portions(cursor)
    ):
        cursor.connection.autocommit = False


def _is_in_portions(cursor: Any) -> bool:
    """Whether the rows stay at the server until they are fetched: only such a cursor has a name."""
    return hasattr(cursor, "name")


def _commit(connection: Any) -> None:
    driver = _of_driver(connection)
    if not driver.autocommit:
        driver.commit()
        driver.autocommit = True


def _roll_back(connection: Any) -> None:
    driver = _of_driver(connection)
    if not driver.autocommit:
        driver.rollback()
        driver.autocommit = True


def _of_driver(connection: Any) -> Any:
    """The driver's own connection, of which a pool's is only a wrapping."""
    return getattr(connection, "driver_connection", connection)
