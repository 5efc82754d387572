"""Many buyers, few units: real threads on both databases."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from threading import Barrier
from time import sleep
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, func, select, update
from sqlalchemy.exc import IntegrityError

from app.checkout import service as checkout
from app.checkout.errors import TotalChanged
from app.checkout.models import Order
from app.db import db, transaction
from app.fulfilment.finishing import finish_order
from app.fulfilment.process import Collaborators, cancel_units
from app.fulfilment.risk import begin
from app.offers.errors import UnitsUnavailable
from app.offers.models import Offer, Reservation
from app.offers.states import OfferState
from app.registry.ports import RefusalCode, Refused
from app.selling.service.halting import freeze_all
from tests.builders import (
    NOW,
    a_basket,
    a_payable_order,
    all_at_once,
    an_offer,
    gateway_of,
    look_again,
    place,
    registry_of,
    the_offer,
)

BUYERS = 8


def test_reading_what_is_left_and_then_writing_would_sell_one_unit_twice(context: Flask) -> None:
    """The race is real: this is what the product must not do."""
    offer_id = an_offer(units=1)
    both_have_looked = Barrier(2)

    def buy_naively() -> bool:
        left = db.session.get_one(Offer, offer_id).units_left
        db.session.rollback()
        both_have_looked.wait(30)
        if left < 1:
            return False
        with transaction() as session:
            session.execute(update(Offer).where(Offer.id == offer_id).values(units_reserved=1))
        return True

    assert all_at_once(context, [buy_naively, buy_naively]) == [True, True]
    assert the_offer(offer_id).units_reserved == 1


def test_even_code_that_forgot_the_condition_is_stopped_by_the_database(context: Flask) -> None:
    offer_id = an_offer(units=1)

    def buy_without_asking() -> None:
        with transaction() as session:
            session.execute(update(Offer).where(Offer.id == offer_id).values(units_reserved=Offer.units_reserved + 1))

    outcomes = all_at_once(context, [buy_without_asking] * 3)
    assert [type(outcome) for outcome in outcomes if outcome is not None] == [IntegrityError] * 2
    assert the_offer(offer_id).units_reserved == 1


def test_of_many_buyers_exactly_as_many_win_as_there_are_units_and_the_others_are_told(
    world: Collaborators, context: Flask
) -> None:
    offer_id = an_offer(units=3)
    tokens = [a_basket({offer_id: 1}) for _ in range(BUYERS)]

    outcomes = all_at_once(context, [partial(place, world.settings, token) for token in tokens])

    won = [outcome for outcome in outcomes if isinstance(outcome, int)]
    lost = [outcome for outcome in outcomes if not isinstance(outcome, int)]
    assert (len(won), len(set(won))) == (3, 3)
    assert all(isinstance(refusal, UnitsUnavailable) and refusal.facts["units_left"] == 0 for refusal in lost)
    offer = the_offer(offer_id)
    assert (offer.state, offer.units_left, offer.units_reserved) == (OfferState.SOLD_OUT, 0, 3)
    assert db.session.scalar(select(func.sum(Reservation.units))) == 3
    assert db.session.scalar(select(func.count()).select_from(Order)) == 3


def test_buyers_who_want_several_units_never_leave_more_sold_than_offered(world: Collaborators, context: Flask) -> None:
    offer_id = an_offer(units=10)
    tokens = [a_basket({offer_id: units}) for units in (3, 4, 5, 6, 2, 7)]

    outcomes = all_at_once(context, [partial(place, world.settings, token) for token in tokens])

    assert all(isinstance(outcome, int | UnitsUnavailable) for outcome in outcomes)
    sold = int(db.session.scalar(select(func.sum(Reservation.units))) or 0)
    assert the_offer(offer_id).units_reserved == sold <= 10
    assert sold > 10 - 7  # nobody was refused while his units were there


def test_baskets_with_the_same_offers_in_opposite_order_do_not_wait_for_each_other_for_ever(
    world: Collaborators, context: Flask
) -> None:
    one, two = an_offer(number=1), an_offer(number=2)
    tokens = [a_basket({one: 1, two: 1} if n % 2 else {two: 1, one: 1}) for n in range(BUYERS)]

    outcomes = all_at_once(context, [partial(place, world.settings, token) for token in tokens])

    assert all(isinstance(outcome, int) for outcome in outcomes), outcomes
    assert [the_offer(offer).units_reserved for offer in (one, two)] == [BUYERS, BUYERS]


def _expire(world: Collaborators, order_id: int) -> None:
    assert checkout.close_unpaid(order_id, world.gateway, world.registries, world.settings, world.clock)


def _pay_late(world: Collaborators, order_id: int) -> None:
    gateway_of(world).pay()
    look_again(world, order_id)


def _finish(world: Collaborators, order_id: int) -> None:
    finish_order(order_id, world.registries, world.settings, world.clock.now())


@pytest.mark.parametrize("end", [_expire, _pay_late, _finish])
def test_an_order_that_ends_and_one_that_is_placed_do_not_wait_for_each_other_for_ever(
    world: Collaborators, context: Flask, end: Callable[[Collaborators, int], None]
) -> None:
    first, second = an_offer(number=1), an_offer(number=2)
    order_id = a_payable_order(world, {second: 1, first: 1})
    if end is _pay_late:
        _expire(world, order_id)
    elif end is _finish:
        registry_of(world).submits = [Refused(RefusalCode.RULES, "no")] * 2
        _pay_late(world, order_id)
        begin(order_id, world.registries, world.clock.now())
        cancel_units(world)
    token = a_basket({first: 1, second: 1})
    presses: list[Future[object]] = []

    def press() -> object:
        with context.app_context():
            try:
                return place(world.settings, token)
            except UnitsUnavailable as gone:
                return gone

    def press_meanwhile(_connection: object, cursor: Any, statement: str, *_more: object) -> None:
        if statement.startswith("UPDATE offer ") and cursor.rowcount == 1 and not presses:
            presses.append(buyer.submit(press))
            sleep(0.2)

    with ThreadPoolExecutor(1) as buyer:
        event.listen(db.engine, "after_cursor_execute", press_meanwhile)
        try:
            end(world, order_id)
            assert isinstance(presses[0].result(), UnitsUnavailable if end is _finish else int)
        finally:
            event.remove(db.engine, "after_cursor_execute", press_meanwhile)


def test_a_suspension_and_an_order_that_is_placed_do_not_wait_for_each_other_for_ever(
    world: Collaborators, context: Flask
) -> None:
    offer_id = an_offer()
    token, provider_id = a_basket({offer_id: 1}), the_offer(offer_id).provider_id
    presses: list[Future[int]] = []

    def press() -> int:
        with context.app_context():
            return place(world.settings, token)

    def press_meanwhile(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if "FROM provider" in statement and " FOR " in statement and not presses:
            presses.append(buyer.submit(press))
            sleep(0.2)

    with ThreadPoolExecutor(1) as buyer:
        event.listen(db.engine, "after_cursor_execute", press_meanwhile)
        try:
            with transaction():
                assert freeze_all(provider_id, "Disputed.", None, NOW) == 1
        finally:
            event.remove(db.engine, "after_cursor_execute", press_meanwhile)
        assert [press.result() for press in presses] == ([1] if presses else [])
    assert the_offer(offer_id).state is OfferState.FROZEN


def test_a_price_that_changes_while_many_order_is_paid_by_nobody_who_did_not_see_it(
    world: Collaborators, context: Flask
) -> None:
    offer_id = an_offer(price=250)
    tokens = [a_basket({offer_id: 1}) for _ in range(6)]

    def raise_price() -> None:
        with transaction() as session:
            session.execute(update(Offer).where(Offer.id == offer_id).values(unit_price=300))

    outcomes = all_at_once(
        context, [*[partial(place, world.settings, token) for token in tokens[:3]], raise_price,
                  *[partial(place, world.settings, token) for token in tokens[3:]]]
    )  # fmt: skip

    assert outcomes[3] is None
    told = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert all(type(refusal).__name__ in {"PriceChanged", TotalChanged.__name__} for refusal in told), told
    assert {order.total for order in db.session.scalars(select(Order))} <= {250, 300}
