"""Readings and writings begin and end as the product expects, on both databases."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import create_engine, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from app.checkout.models import Basket
from app.db import db, transaction
from app.dialects import prepare, wait_for_the_disk
from app.offers.models import Offer
from tests.builders import NOW, an_offer, the_offer
from tests.conftest import ROOT

on_sqlite = pytest.mark.parametrize("db_url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("db_url", ["postgresql"], indirect=True)


def baskets(*tokens: str) -> list[dict[str, Any]]:
    return [{"token": token, "details": {}, "created_at": NOW, "changed_at": NOW} for token in tokens]


def kept(*tokens: str) -> None:
    with transaction() as session:
        session.execute(insert(Basket), baskets(*tokens))


def how_many() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(Basket)) or 0


def what_postgresql_sees() -> str:
    """What PostgreSQL says of the connection that the session of this thread holds."""
    number = db.session.connection().connection.dbapi_connection.info.backend_pid  # type: ignore[union-attr]
    with db.engine.connect() as beside:
        asked = text("SELECT state FROM pg_stat_activity WHERE pid = :number")
        return str(beside.scalar(asked, {"number": number}))


def test_a_statement_that_fails_spoils_neither_the_next_reading_nor_the_next_use_case(context: Flask) -> None:
    kept("one")
    with pytest.raises(IntegrityError):
        kept("two", "one")
    assert how_many() == 1

    kept("two")
    assert how_many() == 2


def test_a_long_result_that_is_fetched_in_portions_arrives_whole(context: Flask) -> None:
    kept(*(f"basket-{number:02}" for number in range(25)))
    wanted = select(Basket.token).order_by(Basket.token).execution_options(yield_per=10)

    assert [token for (token,) in db.session.execute(wanted)] == [f"basket-{number:02}" for number in range(25)]
    assert how_many() == 25


@on_postgresql
def test_a_reading_leaves_no_transaction_open_and_a_use_case_does_until_it_ends(context: Flask) -> None:
    db.session.scalars(select(Basket)).all()
    assert what_postgresql_sees() == "idle"

    with transaction() as session:
        session.scalars(select(Basket)).all()
        assert what_postgresql_sees() == "idle in transaction"
    assert what_postgresql_sees() == "idle"


@on_postgresql
def test_a_row_that_is_locked_outside_a_use_case_stays_locked_until_the_end(context: Flask) -> None:
    offer_id = an_offer(price=250)
    prices: list[int] = []

    def change() -> None:
        with context.app_context(), transaction() as session:
            session.execute(update(Offer).where(Offer.id == offer_id).values(unit_price=300))
        prices.append(300)

    db.session.scalar(select(Offer.id).where(Offer.id == offer_id).with_for_update())
    other = Thread(target=change)
    other.start()
    other.join(0.2)
    assert prices == []

    db.session.rollback()
    other.join()
    assert the_offer(offer_id).unit_price == 300


@on_postgresql
def test_a_commit_waits_for_the_disk_unless_nobody_relies_on_it(context: Flask) -> None:
    def waits_for_the_disk() -> bool:
        return bool(db.session.execute(text("SHOW synchronous_commit")).scalar_one() == "on")

    with transaction():
        assert waits_for_the_disk()
    with transaction(lasting=False):
        assert not waits_for_the_disk()
    # The same connection, of one thread.
    with transaction():
        assert waits_for_the_disk()


def log_of_sqlite() -> Path:
    """The file that SQLite commits to."""
    return Path(f"{db.engine.url.database}-wal")


@on_sqlite
def test_a_commit_is_flushed_with_all_before_it_unless_nobody_relies_on_it(
    context: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[bytes] = []

    def flush(file: int) -> None:
        assert os.fstat(file).st_ino == log_of_sqlite().stat().st_ino
        flushed.append(log_of_sqlite().read_bytes())

    monkeypatch.setattr("app.dialects._flush", flush)
    with transaction(lasting=False) as session:
        session.execute(insert(Basket), baskets("in-vain-if-the-power-fails"))
    assert flushed == []

    kept("relied-upon")
    (log,) = flushed
    assert b"in-vain-if-the-power-fails" in log
    assert b"relied-upon" in log


@on_sqlite
def test_whoever_waits_for_the_disk_keeps_nobody_from_writing(context: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    waits, others_have_written = Event(), Event()

    def flush(_file: int) -> None:
        if not waits.is_set():
            waits.set()
            assert others_have_written.wait(30)

    def keep_one() -> None:
        with context.app_context():
            kept("one")

    monkeypatch.setattr("app.dialects._flush", flush)
    slow = Thread(target=keep_one)
    slow.start()
    assert waits.wait(30)
    kept("two")
    others_have_written.set()
    slow.join()

    assert how_many() == 2


@on_sqlite
def test_a_commit_that_was_emptied_into_the_database_meanwhile_is_lasting_already(
    context: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(path: str, _mode: int) -> int:
        raise FileNotFoundError(path)

    monkeypatch.setattr("app.dialects.os.open", gone)
    kept("one")
    monkeypatch.undo()

    assert how_many() == 1


@on_sqlite
def test_a_disk_that_does_not_keep_what_was_committed_is_no_success(
    context: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_file: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("app.dialects._flush", fail)
    with pytest.raises(OSError, match="Input/output error"):
        kept("one")


@pytest.mark.parametrize("said", ["{link}", "file:{link}?uri=true"])
def test_a_database_that_is_a_link_to_a_file_elsewhere_is_flushed_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    (tmp_path / "elsewhere").mkdir()
    link, file = tmp_path / "tonne.sqlite", tmp_path / "elsewhere" / "tonne.sqlite"
    link.symlink_to(file)
    flushed: list[int] = []
    monkeypatch.setattr("app.dialects._flush", lambda log: flushed.append(os.fstat(log).st_ino))
    engine = create_engine(f"sqlite:///{said.format(link=link)}")
    prepare(engine)

    with engine.connect() as connection:
        connection.execute(text("CREATE TABLE kept (id INTEGER)"))
        connection.commit()
        wait_for_the_disk(engine)
        log = Path(f"{file}-wal").stat().st_ino
    engine.dispose()

    assert flushed == [log]


def test_a_system_that_cannot_leave_out_what_is_known_of_a_file_flushes_that_as_well() -> None:
    without = "import os; del os.fdatasync; from app import dialects; assert dialects._flush is os.fsync"

    subprocess.run([sys.executable, "-c", without], cwd=ROOT, check=True)
