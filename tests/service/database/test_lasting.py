"""The PostgreSQL database that a test process keeps is for each test as it was for the first."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, create_engine, text

from tests.lasting import KeptConnections, LastingDatabase
from tests.postgres import PrivateCluster

CONNECTIONS = KeptConnections()


@pytest.fixture
def lasting(cluster: PrivateCluster, postgres_template: str) -> Iterator[LastingDatabase]:
    found = LastingDatabase(cluster, postgres_template, CONNECTIONS)
    yield found
    found.drop()


def ask(lasting: LastingDatabase, *statements: str) -> list[object]:
    """The first value that each statement gives to somebody who connects, asks and leaves."""
    engine = create_engine(lasting.url)
    CONNECTIONS.serve(engine)
    try:
        with engine.begin() as connection:
            return [_first(connection, statement) for statement in statements]
    finally:
        engine.dispose()


def _first(connection: Connection, statement: str) -> object:
    answer = connection.execute(text(statement))
    return answer.scalar() if answer.returns_rows else None


def test_what_a_test_wrote_is_gone_and_what_it_removed_is_back(lasting: LastingDatabase) -> None:
    added = "INSERT INTO rate_limit (key, hits, expires_at) VALUES ('a', 1, now())"
    counted = "SELECT count(*) FROM mechanism"
    (before,) = ask(lasting, counted)
    ask(lasting, added, "SET session_replication_role = replica", "DELETE FROM mechanism")

    lasting.restore()

    assert ask(lasting, "SELECT count(*) FROM rate_limit", counted) == [0, before]


def test_rows_are_numbered_from_the_first_again(lasting: LastingDatabase) -> None:
    numbered = "SELECT nextval('person_id_seq')"
    assert ask(lasting, numbered, numbered) == [1, 2]

    lasting.restore()

    assert ask(lasting, numbered) == [1]


@pytest.mark.parametrize(
    "change",
    [
        "DROP TABLE rate_limit",
        "ALTER TABLE rate_limit RENAME TO gone",
        "ALTER TABLE rate_limit DROP COLUMN hits",
        "ALTER TABLE act DISABLE TRIGGER act_stays",
    ],
)
def test_another_schema_is_not_kept(lasting: LastingDatabase, change: str) -> None:
    first = lasting.url
    ask(lasting, change)

    lasting.restore()

    assert lasting.url != first
    assert ask(lasting, "SELECT hits FROM rate_limit") == [None]


def test_a_connection_is_opened_again_without_what_was_set_or_locked_on_it(lasting: LastingDatabase) -> None:
    (first, *_) = ask(lasting, "SELECT pg_backend_pid()", "SET work_mem = '7MB'", "SELECT pg_advisory_lock(7)")

    lasting.restore()

    locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
    assert ask(lasting, "SELECT pg_backend_pid()", "SHOW work_mem", locks) == [first, "4MB", 0]


def test_a_connection_that_the_server_ended_is_not_opened_again(lasting: LastingDatabase) -> None:
    ask(lasting, "SELECT 1")
    (process,) = CONNECTIONS.processes
    with lasting.cluster.connect("postgres") as errand:
        errand.execute("SELECT pg_terminate_backend(%s, 10000)", [process])

    assert ask(lasting, "SELECT pg_backend_pid()") != [process]
