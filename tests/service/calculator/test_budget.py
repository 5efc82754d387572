"""What an amount of money buys of what is on offer."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from app.calculator import queries
from app.calculator.queries import Purchase, purchases
from app.db import transaction
from app.kernel.money import Money
from app.offers.models import Offer
from app.offers.states import OfferState
from tests.service.conftest import Shop
from tests.service.worlds import load_small_world

AT = "/en/how-many-tonnes/budget"


@pytest.fixture
def small_world(context: Flask) -> None:
    load_small_world()


def change(code: str, **values: Any) -> None:
    with transaction() as session:
        session.execute(update(Offer).where(Offer.code == code).values(**values))


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def bought(minor: int, minimum: int = 50) -> dict[str, Purchase]:
    return {row.reference: row for row in purchases(usd(minor), minimum).rows}


def test_a_budget_buys_whole_units_of_each_project_and_the_rest_is_shown(small_world: None) -> None:
    found = bought(2_000)

    assert list(found) == ["MN-5977", "MW-9933"]  # the lowest price first
    wind, stoves = found.values()
    assert (wind.price, wind.units, wind.cost, wind.rest) == (usd(38), 52, usd(1976), usd(24))
    assert (stoves.price, stoves.units, stoves.cost, stoves.rest) == (usd(850), 2, usd(1700), usd(300))
    assert not wind.is_all


def test_for_any_budget_cost_and_rest_are_the_budget_and_one_unit_more_would_not_fit(small_world: None) -> None:
    for minor in (50, 76, 119, 120, 850, 12_345, 74_480, 10_000_000):
        for row in bought(minor).values():
            assert row.cost + row.rest == usd(minor)
            assert row.units > 0
            assert row.is_all or row.rest < row.price


def test_no_more_units_are_shown_than_are_left_and_the_offer_that_gives_most_is_taken(small_world: None) -> None:
    change("MN-5977-2", units_reserved=1_950)

    wind = bought(2_000)["MN-5977"]
    assert (wind.price, wind.units, wind.is_all) == (usd(120), 16, False)
    change("MN-5977-1", units_settled=141)
    wind = bought(2_000)["MN-5977"]
    assert (wind.price, wind.units, wind.is_all) == (usd(38), 10, True)


def test_what_cannot_be_paid_for_on_its_own_is_not_listed(small_world: None) -> None:
    assert list(bought(60)) == []  # one unit for 0.38 is below the smallest payment
    assert list(bought(60, minimum=38)) == ["MN-5977"]
    assert list(bought(849)) == ["MN-5977"]


@pytest.mark.parametrize("state", [OfferState.PAUSED, OfferState.FROZEN, OfferState.DRAFT, OfferState.WITHDRAWN])
def test_only_what_is_for_sale_now_is_listed(small_world: None, state: OfferState) -> None:
    change("MW-9933-1", state=state)

    assert list(bought(2_000)) == ["MN-5977"]


def test_a_long_list_is_cut_and_says_so(small_world: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "MOST_ROWS", 1)
    found = purchases(usd(2_000), 50)

    assert ([row.reference for row in found.rows], found.count) == (["MN-5977"], 2)
    assert purchases(usd(10), 50).count == 0


def test_the_page_shows_what_a_budget_buys_and_leads_to_the_project_with_the_units(shop: Shop) -> None:
    shop.offer(price=38)
    shop.offer(number=2, price=850)
    page = shop.visitor().get(f"{AT}?amount=20")

    assert "USD 20.00 buys …" in page.words.replace("\u00a0", " ")
    assert [link for link in page.links if "units=" in link] == [
        "/en/projects/IN-1?units=52",
        "/en/projects/IN-2?units=2",
    ]
    assert "USD 0.24" in page.words.replace("\u00a0", " ")
    assert "Nothing is added to it." in page.words


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("", "Enter an amount of money."),
        ("abc", "enter a number in digits"),
        ("0.10", "The smallest payment is USD 0.50"),
        ("999999999", "The largest payment is USD 999,999.99"),
    ],
)
def test_a_budget_that_cannot_be_paid_is_explained_at_its_field(shop: Shop, amount: str, words: str) -> None:
    page = shop.visitor().get(f"{AT}?amount={amount}", 422)

    assert words in page.error_at("amount").replace("\u00a0", " ")
    assert page.form("#result").fields["amount"] == amount


def test_a_currency_without_cents_says_so(make_app: Any) -> None:
    client = make_app(CURRENCY="JPY").test_client()

    assert "JPY has no such small coins." in client.get(f"{AT}?amount=100.5").text
    assert client.get(f"{AT}?amount=100").status_code == 200


def test_a_shop_with_nothing_so_cheap_says_so_and_a_page_without_an_amount_only_asks(shop: Shop) -> None:
    assert "Nothing on offer costs so little at the moment" in shop.visitor().get(f"{AT}?amount=20").words
    assert "result" not in shop.visitor().get(AT).by_id
