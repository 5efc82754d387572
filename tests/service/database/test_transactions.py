"""One use case is one transaction, and a conditional UPDATE decides who wins."""

from __future__ import annotations

from contextlib import suppress
from threading import Thread

import pytest
from flask import Flask
from sqlalchemy import insert, select, text

from app.catalog.models import Mechanism
from app.checkout.models import Basket
from app.db import (
    NestedTransactionFault,
    OpenTransactionFault,
    StateEvent,
    add_row,
    advance,
    attempt,
    db,
    end_reading,
    insert_once,
    one_at_a_time,
    transaction,
)
from app.kernel.states import IllegalMove
from app.offers.models import Offer
from app.offers.states import OFFER, OfferState
from tests.builders import NOW, all_at_once, an_offer, the_offer
from tests.conftest import ROOT


def a_basket_row(token: str) -> Basket:
    return Basket(token=token, details={}, created_at=NOW, changed_at=NOW)


def tokens() -> list[str]:
    db.session.rollback()
    return list(db.session.scalars(select(Basket.token).order_by(Basket.token)))


def test_a_use_case_that_fails_leaves_nothing_behind(context: Flask) -> None:
    def fail_halfway() -> None:
        with transaction() as session:
            session.add(a_basket_row("lost"))
            session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_halfway()

    with transaction() as session:
        session.add(a_basket_row("kept"))

    assert tokens() == ["kept"]


def test_a_part_that_fails_is_undone_alone_whatever_wrote_it(context: Flask) -> None:
    def add(token: str) -> None:
        add_row(Basket, token=token, details={}, created_at=NOW, changed_at=NOW)

    with transaction():
        add("before")
        with suppress(ZeroDivisionError), attempt():
            add("lost")
            raise ZeroDivisionError
        with attempt():
            add("kept")

    assert tokens() == ["before", "kept"]


def test_only_what_can_be_done_again_does_not_wait_for_the_disk() -> None:
    found = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "app").rglob("*.py")
        if "lasting=False" in path.read_text(encoding="utf-8")
    }

    assert found == {
        "app/checkout/baskets.py",
        "app/payments/adapters/testpay_events.py",
        "app/payments/notices.py",
        "app/web/limits.py",
    }


def test_a_use_case_inside_another_one_is_a_fault_of_ours_and_changes_nothing(context: Flask) -> None:
    def nest() -> None:
        with transaction() as session:
            session.add(a_basket_row("outer"))
            with transaction():
                pass

    with pytest.raises(NestedTransactionFault):
        nest()

    assert tokens() == []


def test_no_call_to_the_outside_world_can_be_made_while_a_transaction_is_open(context: Flask) -> None:
    with transaction(), pytest.raises(OpenTransactionFault):
        end_reading()

    end_reading()


def test_what_was_read_before_a_use_case_is_read_again_inside_it(context: Flask) -> None:
    offer_id = an_offer(units=10)
    seen = db.session.get_one(Offer, offer_id)
    assert seen.units_left == 10

    def sell_elsewhere() -> None:
        with context.app_context(), transaction() as session:
            session.get_one(Offer, offer_id).units_settled = 4

    other = Thread(target=sell_elsewhere)
    other.start()
    other.join()
    with transaction():
        assert seen.units_left == 6


def test_of_two_moves_from_one_state_one_wins_and_the_loser_leaves_no_trace(context: Flask) -> None:
    offer_id = an_offer()

    def pause() -> bool:
        with transaction():
            return advance(Offer, offer_id, OFFER, OfferState.PAUSED, at=NOW, facts={"why": "test"})

    assert sorted(all_at_once(context, [pause] * 4)) == [False, False, False, True]
    events = db.session.scalars(select(StateEvent).where(StateEvent.machine == "offer")).all()
    assert [(e.subject_id, e.from_state, e.to_state, e.at, e.facts) for e in events] == [
        (offer_id, "live", "paused", NOW, {"why": "test"})
    ]


def test_a_move_happens_only_under_its_condition_and_sets_its_values(context: Flask) -> None:
    offer_id = an_offer(price=250)
    with transaction():
        assert not advance(Offer, offer_id, OFFER, OfferState.PAUSED, at=NOW, only_if=(Offer.unit_price > 250,))
        assert advance(Offer, offer_id, OFFER, OfferState.PAUSED, at=NOW, only_if=(Offer.unit_price == 250,),
                       unit_price=300)  # fmt: skip

    assert (the_offer(offer_id).state, the_offer(offer_id).unit_price) == (OfferState.PAUSED, 300)


def test_a_move_that_the_table_does_not_have_is_a_fault_even_if_nothing_would_happen(context: Flask) -> None:
    with pytest.raises(IllegalMove, match="offer: withdrawn -> live"), transaction():
        advance(Offer, 1, OFFER, OfferState.LIVE, at=NOW, sources=(OfferState.WITHDRAWN,))


def test_the_same_row_is_inserted_once_however_many_try(context: Flask) -> None:
    def insert() -> bool:
        with transaction():
            return insert_once(Basket, token="one", details={}, created_at=NOW, changed_at=NOW)

    assert sorted(all_at_once(context, [insert] * 4)) == [False, False, False, True]
    assert tokens() == ["one"]


def test_use_cases_that_ask_to_run_one_at_a_time_do(context: Flask) -> None:
    def count() -> int:
        with transaction() as session:
            one_at_a_time("count")
            seen = len(session.scalars(select(Basket)).all())
            session.add(a_basket_row(f"basket-{seen}"))
            return seen

    assert sorted(all_at_once(context, [count] * 4)) == [0, 1, 2, 3]


def test_an_embedded_database_survives_a_power_cut_and_keeps_its_references(context: Flask) -> None:
    if db.engine.dialect.name == "postgresql":
        assert db.session.scalar(text("SHOW fsync")) in {"on", "off"}  # the server's administrator decides
        return
    found = {
        name: db.session.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous", "foreign_keys")
    }

    # NORMAL: whole after a power cut. What must not be lost either is in the log when its commit is answered: below.
    assert found == {"journal_mode": "wal", "synchronous": 1, "foreign_keys": 1}


TIMES = {"details": {}, "created_at": NOW, "changed_at": NOW}


def prepared() -> int:
    return int(db.session.scalar(text("SELECT count(*) FROM pg_prepared_statements")) or 0)


@pytest.mark.parametrize("db_url", ["postgresql"], indirect=True)
def test_what_is_asked_over_and_over_stays_prepared(context: Flask) -> None:
    question = select(Basket.id).where(Basket.token == "never was")
    for _ in range(8):
        db.session.scalar(question)
        end_reading()

    assert prepared() > 0, "the end of a reading forgets nothing"


def test_whatever_was_written_is_undone_also_outside_of_a_use_case(context: Flask) -> None:
    db.session.execute(select(Basket.id))
    db.session.add_all([a_basket_row("one"), a_basket_row("two")])
    db.session.flush()
    db.session.rollback()
    assert tokens() == []

    db.session.execute(insert(Basket), [{"token": token, **TIMES} for token in ("three", "four")])
    db.session.rollback()
    assert tokens() == []

    plain = db.session.connection().execution_options(no_parameters=True)
    plain.exec_driver_sql("UPDATE mechanism SET name = 'another'")
    db.session.rollback()
    assert "another" not in db.session.scalars(select(Mechanism.name)).all()
