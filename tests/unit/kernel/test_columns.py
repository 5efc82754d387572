"""Instants and states come back from the database as they went in, on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, Engine, Integer, MetaData, Table, create_engine, insert, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError, StatementError

from app.kernel.columns import NAMING, Base, UTCDateTime, state_column

ZONES = st.integers(min_value=-14 * 60, max_value=14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
INSTANTS = st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(9998, 1, 1), timezones=ZONES)  # noqa: DTZ001 - the zones are given beside it


class Door(StrEnum):
    OPEN = "open"
    SHUT = "shut"


METADATA = MetaData(naming_convention=NAMING)
DOORS = Table(
    "door",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("at", UTCDateTime),
    Column("state", state_column(Door, "door_state")),
)


@pytest.fixture(scope="module")
def engine() -> Engine:
    engine = create_engine("sqlite://")
    METADATA.create_all(engine)
    return engine


def kept(engine: Engine, instant: datetime | None) -> datetime | None:
    with engine.begin() as connection:
        row = connection.execute(insert(DOORS).values(at=instant).returning(DOORS.c.id)).scalar_one()
        return connection.execute(select(DOORS.c.at).where(DOORS.c.id == row)).scalar_one()


@given(instant=INSTANTS)
def test_an_instant_of_any_zone_comes_back_from_sqlite_as_the_same_instant_in_utc(
    engine: Engine, instant: datetime
) -> None:
    back = kept(engine, instant)

    assert back == instant
    assert back is not None
    assert back.utcoffset() == timedelta(0)


def test_sqlite_orders_instants_by_time_whatever_zone_they_came_in(engine: Engine) -> None:
    earlier = datetime(2026, 11, 22, 12, 0, tzinfo=timezone(timedelta(hours=5)))
    later = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
    with engine.begin() as connection:
        connection.execute(insert(DOORS), [{"at": later}, {"at": earlier}])
        found = connection.scalars(select(DOORS.c.at).where(DOORS.c.at.in_([later, earlier])).order_by(DOORS.c.at))
        assert found.all() == [earlier, later]


def test_no_instant_stays_none(engine: Engine) -> None:
    assert kept(engine, None) is None


def test_an_instant_without_a_zone_is_not_stored(engine: Engine) -> None:
    with pytest.raises(StatementError, match="naive"):
        kept(engine, datetime(2026, 11, 22))  # noqa: DTZ001 - the fault under test


def test_postgresql_is_given_and_gives_aware_instants() -> None:
    column = UTCDateTime()
    there = datetime(2026, 11, 22, 12, 0, tzinfo=timezone(timedelta(hours=2)))

    sent = column.process_bind_param(there, postgresql.dialect())
    back = column.process_result_value(there, postgresql.dialect())

    assert sent is not None
    assert back is not None
    assert sent.utcoffset() == back.utcoffset() == timedelta(0)
    assert sent == back == there
    assert column.process_bind_param(None, sqlite.dialect()) is None


def test_a_state_is_stored_by_its_value(engine: Engine) -> None:
    with engine.begin() as connection:
        row = connection.execute(insert(DOORS).values(state=Door.SHUT).returning(DOORS.c.id)).scalar_one()
        stored = connection.execute(text("SELECT state FROM door WHERE id = :id"), {"id": row}).scalar_one()
        assert stored == "shut"
        assert connection.execute(select(DOORS.c.state).where(DOORS.c.id == row)).scalar_one() is Door.SHUT


def test_a_state_that_is_none_is_refused_by_the_code_and_by_the_database(engine: Engine) -> None:
    with engine.begin() as connection, pytest.raises(StatementError):
        connection.execute(insert(DOORS).values(state="ajar"))
    with engine.connect() as connection, pytest.raises(IntegrityError, match="ck_door_door_state"):
        connection.execute(text("INSERT INTO door (state) VALUES ('ajar')"))


def test_every_constraint_of_ours_has_a_name() -> None:
    assert Base.metadata.naming_convention == NAMING
