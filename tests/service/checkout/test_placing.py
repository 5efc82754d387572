"""From a basket to a binding order: frozen prices, held units, and clear refusals."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select

from app.checkout import baskets, service
from app.checkout.errors import BasketEmpty, TotalAboveMaximum, TotalBelowMinimum, TotalChanged
from app.checkout.models import Basket, BasketLine, Beneficiary, Order
from app.checkout.queries import basket_units, basket_view, find_details
from app.checkout.states import OrderState
from app.content.queries import PriceRange, prices_on_offer
from app.db import db, transaction
from app.fulfilment.process import Collaborators
from app.kernel.money import Money
from app.offers.errors import UnitsUnavailable
from app.offers.shelf import current_stock
from app.offers.states import Standing
from tests.builders import (
    DETAILS,
    NOW,
    a_basket,
    a_paid_order,
    a_placed_order,
    an_offer,
    change_offer,
    gateway_of,
    look_again,
    place,
    the_offer,
    the_order,
)

NUMBERS = count(1)


def place_at(world: Collaborators, token: str, expected_total: int) -> int:
    return service.place_order(
        basket_token=token, details=DETAILS, locale="en", consent_version="v", consent_text="t",
        terms_version="2026-11-01", expected_total=expected_total, settings=world.settings, now=NOW,
    ).order_id  # fmt: skip


def test_an_order_keeps_what_the_buyer_saw_and_agreed_to(world: Collaborators) -> None:
    offers = [an_offer(number=1, price=38), an_offer(number=2, price=850)]
    order = the_order(a_placed_order(world.settings, {offers[0]: 3, offers[1]: 2}, publish_name=True))

    change_offer(offers[0], unit_price=9_999)

    assert (order.state, order.total, order.currency) == (OrderState.PLACED, 1_814, "USD")
    assert [(line.units, line.unit_price, line.amount) for line in order.lines] == [(3, 38, 114), (2, 850, 1_700)]
    assert (order.consent_version, order.consent_text, order.placed_at) == ("test", "I agree.", NOW)
    assert order.terms_version == "2026-11-01"
    assert order.expires_at == NOW + timedelta(minutes=41)
    assert order.is_demonstration
    beneficiary = db.session.scalars(select(Beneficiary)).one()
    assert (beneficiary.name, beneficiary.purpose, beneficiary.intent, beneficiary.country) == (
        "Amélie Nguyễn", "Our office heating of 2025", "contribution", "FR",
    )  # fmt: skip
    assert beneficiary.is_name_public
    assert len(order.token) >= 27


def test_an_empty_or_unknown_basket_orders_nothing(world: Collaborators) -> None:
    token = a_basket({an_offer(): 1})
    baskets.remove_line(token=token, offer_id=the_offer(1).id, now=NOW)

    for unusable in (token, "unknown", ""):
        with pytest.raises(BasketEmpty):
            place_at(world, unusable, 0)


def test_a_total_other_than_the_one_agreed_to_is_told_and_not_charged(world: Collaborators) -> None:
    offer_id = an_offer(price=250)
    token = a_basket({offer_id: 4})
    change_offer(offer_id, unit_price=251)

    with pytest.raises(TotalChanged) as refusal:
        place_at(world, token, 1_000)

    assert refusal.value.facts == {"total": 1_004, "expected": 1_000}
    assert the_offer(offer_id).units_reserved == 0
    assert the_order(place_at(world, token, 1_004)).total == 1_004


def test_an_offer_in_a_currency_that_the_house_gave_up_is_not_sold_for_as_many_cents_of_another(
    world: Collaborators,
) -> None:
    offer_id, other = an_offer(price=250), an_offer(number=2, price=300)
    token = a_basket({offer_id: 4, other: 1})
    change_offer(offer_id, currency="JPY")

    seen = basket_view(token, world.settings)
    assert not seen.is_valid
    assert [bool(line.error) for line in seen.lines] == [True, False]
    with pytest.raises(UnitsUnavailable) as refusal:
        place_at(world, token, 1_300)
    assert (refusal.value.facts["offer_id"], refusal.value.facts["units_left"]) == (offer_id, 0)
    with pytest.raises(UnitsUnavailable):
        a_basket({offer_id: 1})
    assert the_offer(offer_id).units_reserved == 0
    assert current_stock().rows.keys() == {other}
    assert prices_on_offer() == PriceRange(Money(300, "USD"), Money(300, "USD"), 1)


def test_one_unit_at_thirty_eight_cents_is_too_little_and_two_are_enough(world: Collaborators) -> None:
    offer_id = an_offer(price=38)
    token = a_basket({offer_id: 1})

    with pytest.raises(TotalBelowMinimum) as refusal:
        place_at(world, token, 38)
    baskets.set_units(token=token, quantities={offer_id: 2}, now=NOW)

    assert refusal.value.facts == {"offer_id": offer_id, "units": 2, "minimum": Money(50, "USD")}
    assert the_order(place_at(world, token, 76)).total == 76


def test_the_largest_payment_is_117_647_units_at_eight_fifty(world: Collaborators) -> None:
    offer_id = an_offer(price=850, units=200_000, held=0)
    token = a_basket({offer_id: 117_648})

    with pytest.raises(TotalAboveMaximum) as refusal:
        place_at(world, token, 117_648 * 850)
    baskets.set_units(token=token, quantities={offer_id: 117_647}, now=NOW)

    assert refusal.value.facts == {"offer_id": offer_id, "units": 117_647, "maximum": Money(99_999_999, "USD")}
    assert the_order(place_at(world, token, 117_647 * 850)).total == 99_999_950


def test_a_second_line_can_lift_a_total_over_the_minimum_and_the_dearest_line_is_cut_at_the_maximum(
    world: Collaborators,
) -> None:
    cheap, dear = an_offer(number=1, price=38), an_offer(number=2, price=850, units=200_000, held=0)

    assert the_order(a_placed_order(world.settings, {cheap: 1, dear: 1})).total == 888
    with pytest.raises(TotalAboveMaximum) as refusal:
        a_placed_order(world.settings, {cheap: 2, dear: 117_647})
    assert refusal.value.facts["offer_id"] == dear
    assert refusal.value.facts["units"] == 117_646


@pytest.mark.parametrize("changes", [{}, {"tax_rate": 2_000, "platform_fee_rate": 125, "payment_cost_fixed": 49}])
@given(data=st.data())
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_for_any_basket_lines_total_charge_and_shares_are_the_same_money(
    world: Collaborators, changes: dict[str, int], data: st.DataObject
) -> None:
    rules = replace(world.settings, **changes)  # type: ignore[arg-type]  # settings of many types
    prices = data.draw(st.lists(st.integers(1, 2_000_000), min_size=1, max_size=5))
    wanted = {
        an_offer(number=next(NUMBERS), price=price, held=0, units=1_000): data.draw(st.integers(1, 1_000))
        for price in prices
    }
    token = a_basket(wanted)
    view = basket_view(token, rules)
    if not view.is_valid:
        assert not rules.payment_minimum <= view.total.minor <= rules.payment_maximum
        return

    order_id = place(rules, token)
    service.start_payment(order_id, world.gateway, rules, world.clock)

    order = the_order(order_id)
    sent = gateway_of(world).payments[gateway_of(world).newest()].request
    assert sum(line.amount for line in order.lines) == order.total == view.total.minor == sent.amount.minor
    assert sum(line.unit_price.minor * line.units for line in sent.lines) == sent.amount.minor
    assert [line.unit_price for line in order.lines] == prices
    parts = [line.seller_share + line.payment_cost + line.tax + line.platform_fee for line in order.lines]
    assert sum(parts) == order.total
    assert view.breakdown.seller.minor == sum(line.seller_share for line in order.lines)
    assert min(line.seller_share for line in order.lines) >= 0


# --- the basket ------------------------------------------------------------------------------------


def test_units_of_one_offer_add_up_in_one_line_until_there_are_no_more(world: Collaborators) -> None:
    offer_id = an_offer(units=5)
    token = a_basket({offer_id: 3})

    assert baskets.add_to_basket(token=token, offer_id=offer_id, units=2, now=NOW) == token
    with pytest.raises(UnitsUnavailable) as refusal:
        baskets.add_to_basket(token=token, offer_id=offer_id, units=1, now=NOW)

    assert refusal.value.facts == {"offer_id": offer_id, "units": 6, "units_left": 5, "standing": Standing.OPEN}
    assert basket_units(token) == 5
    assert db.session.scalar(select(func.count()).select_from(BasketLine)) == 1


def test_a_basket_that_is_gone_is_replaced_and_one_that_never_was_is_left_alone(world: Collaborators) -> None:
    offer_id = an_offer()

    fresh = baskets.add_to_basket(token="long gone", offer_id=offer_id, units=1, now=NOW)
    baskets.set_units(token="never was", quantities={offer_id: 3}, now=NOW)
    baskets.remove_line(token="never was", offer_id=offer_id, now=NOW)
    baskets.save_details(token="never was", details=DETAILS, now=NOW)

    assert fresh != "long gone"
    assert find_details("never was") is None
    assert find_details(None) is None
    assert (basket_units(None), basket_units("never was"), basket_units(fresh)) == (0, 0, 1)


def test_quantities_change_line_by_line_and_a_line_can_be_taken_out(world: Collaborators) -> None:
    one, two = an_offer(number=1), an_offer(number=2)
    token = a_basket({one: 1, two: 2})

    baskets.set_units(token=token, quantities={two: 7, 999: 1}, now=NOW)
    assert {line.offer_id: line.units for line in basket_view(token, world.settings).lines} == {one: 1, two: 7}

    baskets.remove_line(token=token, offer_id=one, now=NOW)
    assert {line.offer_id: line.units for line in basket_view(token, world.settings).lines} == {two: 7}


def test_what_was_bought_leaves_the_basket_when_it_is_paid_and_what_was_added_meanwhile_stays(
    world: Collaborators,
) -> None:
    one, two, three = (an_offer(number=n) for n in (1, 2, 3))
    token = a_basket({one: 2, two: 5})
    order_id = place(world.settings, token)
    baskets.add_to_basket(token=token, offer_id=two, units=1, now=NOW)
    baskets.add_to_basket(token=token, offer_id=three, units=7, now=NOW)
    assert basket_units(token) == 15

    service.start_payment(order_id, world.gateway, world.settings, world.clock)
    gateway_of(world).pay()
    look_again(world, order_id)

    assert {line.offer_id: line.units for line in basket_view(token, world.settings).lines} == {two: 1, three: 7}


def test_an_order_outlives_its_basket(world: Collaborators) -> None:
    offer_id = an_offer()
    token = a_basket({offer_id: 1})
    order_id = place(world.settings, token)
    with transaction() as session:
        session.execute(delete(BasketLine))
        session.execute(delete(Basket).where(Basket.token == token))

    service.start_payment(order_id, world.gateway, world.settings, world.clock)
    gateway_of(world).pay()
    look_again(world, order_id)

    assert the_order(order_id).state is OrderState.PAID


def test_whoever_comes_back_from_the_payment_page_does_not_find_his_own_units_sold_out(world: Collaborators) -> None:
    offer_id = an_offer(units=5)
    token = a_basket({offer_id: 5})
    first = place(world.settings, token)
    service.start_payment(first, world.gateway, world.settings, world.clock)

    view = basket_view(token, world.settings)
    assert (view.is_valid, view.lines[0].units_left) == (True, 5)
    other = a_view_of_somebody_else(world, offer_id)
    service.supersede_unpaid_orders(token, world.gateway, world.registries, world.settings, world.clock)
    second = place(world.settings, token)

    assert other == 0
    assert (the_order(first).state, the_order(second).state) == (OrderState.EXPIRED, OrderState.PLACED)
    assert the_offer(offer_id).units_reserved == 5


def a_view_of_somebody_else(world: Collaborators, offer_id: int) -> int:
    with pytest.raises(UnitsUnavailable) as refusal:
        a_basket({offer_id: 1})
    return int(str(refusal.value.facts["units_left"]))


def test_orders_and_their_pages_have_names_that_nobody_can_guess_or_confuse(world: Collaborators) -> None:
    offer_id = an_offer()
    orders = [the_order(a_paid_order(world, {offer_id: 1})) for _ in range(5)]

    assert len({order.reference for order in orders} | {order.token for order in orders}) == 10
    assert db.session.scalar(select(func.count()).select_from(Order)) == 5
