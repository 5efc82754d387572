"""Units are held for an unpaid order, then taken for good or given back, and the offer's books always agree."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.checkout.models import OrderLine
from app.checkout.states import OrderState
from app.db import StateEvent, db, transaction
from app.fulfilment.process import Collaborators
from app.offers import service
from app.offers.errors import PriceChanged, UnitsUnavailable
from app.offers.models import Reservation
from app.offers.states import OfferState, ReservationState, Standing
from tests.builders import (
    NOW,
    a_basket,
    a_placed_order,
    all_at_once,
    an_offer,
    change_offer,
    place,
    the_offer,
    the_order,
)


def counters(offer_id: int) -> tuple[int, int, int]:
    offer = the_offer(offer_id)
    return offer.units_left, offer.units_reserved, offer.units_settled


def the_line(order_id: int) -> int:
    return int(db.session.scalars(select(OrderLine.id).where(OrderLine.order_id == order_id)).one())


def test_units_of_an_order_are_out_of_sale_then_taken_for_good(world: Collaborators) -> None:
    offer_id = an_offer(units=10)
    line = the_line(a_placed_order(world.settings, {offer_id: 4}))
    assert counters(offer_id) == (6, 4, 0)

    with transaction():
        assert service.settle([line], NOW)
    assert counters(offer_id) == (6, 0, 4)

    with transaction():
        assert not service.settle([line], NOW)
    assert counters(offer_id) == (6, 0, 4)


@pytest.mark.parametrize("paid", [False, True])
def test_units_that_are_given_back_can_be_sold_again_and_are_given_back_once(world: Collaborators, paid: bool) -> None:
    offer_id = an_offer(units=4)
    line = the_line(a_placed_order(world.settings, {offer_id: 4}))
    assert the_offer(offer_id).state is OfferState.SOLD_OUT

    with transaction():
        assert service.settle([line], NOW) if paid else True
        assert service.release(line, NOW)
        assert not service.release(line, NOW)
        assert not service.settle([line], NOW)

    assert counters(offer_id) == (4, 0, 0)
    assert the_offer(offer_id).state is OfferState.LIVE
    assert the_order(a_placed_order(world.settings, {offer_id: 4})).state is OrderState.PLACED


def test_units_that_many_give_back_at_once_are_given_back_once(world: Collaborators, context: Flask) -> None:
    offer_id = an_offer(units=10)
    line = the_line(a_placed_order(world.settings, {offer_id: 4}))

    def give_back() -> bool:
        with transaction():
            return service.release(line, NOW)

    assert sorted(all_at_once(context, [give_back] * 4)) == [False, False, False, True]
    assert counters(offer_id) == (10, 0, 0)


def test_an_offer_that_is_off_sale_stays_so_when_units_come_back(world: Collaborators) -> None:
    offer_id = an_offer(units=4)
    line = the_line(a_placed_order(world.settings, {offer_id: 4}))

    with transaction():
        service.freeze(offer_id, NOW, reason="the registry holds less")
        service.release(line, NOW)

    assert counters(offer_id) == (4, 0, 0)
    assert the_offer(offer_id).state is OfferState.FROZEN
    event = db.session.scalars(select(StateEvent).where(StateEvent.to_state == "frozen")).one()
    assert (event.from_state, event.facts) == ("sold_out", {"reason": "the registry holds less"})


def test_freezing_an_offer_that_has_ended_changes_nothing(world: Collaborators) -> None:
    offer_id = an_offer()
    change_offer(offer_id, state=OfferState.WITHDRAWN)

    with transaction():
        service.freeze(offer_id, NOW, reason="too late")

    assert the_offer(offer_id).state is OfferState.WITHDRAWN


def test_more_than_is_left_is_refused_with_what_is_left_and_nothing_of_the_order_is_held(
    world: Collaborators,
) -> None:
    plenty, few = an_offer(number=1, units=100), an_offer(number=2, units=5)
    token = a_basket({plenty: 10, few: 5})
    change_offer(few, units_settled=3)

    with pytest.raises(UnitsUnavailable) as refusal:
        place(world.settings, token)

    assert refusal.value.facts == {"offer_id": few, "units": 5, "units_left": 2, "standing": Standing.OPEN}
    assert (counters(plenty), counters(few)) == ((100, 0, 0), (2, 0, 3))
    db.session.rollback()
    assert db.session.scalar(select(func.count()).select_from(Reservation)) == 0


def test_only_a_live_offer_can_be_bought(world: Collaborators) -> None:
    offer_id = an_offer()
    token = a_basket({offer_id: 1})
    for state in [s for s in OfferState if s is not OfferState.LIVE]:
        change_offer(offer_id, state=state)

        with pytest.raises(UnitsUnavailable) as refusal:
            place(world.settings, token)

        assert refusal.value.facts["units_left"] == 0

    change_offer(offer_id, state=OfferState.LIVE)
    assert place(world.settings, token)


def test_a_line_at_a_price_that_is_no_longer_asked_takes_nothing_and_names_the_new_price(
    world: Collaborators,
) -> None:
    offer_id = an_offer(price=250)
    line = the_line(a_placed_order(world.settings, {offer_id: 1}))
    with transaction():
        service.release(line, NOW)
    change_offer(offer_id, unit_price=251, price_version=2)

    with pytest.raises(PriceChanged) as refusal, transaction():
        service.reserve([service.Wanted(offer_id, line, 1, 1)], NOW)

    assert refusal.value.facts == {"offer_id": offer_id, "unit_price": 251}
    assert counters(offer_id) == (1000, 0, 0)


def test_every_change_of_a_reservation_is_in_the_history(world: Collaborators) -> None:
    offer_id = an_offer(units=4)
    line = the_line(a_placed_order(world.settings, {offer_id: 4}))
    with transaction():
        service.settle([line], NOW)
        service.release(line, NOW)

    events = db.session.execute(
        select(StateEvent.machine, StateEvent.from_state, StateEvent.to_state)
        .where(StateEvent.machine.in_(["reservation", "offer"]))
        .order_by(StateEvent.id)
    ).all()
    assert [tuple(event) for event in events] == [
        ("reservation", None, ReservationState.HELD),
        ("offer", OfferState.LIVE, OfferState.SOLD_OUT),
        ("reservation", ReservationState.HELD, ReservationState.SETTLED),
        ("reservation", ReservationState.SETTLED, ReservationState.RELEASED),
        ("offer", OfferState.SOLD_OUT, OfferState.LIVE),
    ]
