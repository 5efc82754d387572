"""The database: one transaction per use case, and one way to change a state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, cast

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    JSON,
    BigInteger,
    ClauseElement,
    Column,
    ColumnElement,
    Connection,
    CursorResult,
    Executable,
    Index,
    Insert,
    Integer,
    Result,
    Row,
    String,
    Table,
    Update,
    bindparam,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.dialects import prepare, taking_the_write_lock, wait_for_the_disk
from app.kernel.clock import Clock, SystemClock
from app.kernel.columns import Base, UTCDateTime
from app.kernel.errors import Fault
from app.kernel.states import Transitions

db = SQLAlchemy(model_class=Base, disable_autonaming=True)

MIGRATIONS = Path(__file__).parent.parent / "migrations"

# How a row is locked that rows of others refer to, such as an offer or a participant: whoever inserts one of those
# needs only that its key stays, and must not wait for more while it holds others. PostgreSQL's FOR NO KEY UPDATE; a
# statement says it as `with_for_update(key_share=True)`.
KEEPING_KEYS = {"key_share": True}

BigKey = BigInteger().with_variant(Integer(), "sqlite")


class NestedTransactionFault(Fault):
    """A use case opened a transaction inside another one."""


class OpenTransactionFault(Fault):
    """An outside call was about to be made while a transaction was open."""


class StateEvent(Base):
    """One change of state of one thing: the history that no update can hide."""

    __tablename__ = "state_event"
    __table_args__ = (Index("ix_state_event_subject", "machine", "subject_id", "id"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    machine: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[int] = mapped_column(BigInteger)
    from_state: Mapped[str | None] = mapped_column(String(24))
    to_state: Mapped[str] = mapped_column(String(24))
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    facts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)


def init_app(app: Flask) -> None:
    """Bind the database, whichever of the two it is."""
    db.init_app(app)
    with app.app_context():
        prepare(db.engine)


def init_migrations(app: Flask) -> None:
    """Offer `flask db`. Apart from `init_app`: Alembic takes 8 MB, and a web server migrates nothing."""
    from flask_migrate import Migrate  # noqa: PLC0415 - for commands only

    Migrate(directory=str(MIGRATIONS)).init_app(app, db, render_as_batch=True, compare_type=True)


@contextmanager
def transaction(*, lasting: bool = True) -> Iterator[Session]:
    """One use case, committed whole or not at all. Only services open one.

    One that is not `lasting` does not wait until the disk has it. When the power fails, or the database is killed, the
    changes of the last second may be gone, each of them whole; a lasting one takes along what was committed before it.
    That is for what nobody relies on and what can be done again: a basket, a counter of attempts, the note that a
    notice was sent or acted on. Raises NestedTransactionFault when one is open already.
    """
    session = db.session()
    if session.info.get("use_case"):
        raise NestedTransactionFault
    if session.in_transaction():
        # Whatever was only read before belongs to a snapshot that may be stale by now.
        session.rollback()
    session.info["use_case"] = True
    try:
        with taking_the_write_lock(lasting=lasting):
            session.info["connection"] = session.connection()
        yield session
        session.commit()
        if lasting:
            wait_for_the_disk(db.engine)
    except BaseException:
        session.rollback()
        raise
    finally:
        session.info["use_case"] = False
        session.info.pop("connection", None)


@contextmanager
def attempt() -> Iterator[None]:
    """A part of a use case that is undone alone where it raises; what it raises goes on."""
    session = db.session()
    with session.begin_nested():
        # A session says SAVEPOINT only when it is asked for its connection, and `write` has that from before.
        session.connection()
        yield


def end_reading() -> None:
    """Give up the read transaction, so that an outside call holds no lock and no snapshot.

    Raises OpenTransactionFault inside a use case.
    """
    session = db.session()
    if session.info.get("use_case"):
        raise OpenTransactionFault
    session.rollback()


def rows_changed(result: Result[Any]) -> int:
    """How many rows an UPDATE or INSERT touched: the database's word on who won."""
    return cast("CursorResult[Any]", result).rowcount


def advance(
    row: type[Any],
    subject_id: int,
    moves: Transitions[Any],
    to: StrEnum,
    *,
    at: datetime,
    sources: tuple[StrEnum, ...] = (),
    facts: dict[str, Any] | None = None,
    unchanged: Mapping[str, Any] | None = None,
    only_if: tuple[ColumnElement[bool], ...] = (),
    **values: Any,
) -> bool:
    """Move one row to state `to` if it still is in a state that allows it.

    The conditional UPDATE decides who wins; the loser gets False and has changed nothing.
    `sources` narrows the states to move from; `unchanged` are columns that must still hold these
    values (a fencing number); `only_if` adds other conditions to the UPDATE; `values` are further
    columns set by it; `at` is an aware instant; `facts` go into the event row.
    Raises IllegalMove when the table has no such move.
    """
    session = db.session()
    kept = unchanged or {}
    for source in sources or moves.sources(to):
        moves.check(source, to)
        plain = {name: value for name, value in values.items() if not isinstance(value, ClauseElement)}
        statement = _move(row.__table__, tuple(plain), tuple(kept))
        if only_if:
            statement = statement.where(*only_if)
        if len(plain) < len(values):
            statement = statement.values({name: value for name, value in values.items() if name not in plain})
        parameters = {"the_id": subject_id, "the_source": source, "state": to, **plain}
        parameters.update({f"kept_{name}": value for name, value in kept.items()})
        if rows_changed(write(statement, parameters)) == 1:
            record(moves.machine, subject_id, source, to, at=at, facts=facts)
            session.expire_all()
            return True
    return False


@cache
def _move(table: Table, names: tuple[str, ...], kept: tuple[str, ...]) -> Update:
    """The conditional UPDATE of a table, made once: half of its cost is saying it."""
    return _moving(table, table.c.id == bindparam("the_id"), names, kept)


def _moving(table: Table, which: ColumnElement[bool], names: tuple[str, ...], kept: tuple[str, ...]) -> Update:
    unchanged = (table.c[name] == bindparam(f"kept_{name}") for name in kept)
    return (
        update(table)
        .where(which, table.c.state == bindparam("the_source"), *unchanged)
        .values({name: bindparam(name) for name in ("state", *names)})
    )


def advance_all(
    row: type[Any],
    subject_ids: Sequence[int],
    moves: Transitions[Any],
    source: StrEnum,
    to: StrEnum,
    *,
    at: datetime,
    unchanged: Mapping[str, Any] | None = None,
    facts: Mapping[int, dict[str, Any]] | None = None,
    **values: Any,
) -> list[int]:
    """Move several rows of one kind that still are in state `source`; gives the ids of those that moved.

    `unchanged` are columns that must still hold these values, `values` further columns set, the same in every row;
    `facts` go into the event rows, by id.
    Raises IllegalMove when the table has no such move.
    """
    moves.check(source, to)
    kept = unchanged or {}
    parameters = {"ids": list(subject_ids), "the_source": source, "state": to, **values}
    parameters.update({f"kept_{name}": value for name, value in kept.items()})
    moved = write(_move_all(row.__table__, tuple(values), tuple(kept)), parameters).scalars().all()
    record_all(moves.machine, moved, source, to, at=at, facts=facts)
    db.session().expire_all()
    return list(moved)


@cache
def _move_all(table: Table, names: tuple[str, ...], kept: tuple[str, ...]) -> Executable:
    return _moving(table, table.c.id.in_(bindparam("ids", expanding=True)), names, kept).returning(table.c.id)


def write(statement: Executable, values: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None) -> Result[Any]:
    """Execute a statement on tables in the caller's transaction, after what objects are still to be written.

    `values` are those of its parameters, or of several rows.
    """
    session = db.session()
    session.flush()
    connection: Connection = session.info.get("connection") or session.connection()
    return connection.execute(statement, values)


def read_ids(statement: Executable, **values: Any) -> list[int]:
    """The ids that a statement made beforehand finds. Whoever goes outside because of them ends the reading first."""
    return list(write(statement, values).scalars())


def record(
    machine: str,
    subject_id: int,
    source: StrEnum | None,
    to: StrEnum,
    *,
    at: datetime,
    facts: dict[str, Any] | None = None,
) -> None:
    """Append one event row. The first event of a thing has no source."""
    add_row(
        StateEvent,
        machine=machine,
        subject_id=subject_id,
        from_state=source.value if source else None,
        to_state=to.value,
        at=at,
        facts=facts or {},
    )


def record_all(
    machine: str,
    subject_ids: Sequence[int],
    source: StrEnum | None,
    to: StrEnum,
    *,
    at: datetime,
    facts: Mapping[int, dict[str, Any]] | None = None,
) -> None:
    """Append an event row for each of several things that made the same move; `facts` by the thing's id."""
    move = {"machine": machine, "from_state": source.value if source else None, "to_state": to.value, "at": at}
    known = facts or {}
    add_rows(StateEvent, [{**move, "subject_id": id_, "facts": known.get(id_, {})} for id_ in subject_ids])


def add_row(row: type[Any], **values: Any) -> None:
    """Insert a row that nobody needs as an object: a fraction of the work. Defaults are the columns' own."""
    write(_insert(row.__table__, inline=True), values)


@cache
def _insert(table: Table, *, inline: bool) -> Insert:
    """The INSERT of a table, made once; `inline` asks for no new id, which PostgreSQL would have to send."""
    return insert(table).inline() if inline else insert(table)


def add_row_with_id(row: type[Any], **values: Any) -> int:
    """The same, for a row whose new id is wanted."""
    result = cast("CursorResult[Any]", write(_insert(row.__table__, inline=False), values))
    return int(result.inserted_primary_key[0])  # type: ignore[index]  # there is one after an INSERT of one row


def add_rows(row: type[Any], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert several rows of one kind in one go; nothing for none. Each has the same columns."""
    if rows:
        write(_insert(row.__table__, inline=True), rows)


def add_rows_with_ids(row: type[Any], rows: Sequence[Mapping[str, Any]], *, by: str) -> list[int]:
    """The same, for rows whose new ids are wanted, in the order of the rows; `by` is a column that tells them apart."""
    if not rows:
        return []
    new: Sequence[Any] = write(_insert_many(row.__table__, by), rows).all()
    ids = {key: id_ for id_, key in new}
    return [ids[each[by]] for each in rows]


@cache
def _insert_many(table: Table, by: str) -> Executable:
    return insert(table).returning(*table.primary_key, table.c[by])


def insert_once(row: type[Any], **values: Any) -> bool:
    """Insert a row unless one of its unique keys exists already; True if this call inserted it."""
    return insert_once_with_id(row, **values) is not None


def insert_once_with_id(row: type[Any], **values: Any) -> int | None:
    """The same, and gives the new id, or the first column of another primary key; None where a unique key existed."""
    dialect = db.session().get_bind().dialect.name
    new: int | None = write(_insert_unless_there(row.__table__, dialect), values).scalar_one_or_none()
    return new


def insert_each_once(row: type[Any], rows: Sequence[Mapping[str, Any]], *columns: Column[Any]) -> Sequence[Row[Any]]:
    """Insert those of several rows whose unique keys do not exist yet, in one statement; nothing for none.

    Gives the primary keys of the new ones, each with the `columns` that tell which one it is: they come in no order.
    """
    if not rows:
        return ()
    return write(_insert_unless_there(row.__table__, db.session().get_bind().dialect.name, *columns), rows).all()


@cache
def _insert_unless_there(table: Table, dialect: str, *columns: Column[Any]) -> Executable:
    upsert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return upsert(table).on_conflict_do_nothing().returning(*table.primary_key, *columns)


def common_now(clock: Clock) -> datetime:
    """The present instant (aware, UTC) by the clock that all processes of a shop share, on however many machines.

    For what one of them writes and another compares: leases. PostgreSQL's own counts, for clocks of machines differ. A
    file of SQLite and all who open it are on one machine. A clock that is not the machine's (of a test, or of another
    day) is the time.
    """
    if isinstance(clock, SystemClock) and db.session().get_bind().dialect.name == "postgresql":
        return clock_of_postgresql()
    return clock.now()


def clock_of_postgresql() -> datetime:
    """The present instant (aware, UTC) as the database server takes it to be."""
    at: datetime = write(_CLOCK_OF_POSTGRESQL).scalar_one()
    return at.astimezone(UTC)


_CLOCK_OF_POSTGRESQL = select(func.clock_timestamp())


def one_at_a_time(name: str) -> None:
    """Make every other use case that gives the same name wait until this one has ended.

    SQLite's write lock does so for all of them; PostgreSQL has to be told.
    """
    session = db.session()
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(func.hashtext(name))))
