"""Random histories on each database, and proof that each kind of lie would be found.

The suite plays some of them each time; `make histories` plays a thousand on each database. `HISTORIES=20000
SEED=7` plays more, and others; a failure says its seed.
"""

from __future__ import annotations

import os
from collections import Counter
from random import Random
from typing import Any

import pytest
from sqlalchemy import update

from app.checkout import service as checkout
from app.checkout.models import Basket, BasketLine
from app.db import advance, db, end_reading
from app.fulfilment.process import Collaborators
from app.offers import pools
from app.offers import service as offers
from app.offers.models import Offer, Reservation
from app.offers.states import RESERVATION, ReservationState
from tests.service.histories.histories import DEEDS, Broken, begin, set_stage

HISTORIES = int(os.environ.get("HISTORIES", "28"))
SEED = int(os.environ.get("SEED", "2026"))
ENOUGH = 40  # histories in which every kind of lie shows
on_one = pytest.mark.parametrize("db_url", ["sqlite"], indirect=True)

BATCHES = max(4, HISTORIES // 50)  # each with a database of its own, so that several run at the same time


def play(world: Collaborators, histories: int, batch: int = 0) -> Counter[str]:
    """Play histories one after the other; the first that breaks says how to see it again. Gives what was done."""
    stage = set_stage(world)
    done: Counter[str] = Counter()
    for number in range(histories):
        history = begin(stage, Random(f"{SEED}-{batch}-{number}"))  # noqa: S311 - repeatable, not secret
        try:
            history.play()
        except Exception as problem:
            raise Broken(f"{problem}; SEED={SEED}, history {batch}-{number}: {', '.join(history.did)}") from problem
        done.update(history.did)
    return done


@pytest.mark.parametrize("batch", range(BATCHES))
def test_no_history_promises_more_than_is_held_sells_at_an_unseen_price_or_locks_units_for_ever(
    world: Collaborators, batch: int
) -> None:
    done = play(world, HISTORIES // BATCHES, batch)

    # Each act was not only tried: it happened.
    missing = [name for name in DEEDS if not done[name]]
    assert len(missing) <= (0 if HISTORIES // BATCHES >= 100 else 5), missing


@on_one
def test_a_pool_that_nobody_asks_about_would_be_found_out(
    world: Collaborators, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "require_free", lambda *_facts, **_more: None)

    with pytest.raises(Broken, match="units are promised"):
        play(world, ENOUGH)


@on_one
def test_a_price_that_the_buyer_did_not_see_would_be_found_out(
    world: Collaborators, monkeypatch: pytest.MonkeyPatch
) -> None:
    place_order = checkout.place_order

    def place_at_any_price(**wanted: Any) -> Any:
        offer, units = db.session.execute(
            db.select(Offer, BasketLine.units)
            .join(BasketLine, BasketLine.offer_id == Offer.id)
            .join(Basket, Basket.id == BasketLine.basket_id)
            .where(Basket.token == wanted["basket_token"])
        ).one()
        total = offer.price_for(units).minor * units
        end_reading()
        return place_order(**wanted | {"expected_total": total, "shown": None})

    monkeypatch.setattr(checkout, "place_order", place_at_any_price)

    with pytest.raises(Broken, match="to a buyer who was shown"):
        play(world, ENOUGH)


@on_one
def test_units_that_are_never_given_back_would_be_found_out(
    world: Collaborators, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offers, "release", lambda *_line: True)

    with pytest.raises(Broken, match=r"are free; [1-9]"):
        play(world, ENOUGH)


@on_one
def test_a_counter_that_differs_from_its_reservations_would_be_found_out(
    world: Collaborators, monkeypatch: pytest.MonkeyPatch
) -> None:
    def release_the_line_alone(order_line_id: int, now: Any) -> bool:
        held = db.session.scalar(db.select(Reservation.id).where(Reservation.order_line_id == order_line_id))
        return held is not None and advance(Reservation, held, RESERVATION, ReservationState.RELEASED, at=now)

    monkeypatch.setattr(offers, "release", release_the_line_alone)

    with pytest.raises(Broken, match="not the sums of their reservations"):
        play(world, ENOUGH)


@on_one
def test_units_that_leave_the_account_without_us_would_be_found_out(world: Collaborators) -> None:
    stage = set_stage(world)
    history = begin(stage, Random(1))  # noqa: S311 - repeatable, not secret
    db.session.execute(update(Offer).values(units_offered=1))
    history.held += 1

    with pytest.raises(Broken, match="were there at first"):
        history.check()
