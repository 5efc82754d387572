"""The list of projects and the project page, as visitors get them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, update

from app.catalog import book
from app.catalog.queries import find_project
from app.current import settings
from app.db import db, transaction
from app.kernel.money import Money
from app.offers.listing import catalogue
from app.offers.models import Offer
from app.offers.queries import find_project_of_offer, get_project_page, project_page
from app.offers.states import OfferState
from app.offers.views import render_project
from tests.service.worlds import NOW, OFFERS, load_small_world, offers


@pytest.fixture
def small_world(context: Flask) -> None:
    load_small_world()


def change(code: str, **values: Any) -> None:
    with transaction() as session:
        session.execute(update(Offer).where(Offer.code == code).values(**values))


@contextmanager
def statements() -> Iterator[list[str]]:
    """The SELECTs sent to the database meanwhile."""
    seen: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.lstrip().upper().startswith("SELECT"):
            seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def test_the_list_has_each_project_once_with_its_lowest_price_and_all_units_left(small_world: None) -> None:
    listed = catalogue()

    assert [row.reference for row in listed.rows] == ["MW-9933", "MN-5977"]
    wind = listed.rows[1]
    assert (wind.title, wind.kind, wind.project_type) == ("Salkhit Wind Farm", "PA", "Wind")
    assert (wind.region, wind.host_parties, wind.unit_type) == ("Asia and the Pacific", ("MN",), "CER")
    assert (wind.from_price, wind.units_left, wind.offers) == (Money(38, "USD"), 150 + 1960, 2)
    assert (wind.first_year, wind.last_year) == (2012, 2014)
    assert listed.units_on_offer == 150 + 1960 + 100
    assert (listed.price_low, listed.price_high) == (Money(38, "USD"), Money(850, "USD"))


def test_a_project_without_offers_is_not_listed_and_still_has_a_page(small_world: None) -> None:
    assert "GH-8438" not in [row.reference for row in catalogue().rows]
    page = project_page("GH-8438", 50)
    assert page is not None
    assert (page.offers, page.units_left, page.from_price) == ((), 0, None)


def test_reserved_and_sold_units_are_not_left(small_world: None) -> None:
    change("MN-5977-1", units_reserved=100, units_settled=49)

    assert catalogue().rows[1].units_left == 1 + 1960
    page = project_page("MN-5977", 50)
    assert page is not None
    assert {offer.code: offer.units_left for offer in page.offers} == {"MN-5977-1": 1, "MN-5977-2": 1960}


def test_a_sold_out_project_stands_last_without_a_price(small_world: None) -> None:
    change("MW-9933-1", units_settled=100, state=OfferState.SOLD_OUT)

    row = catalogue().rows[-1]
    assert (row.reference, row.from_price, row.units_left, row.offers) == ("MW-9933", None, 0, 0)
    assert catalogue().price_high == Money(120, "USD")


@pytest.mark.parametrize("state", [OfferState.PAUSED, OfferState.FROZEN])
def test_an_offer_that_is_held_back_is_shown_and_not_for_sale(small_world: None, state: OfferState) -> None:
    change("MN-5977-2", state=state)

    page = project_page("MN-5977", 50)
    assert page is not None
    assert [(offer.code, offer.is_for_sale) for offer in page.offers] == [("MN-5977-1", True), ("MN-5977-2", False)]
    assert (page.units_left, page.from_price) == (150, Money(120, "USD"))
    assert catalogue().rows[1].from_price == Money(120, "USD")


@pytest.mark.parametrize("state", [OfferState.DRAFT, OfferState.WITHDRAWN, OfferState.EXPIRED])
def test_an_offer_that_is_not_public_is_nowhere(small_world: None, state: OfferState) -> None:
    change("MW-9933-1", state=state)

    assert [row.reference for row in catalogue().rows] == ["MN-5977"]
    page = project_page("MW-9933", 50)
    assert page is not None
    assert page.offers == ()


def test_an_empty_shop_has_no_price_range(context: Flask) -> None:
    assert catalogue().rows == ()
    assert (catalogue().units_on_offer, catalogue().price_low, catalogue().price_high) == (0, None, None)


def test_an_offer_names_its_issuance_its_periods_and_its_seller(small_world: None) -> None:
    page = project_page("MN-5977", 50)
    assert page is not None
    newest, oldest = page.offers

    assert (newest.commitment_period, newest.serial_first, newest.serial_last) == (2, 1001, 3000)
    assert (oldest.commitment_period, oldest.originating_party, oldest.unit_type) == (1, "MN", "CER")
    assert (oldest.monitoring_starts_on.isoformat(), oldest.monitoring_ends_on.isoformat()) == (
        "2012-06-24", "2012-12-31",
    )  # fmt: skip
    assert oldest.issued_at.isoformat() == "2014-07-18T06:30:44+00:00"
    assert (oldest.provider_name, oldest.provider_is_demonstration) == ("Salkhit Wind LLC", False)
    assert (newest.price, newest.minimum_units, oldest.minimum_units) == (Money(38, "USD"), 2, 1)


def test_the_list_needs_two_queries_however_many_projects_there_are(small_world: None) -> None:
    book.contents()  # the words of units are read once in a minute
    db.session.remove()
    with statements() as seen:
        catalogue()
    assert len(seen) == 2


def test_the_offer_of_a_wrong_quantity_leads_back_to_its_project(small_world: None) -> None:
    page = project_page("MW-9933", 50)
    assert page is not None
    assert find_project_of_offer(page.offers[0].id) == "MW-9933"
    assert find_project_of_offer(9_999) is None


def test_a_project_is_found_however_its_reference_is_typed(small_world: None) -> None:
    assert find_project(" mn-5977 ") is not None
    assert find_project("MN-1") is None
    assert project_page("MN-1", 50) is None
    assert get_project_page("mn-5977", 50).project.reference == "MN-5977"
    with pytest.raises(LookupError):
        get_project_page("MN-1", 50)


@pytest.mark.parametrize("language", ["en", "fr", "es"])
def test_the_list_is_a_page_in_every_language(small_world: None, client: FlaskClient, language: str) -> None:
    answer = client.get(f"/{language}/")

    assert answer.status_code == 200
    assert "Salkhit Wind Farm" in answer.text
    assert f"/{language}/projects/MN-5977" in answer.text
    assert "0.38" in answer.text or "0,38" in answer.text


def test_a_price_or_a_sale_is_on_the_pages_at_once(small_world: None, client: FlaskClient) -> None:
    client.get("/en/")
    offers(OFFERS.replace("0.38", "0.77"), NOW + timedelta(seconds=1))
    change("MN-5977-2", units_settled=1_951)

    for address in ("/en/", "/en/projects/MN-5977"):
        answer = client.get(address)
        assert "0.77" in answer.text
        assert "no-cache" in answer.headers["Cache-Control"] or "no-store" in answer.headers["Cache-Control"]
    assert "9 left" in client.get("/en/projects/MN-5977").text


def test_a_reference_in_small_letters_is_sent_to_the_one_address(small_world: None, client: FlaskClient) -> None:
    answer = client.get("/fr/projects/mn-5977")

    assert answer.status_code == 301
    assert answer.headers["Location"] == "/fr/projects/MN-5977"


def test_an_unknown_project_is_not_found(small_world: None, client: FlaskClient) -> None:
    assert client.get("/en/projects/MN-1").status_code == 404
    assert client.get("/en/projects/%00").status_code == 404


def test_the_project_page_shows_offers_and_facts(small_world: None, client: FlaskClient) -> None:
    text = client.get("/en/projects/MW-9933").text

    assert "Improved Cook Stove Project 1" in text
    assert "Malawi" in text
    assert "8.50" in text
    assert "100 left" in text


def test_an_error_stands_at_its_offer_with_what_was_typed(small_world: None, app: Flask) -> None:
    with app.test_request_context("/en/basket/add", method="POST"):
        page = project_page("MN-5977", settings().payment_minimum)
        assert page is not None
        html = render_project(page, error_offer_id=page.offers[1].id, error="Only 150 are left.", typed="151")

    assert "Only 150 are left." in html
    assert 'value="151"' in html
    # The language switch leads to the page shown, not to the form's address.
    assert 'href="/fr/projects/MN-5977' in html
