"""Migrations go up and down on both databases, and end where the models are."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask_migrate import downgrade, upgrade
from sqlalchemy import Connection, inspect, select
from sqlalchemy.exc import DBAPIError

from app.checkout.models import Order
from app.checkout.states import OrderState
from app.db import add_row_with_id, db, transaction
from app.operations import rights
from tests.builders import NOW
from tests.conftest import ROOT, application, environment
from tests.postgres import PrivateCluster

MIGRATIONS = str(ROOT / "migrations")


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without a single table."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.sqlite'}"
    cluster: PrivateCluster = request.getfixturevalue("cluster")
    return cluster.create_database(f"empty_{uuid4().hex[:12]}")


def _tables(connection: Connection) -> set[str]:
    names = set(inspect(connection).get_table_names()) - {"alembic_version"}
    # FTS5 keeps its index in tables of its own beside the one that it was asked for.
    return {name for name in names if not name.startswith("search_index_")} - {"search_index"}


def _tables_of_the_queue(connection: Connection) -> set[str]:
    """In PostgreSQL; beside SQLite the queue has a file of its own."""
    return set(rights.OF_THE_QUEUE) if connection.dialect.name == "postgresql" else set()


def _is_in_both_databases(_thing: object, name: str | None, kind: str, _reflected: bool, _compare_to: object) -> bool:
    own = kind == "table" and (name or "").startswith(("search_index", "huey_"))
    return not own and name != "ix_search_document_words"


def test_every_migration_goes_up_down_and_up_again(empty_url: str, tmp_path: Path) -> None:
    app = application(environment(tmp_path, empty_url))
    with app.app_context():
        for _round in range(2):
            upgrade(directory=MIGRATIONS)
            with db.engine.connect() as connection:
                assert _tables(connection) == set(db.metadata.tables) | _tables_of_the_queue(connection)
            downgrade(directory=MIGRATIONS, revision="base")
            with db.engine.connect() as connection:
                assert _tables(connection) == set()
        db.engine.dispose()


def test_addresses_of_orders_that_were_placed_before_are_found_in_lower_case(empty_url: str, tmp_path: Path) -> None:
    app = application(environment(tmp_path, empty_url))
    with app.app_context():
        upgrade(directory=MIGRATIONS, revision="0014")
        with transaction():
            for number, email in enumerate(("Élise@Example.org", "ana@example.org", "ANA@example.org")):
                add_row_with_id(
                    Order, reference=f"TO-{number}", token=f"token{number}", state=OrderState.EXPIRED, locale="fr",
                    email=email, currency="USD", total=1, is_demonstration=False, consent_version="1",
                    consent_text="yes", terms_version="2026-11-01", placed_at=NOW, expires_at=NOW,
                )  # fmt: skip

        upgrade(directory=MIGRATIONS)

        emails = db.session.scalars(select(Order.email).order_by(Order.id)).all()
        assert emails == ["élise@example.org", "ana@example.org", "ana@example.org"]
        db.session.remove()
        db.engine.dispose()


@pytest.mark.usefixtures("context")
def test_the_migrated_database_is_what_the_models_say() -> None:
    with db.engine.connect() as connection:
        options = {"compare_type": True, "include_object": _is_in_both_databases}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, db.metadata) == []


@pytest.mark.usefixtures("context")
@pytest.mark.parametrize("table", ["ledger_block", "cancelled_block"])
def test_the_database_itself_refuses_overlapping_serial_numbers(table: str) -> None:
    with db.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET session_replication_role = replica")  # no parents needed here
        else:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
            connection.exec_driver_sql("BEGIN")
        columns = {
            "ledger_block": ("account_id, issuance_id, space, first, last", "1, 1, 'IN', {}, {}"),
            "cancelled_block": (
                "cancellation_id, space, first, last, text_first, text_last",
                "1, 'ledger:IN', {}, {}, '', ''",
            ),
        }[table]

        def insert(first: int, last: int) -> None:
            values = columns[1].format(first, last)
            connection.exec_driver_sql(f"INSERT INTO {table} ({columns[0]}) VALUES ({values})")  # noqa: S608 - names from the schema

        insert(100, 199)
        insert(200, 299)
        for first, last in ((50, 100), (199, 199), (150, 160), (1, 1_000), (299, 400)):
            savepoint = connection.begin_nested()
            with pytest.raises(DBAPIError):
                insert(first, last)
            savepoint.rollback()
        insert(300, 300)
        savepoint = connection.begin_nested()
        with pytest.raises(DBAPIError):
            connection.exec_driver_sql(f"UPDATE {table} SET last = 250 WHERE first = 100")  # noqa: S608 - names from the schema
        savepoint.rollback()
        connection.rollback()
