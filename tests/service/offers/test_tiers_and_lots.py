"""A lower price for larger orders and the least that a seller sells, wherever a buyer meets them."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest

from app.calculator.queries import purchases
from app.checkout.errors import TotalAboveMaximum, TotalBelowMinimum
from app.checkout.queries import total_problem
from app.kernel.money import Money
from app.offers.models import Offer
from app.offers.tiers import least_units, levels, most_units, price_at
from app.selling import service as selling
from app.selling.terms import Terms
from tests.builders import NOW, a_basket, change_offer, place, the_offer, the_order
from tests.pages import Page
from tests.people import Actor
from tests.service.conftest import Shop

TIERS = [[100, 200], [500, 150]]


@pytest.mark.parametrize(("units", "price"), [(1, 250), (99, 250), (100, 200), (499, 200), (500, 150), (10**9, 150)])
def test_the_price_of_a_quantity_is_the_lowest_that_it_reaches(units: int, price: int) -> None:
    assert price_at(250, TIERS, units) == price
    assert Offer(unit_price=250, tiers=TIERS, currency="USD").price_for(units) == Money(price, "USD")


def test_a_tier_that_is_not_cheaper_is_no_level() -> None:
    assert levels(150, TIERS) == [(1, 150)]
    assert levels(200, TIERS) == [(1, 200), (500, 150)]


@pytest.mark.parametrize("amount", [1, 50, 249, 250, 19_999, 20_000, 24_749, 24_750, 24_751, 74_999, 75_000, 99_801])
def test_the_fewest_and_the_most_units_for_an_amount_are_those_that_trying_all_finds(amount: int) -> None:
    costs = {units: units * price_at(250, TIERS, units) for units in range(1, 800)}

    assert least_units(levels(250, TIERS), amount) == min(units for units, cost in costs.items() if cost >= amount)
    assert most_units(levels(250, TIERS), amount) == max(
        (units for units, cost in costs.items() if cost <= amount), default=0
    )


def test_an_order_freezes_the_price_of_its_tier(shop: Shop) -> None:
    offer_id = shop.offer(units=1_000)
    with shop.inside() as world:
        change_offer(offer_id, tiers=TIERS)
        order = the_order(place(world.settings, a_basket({offer_id: 100})))
        assert [(line.units, line.unit_price, line.amount) for line in order.lines] == [(100, 200, 20_000)]
        assert order.total == 20_000


def test_the_basket_shows_the_price_of_the_tier_and_the_review_asks_for_it(shop: Shop) -> None:
    offer_id, visitor = shop.offer(units=1_000), shop.visitor()
    with shop.inside():
        change_offer(offer_id, tiers=TIERS)

    review = shop.at_review(visitor, {offer_id: 500})

    form = review.form("/checkout/review")
    assert form.fields["expected_total"] == "75000"
    assert form.fields["shown"] == f"{offer_id}-500-150"
    assert "USD 1.50" in visitor.get("/en/basket").words


def test_a_forged_or_old_review_page_orders_nothing(shop: Shop) -> None:
    one, two, visitor = shop.offer(number=1), shop.offer(number=2), shop.visitor()
    review = shop.at_review(visitor, {one: 1, two: 1})
    with shop.inside():
        change_offer(one, unit_price=240, price_version=2)
        change_offer(two, unit_price=260, price_version=2)

    told = Page(visitor.send(review, "/checkout/review", 409, consent="y").text)

    assert "The seller changed the price while you were here." in told.words
    for forged in ("", "x", "1-2", f"{one}-1-250 {two}-1-x"):
        visitor.send(told, "/checkout/review", 409, consent="y", shown=forged)
    with shop.inside():
        assert the_offer(one).units_reserved == 0
    visitor.send(told, "/checkout/review", 303, consent="y")


def test_less_than_the_seller_sells_is_refused_beside_the_field_with_the_least(shop: Shop) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    with shop.inside():
        change_offer(offer_id, minimum_units=20)
    page = shop.project_page(visitor, offer_id)
    assert "20 units" in page.words

    refused = Page(visitor.send(page, "/basket/add", 422, units="19").text)

    assert "The seller sells at least 20 units at a time. Enter 20 or more." in refused.words
    shop.fill_basket(visitor, {offer_id: 20})
    basket = visitor.get("/en/basket")
    told = Page(visitor.send(basket, "/en/basket", 422, fields={f"units-{offer_id}": "3"}).text)
    assert "at least 20 units at a time" in told.words


def test_what_is_left_can_be_bought_even_if_it_is_less_than_the_minimum(shop: Shop) -> None:
    offer_id = shop.offer(units=30)
    with shop.inside() as world:
        change_offer(offer_id, minimum_units=20)
        place(world.settings, a_basket({offer_id: 25}))
        assert place(world.settings, a_basket({offer_id: 5}))
        assert the_offer(offer_id).units_left == 0


def test_the_offer_card_shows_tiers_lot_expiry_and_the_sellers_words(shop: Shop) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    with shop.inside():
        texts = {"en": "Wind in the steppe", "fr": "Du vent dans la steppe"}
        change_offer(offer_id, tiers=TIERS, minimum_units=5, expires_at=NOW + timedelta(days=9), texts=texts)

    page = shop.project_page(visitor, offer_id)

    for words in (
        "from 100 units",
        "USD 2.00 a unit",
        "On offer until",
        "Sold in lots of at least",
        "Wind in the steppe",
    ):
        assert words in page.words
    assert 'data-tiers="100:200 500:150"' in page.html
    assert "/en/sellers/seller" in page.links
    assert "Du vent dans la steppe" in visitor.get("/fr/projects/IN-1").html
    assert '<p class="wrap-lines" lang="en" dir="auto">Wind in the steppe' in visitor.get("/es/projects/IN-1").html


def test_the_price_history_has_the_tiers_in_table_chart_and_file(shop: Shop) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    with shop.inside() as world:
        seller = Actor(None, "seller@a.example")
        selling.change(offer_id, 900, Terms(300, tiers=((100, 280),)), seller, world.registries.holdings, NOW)

    page = shop.project_page(visitor, offer_id)

    assert "from 100 units: USD 2.80" in page.words
    assert "in the largest orders" in page.words
    rows = list(csv.DictReader(io.StringIO(visitor.client.get("/en/projects/IN-1/prices.csv").text)))
    assert [(row["from_units"], row["unit_price"]) for row in rows] == [("1", "3.00"), ("100", "2.80")]


def test_the_calculator_finds_what_a_budget_buys_at_the_price_of_a_tier(shop: Shop) -> None:
    offer_id = shop.offer(units=1_000)
    with shop.inside():
        change_offer(offer_id, tiers=TIERS, minimum_units=50)

        found = purchases(Money(20_000, "USD"), 50)
        assert [(row.units, row.price.minor, row.rest.minor) for row in found.rows] == [(100, 200, 0)]
        assert purchases(Money(5_000, "USD"), 50).rows == ()


def test_the_number_offered_when_a_total_is_too_small_or_too_large_knows_the_tiers(shop: Shop) -> None:
    settings = shop.world.settings
    offer = Offer(id=1, unit_price=40, tiers=[[2, 39]], currency="USD", minimum_units=1, units_offered=10**9)
    small = total_problem([(offer, 1)], settings)
    assert isinstance(small, TotalBelowMinimum)
    assert small.facts["units"] == 2

    large = total_problem([(offer, 10**8)], settings)
    assert isinstance(large, TotalAboveMaximum)
    assert large.facts["units"] == settings.payment_maximum // 39
    offer.minimum_units = 10**8
    lot = total_problem([(offer, 10**8)], settings)
    assert lot is not None
    assert lot.facts["units"] == 0


def test_a_draft_that_was_taken_back_leaves_no_trace_on_the_projects_page(shop: Shop) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    with shop.inside():
        facts = the_offer(offer_id)
        seller = Actor(None, "seller@a.example")
        draft = selling.draw_up(facts.provider_id, facts.issuance_id, facts.account, 5, Terms(250), seller, NOW)
        selling.withdraw(draft, seller, NOW)
        change_offer(offer_id, state="draft")

    assert "Never on offer here" in visitor.get("/en/projects/IN-1").words
