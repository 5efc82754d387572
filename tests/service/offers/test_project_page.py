"""The project page: what is known, what is for sale, what happened, as a visitor reads it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select, update

from app.catalog import book, left_out
from app.catalog.cancellation_importer import import_cancellations
from app.catalog.importer import import_projects
from app.checkout.pricing import alone
from app.current import settings
from app.db import db, transaction
from app.kernel.money import Money
from app.offers.comparison import compare
from app.offers.drawings import draw
from app.offers.history import PriceLine, PricePoint, price_lines
from app.offers.listing import listing
from app.offers.models import Offer, OfferPrice
from app.offers.places import places
from app.offers.price_file import price_file
from app.offers.queries import get_project_page
from app.offers.selection import Filters
from app.offers.states import OfferState, Standing
from app.registry.models import RegistryAccount
from tests.pages import Page
from tests.service.conftest import Shop
from tests.service.worlds import CANCELLATIONS, NOW, OFFERS, PROJECTS, load_small_world, offers


@pytest.fixture
def small_world(context: Flask) -> None:
    load_small_world()
    import_cancellations(CANCELLATIONS, now=NOW)


def change(*codes: str, **values: Any) -> None:
    with transaction() as session:
        session.execute(update(Offer).where(Offer.code.in_(codes)).values(**values))


def change_in(shop: Shop, code: str, **values: Any) -> None:
    with shop.inside():
        change(code, **values)


def page_of(client: FlaskClient, reference: str, query: str = "", language: str = "en") -> Page:
    answer = client.get(f"/{language}/projects/{reference}{query}")
    assert answer.status_code == 200
    return Page(answer.text)


def test_offers_in_a_currency_that_the_house_gave_up_are_shown_and_not_for_sale(
    small_world: None, client: FlaskClient
) -> None:
    change("MN-5977-1", currency="JPY")

    page = get_project_page("MN-5977", 50)

    assert [offer.is_for_sale for offer in page.offers] == [True, False]
    assert page.from_price == Money(38, "USD")
    page_of(client, "MN-5977")
    assert client.get("/en/compare?p=MN-5977&p=MW-9933").status_code == 200


def test_units_whose_registry_is_not_connected_are_shown_and_not_for_sale_anywhere(
    small_world: None, client: FlaskClient
) -> None:
    with transaction() as session:
        provider_id = session.scalars(select(Offer.provider_id)).first()
        session.add(RegistryAccount(identifier="C-1", registry_code="closed", provider_id=provider_id, holder="Seller"))
    change("MN-5977-1", "MN-5977-2", account="C-1")

    page = get_project_page("MN-5977", 50)

    assert (page.state, page.units_left, page.from_price) == ("held", 0, None)
    assert [offer.is_for_sale for offer in page.offers] == [False, False]
    shown = page_of(client, "MN-5977")
    assert "Not for sale at the moment" in shown.words
    assert not [form for form in shown.forms if "offer_id" in form.fields]
    assert "MN" not in [country.code for region in places() for country in region.countries]
    assert [column.units_left for column in compare(["MN-5977"], 50, NOW.date())] == [0]
    row = next(row for row in listing(Filters()).rows if row.reference == "MN-5977")
    assert (row.units_left, row.from_price, row.standing) == (0, None, Standing.HELD)


# What happened


def test_issued_and_cancelled_units_are_counted_by_year_and_channel(small_world: None) -> None:
    page = get_project_page("MN-5977", 50)
    years = {year.year: (year.issued, dict(year.cancelled)) for year in page.history.years}
    nothing = {"registry": 0, "platform": 0, "exchange": 0, "here": 0}
    unknown = None  # the small world has no day until which issuances are known

    assert years == {
        2014: (3000, nothing),
        2015: (unknown, nothing | {"registry": 10}),
        2016: (unknown, nothing),
        2017: (unknown, nothing | {"registry": 20, "platform": 5}),
    }
    assert [(part.units, part.channel) for part in page.history.sums] == [(700, "platform")]
    assert (page.history.issued, page.history.cancelled) == (3000, 735)
    assert page.listed_until is not None
    assert page.listed_until.isoformat() == "2017-09-22"


def test_the_drawing_and_its_table_say_the_same_with_source_and_day(small_world: None, client: FlaskClient) -> None:
    page = page_of(client, "MN-5977")

    assert "3,000 CERs issued, by year" in page.words
    assert "735 CERs known to be cancelled, by year; the year of 700 of them is unknown" in page.words
    assert "Units issued in each year from 2014 to 2017" in page.words
    assert "Its list of cancellations reaches until 22 September 2017." in page.words
    assert "700 CERs cancelled between 23 September 2017 and 30 November 2023" in page.words
    assert "On the platform of the United Nations" in page.words
    for row in (
        "2014 3,000 0 0",
        "2015 unknown 10 0",
        "2017 unknown 20 until 22 September 2017 5 until 22 September 2017",
    ):
        assert row in page.words
    assert "?unknown, or not known for the whole year" in page.words
    assert page.html.count('role="img"') == 4  # map, issued, cancelled, prices


def test_what_a_source_does_not_cover_is_unknown_and_not_nought(shop: Shop) -> None:
    offer_id = shop.offer(units=1_000)
    with shop.inside():
        header = "reference,title,kind,project_type,host_parties,region,is_least_developed,facts_on"
        row = "IN-1,Wind power,PA,Wind,IN,Asia and the Pacific,no,2023-11-30"
        import_projects(f"{header}\n{row}", now=shop.clock.now())
    shop.finished_order({offer_id: 12})

    with shop.inside():
        years = {year.year: year for year in get_project_page("IN-1", 50).history.years}
    assert (years[2022].issued, years[2022].issued_until) == (0, None)
    assert (years[2023].issued, years[2023].issued_until) == (0, date(2023, 11, 30))
    assert years[2024].issued is None
    assert years[2026].cancelled == {"registry": None, "platform": None, "exchange": None, "here": 12}
    words = shop.visitor().get("/en/projects/IN-1").words
    assert "2023 0 until 30 November 2023 0" in words
    assert "2026 unknown 12" in words


def test_an_issuance_without_a_monitoring_period_is_named_and_counted(
    small_world: None, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "left_out.csv"
    header = "project,unit_type,originating_party,serial_first,serial_last,completed_on"
    # The second one has come with its monitoring period since.
    file.write_text(f"{header}\nMN-5977,CER,MN,5001,5100,2016-11-17\nMN-5977,CER,MN,1001,3000,2014-01-01\n", "utf-8")
    monkeypatch.setattr(left_out, "FILE", file)
    left_out._read.cache_clear()  # noqa: SLF001 - read anew for this test
    try:
        page = page_of(client, "MN-5977")
        compared = Page(client.get("/en/compare?p=MN-5977").text)
    finally:
        left_out._read.cache_clear()  # noqa: SLF001 - read anew for this test

    assert "3,100 CERs issued, by year" in page.words
    assert "All 2 issuances whose monitoring period is known" in page.words
    assert "100 CERs, issued on 17 November 2016." in page.words.replace("\u00a0", " ")
    assert page.words.count("One more issuance is not listed") == 1
    assert "Units issued so far 3,100" in compared.words


def test_the_issuance_that_the_registrys_list_gives_no_period_of_is_the_one_that_is_left_out() -> None:
    (issuance,) = left_out.left_out("SV-297", [])

    assert (issuance.units, issuance.completed_on) == (119_311, date(2023, 11, 17))
    assert left_out.left_out("SV-297", [("SV", 3_052_255)]) == ()
    assert left_out.left_out("MN-5977", []) == ()


def test_a_project_that_nothing_is_known_of_says_so(small_world: None, client: FlaskClient) -> None:
    import_projects(PROJECTS.splitlines()[0] + "\nRW-7,A new one,PA,Wind,RW,Africa,yes,,\n", now=NOW)
    words = page_of(client, "RW-7").words

    assert "No issuance and no cancellation of this project is known to us." in words
    assert "Units of this project have never had a price here." in words
    assert "Never on offer here" in words
    assert "The date of the facts is unknown." in words


def test_a_project_without_cancellations_says_so(small_world: None, client: FlaskClient) -> None:
    assert "No cancellation of units of this project is known to us." in page_of(client, "MW-9933").words


def test_without_a_list_of_the_registry_the_page_says_that_there_is_none(context: Flask, client: FlaskClient) -> None:
    load_small_world()

    assert "No list of its cancellations has been loaded" in page_of(client, "MN-5977").words


def test_what_was_cancelled_here_is_a_series_of_its_own_and_confirms_the_holding(shop: Shop) -> None:
    offer_id = shop.offer(units=1_000)
    before = shop.clock.now()
    with shop.inside():
        assert get_project_page("IN-1", 50).offers[0].confirmed_at is None
    shop.clock.advance(timedelta(days=1))
    shop.finished_order({offer_id: 12})

    with shop.inside():
        page = get_project_page("IN-1", 50)
        assert page.history.years[-1].cancelled["here"] == 12
        assert page.history.years[-1].year == 2026
        confirmed_at = page.offers[0].confirmed_at
        assert confirmed_at is not None
        assert confirmed_at >= before + timedelta(days=1)
    words = shop.visitor().get("/en/projects/IN-1").words
    assert "12 CERs known to be cancelled, by year" in words
    assert "Here (demonstration: not cancelled in any UN registry)" in words


def test_what_the_registrys_list_covers_already_is_not_counted_again(shop: Shop) -> None:
    offer_id = shop.offer(units=1_000)
    shop.finished_order({offer_id: 12})
    with shop.inside():
        rows = "IN-1,registry,CER,2,IN,1000000,1000011,12,,2026-11-22T10:00:00Z,2026-11-22"
        import_cancellations(
            "\n".join([CANCELLATIONS.splitlines()[0], rows]), now=shop.clock.now() + timedelta(hours=1)
        )
        history = get_project_page("IN-1", 50).history

    assert history.years[-1].cancelled == {"registry": 12, "platform": 0, "exchange": 0, "here": 0}
    assert history.cancelled == 12


# Offers


def test_an_offer_says_when_the_registry_confirmed_what_it_is_of(
    context: Flask, client: FlaskClient, clock: Any
) -> None:
    load_small_world()
    confirmed = clock.now()
    page = get_project_page("MN-5977", 50)

    assert [offer.confirmed_at for offer in page.offers] == [confirmed, confirmed]
    assert "Holding confirmed by the registry" in page_of(client, "MN-5977").words
    clock.advance(timedelta(hours=2))
    offers(OFFERS.replace("0.38", "0.40"), NOW + timedelta(hours=2))
    assert {offer.confirmed_at for offer in get_project_page("MN-5977", 50).offers} == {confirmed}
    offers(OFFERS.replace("0.38", "0.40").replace(",150,", ",160,"), NOW + timedelta(hours=3))
    again = {offer.code: offer.confirmed_at for offer in get_project_page("MN-5977", 50).offers}
    assert again == {"MN-5977-1": confirmed + timedelta(hours=2), "MN-5977-2": confirmed}


def test_an_offer_of_before_that_nobody_confirmed_says_unknown(small_world: None, client: FlaskClient) -> None:
    change("MW-9933-1", holding_confirmed_at=None)

    assert "Holding confirmed by the registryunknown" in page_of(client, "MW-9933").words


def test_a_link_can_say_how_many_units(small_world: None, client: FlaskClient) -> None:
    for query, value in {
        "?units=12": "12",
        "?units=1000000000": "1000000000",
        "?units=1000000001": "1",
        "?units=0": "1",
        "?units=1.5": "1",
        "?units=-3": "1",
        "?units=٣": "1",
        "?units=12345678901": "1",
        "?units=": "1",
        "": "1",
    }.items():
        page = page_of(client, "MW-9933", query)
        field = next(field for field in page.by_id.values() if field.get("name") == "units")
        assert field["value"] == value, query


def test_the_price_of_the_smallest_order_is_split_to_the_cent(small_world: None, client: FlaskClient) -> None:
    split = alone(Money(38, "USD"), 2, "Salkhit Wind LLC", settings())

    assert split.total == Money(76, "USD")
    assert split.seller + split.payment_cost + split.tax + split.platform_fee == split.total
    words = page_of(client, "MN-5977").words
    assert "An order of 2\u00a0CERs and nothing else" in words.replace("2 CERs", "2\u00a0CERs")
    assert f"{split.seller.decimal}" in words
    assert "Cost of the payment, borne by the seller" in words


@pytest.mark.parametrize(
    ("values", "state", "words"),
    [
        ({"state": OfferState.SOLD_OUT, "units_settled": 100}, "sold_out", "Sold out"),
        (
            {"state": OfferState.SOLD_OUT, "units_settled": 40, "units_reserved": 60},
            "reserved",
            "All units are held for other buyers at the moment. They come back if those do not pay.",
        ),
        ({"state": OfferState.PAUSED, "units_reserved": 100}, "held", "Not for sale at the moment"),
        ({"state": OfferState.PAUSED}, "held", "Not for sale at the moment"),
        ({"state": OfferState.FROZEN}, "held", "Not for sale at the moment"),
        ({"state": OfferState.WITHDRAWN}, "withdrawn", "Withdrawn"),
        ({"state": OfferState.EXPIRED}, "withdrawn", "Withdrawn"),
        ({"state": OfferState.DRAFT}, "never", "Never on offer here"),
    ],
)
def test_a_project_that_is_not_for_sale_keeps_its_page_and_says_why(
    small_world: None, client: FlaskClient, values: dict[str, Any], state: str, words: str
) -> None:
    change("MW-9933-1", **values)
    page = page_of(client, "MW-9933")

    assert get_project_page("MW-9933", 50).state == state
    assert words in page.words
    assert "100 CERs issued, by year" in page.words
    assert [form.action for form in page.forms] == ["/en/compare"]


def test_units_held_for_others_are_not_called_sold(shop: Shop) -> None:
    offer_id = shop.offer(units=10)
    change_in(shop, "offer-1", state=OfferState.SOLD_OUT, units_reserved=10)

    visitor = shop.visitor()
    page, listed = visitor.get("/en/projects/IN-1"), visitor.get("/en/")
    for words in (page.words, listed.words):
        assert "Held for other buyers" in words
        assert "Sold out" not in words
    answer = visitor.client.post("/en/basket/add", data={"offer_id": offer_id, "units": "1"}, follow_redirects=True)
    assert "All units of this offer are held for other buyers at the moment." in answer.text

    change_in(shop, "offer-1", units_reserved=0, units_settled=10)
    page, listed = visitor.get("/en/projects/IN-1"), visitor.get("/en/")
    for words in (page.words, listed.words):
        assert "Sold out" in words
        assert "Held for other buyers" not in words


def test_an_offer_that_is_frozen_before_its_opening_is_seen_by_nobody(shop: Shop) -> None:
    shop.offer(number=1)
    unopened = shop.offer(number=2, price=777)
    opens_at = shop.clock.now() + timedelta(days=1)
    change_in(shop, "offer-2", state=OfferState.FROZEN, opens_at=opens_at, texts={"en": "From the Salkhit hills."})
    visitor = shop.visitor()

    page = shop.project_page(visitor, unopened)
    assert [word for word in ("7.77", "Salkhit", "not on sale at the moment") if word in page.words] == []
    assert "Wind power project number 2" not in visitor.get("/en/").words

    shop.clock.advance(timedelta(days=2))
    assert "7.77" in shop.project_page(visitor, unopened).words


def test_a_sold_out_project_keeps_its_past_cancellations(small_world: None, client: FlaskClient) -> None:
    change("MN-5977-1", state=OfferState.WITHDRAWN)
    change("MN-5977-2", state=OfferState.EXPIRED)

    words = page_of(client, "MN-5977").words
    assert "735 CERs known to be cancelled, by year" in words
    assert "Withdrawn" in words
    assert "Price of one unit in USD since" in words


def test_every_issuance_is_listed_and_those_on_offer_lead_to_their_offer(
    small_world: None, client: FlaskClient
) -> None:
    page = page_of(client, "MN-5977")
    rows = get_project_page("MN-5977", 50).issuances

    assert [(row.serial_first, row.units, len(row.offer_ids)) for row in rows] == [(1001, 2000, 1), (1, 1000, 1)]
    assert all(f"#offer-{row.offer_ids[0]}" in page.links and f"offer-{row.offer_ids[0]}" in page.by_id for row in rows)
    assert "GH" not in page.words
    other = page_of(client, "GH-8438")
    assert "1 July 2018 to 30 June 2019" in other.words
    assert "KE 7000 to 7999" in other.words.replace("KE\u00a07000", "KE 7000")


# Quality facts


def test_quality_facts_have_source_and_date_or_say_unknown(small_world: None, client: FlaskClient) -> None:
    header = PROJECTS.splitlines()[0] + ",methodologies,facts_on"
    row = "MN-5977,Salkhit Wind Farm,PA,Wind,MN,Asia and the Pacific,no,1,https://cdm.unfccc.int/p"
    import_projects(f"{header}\n{row},ACM0002 version 12.1,2023-11-30\n", now=NOW)
    words = page_of(client, "MN-5977").words

    assert "ACM0002 version 12.1 Not approved for the CCP label" in words
    assert "6 August 2024" in words
    assert "The New Humanitarian and Mongabay, 13 September 2023" in words
    assert "The monitoring periods on offer ended between 12 and 13 years ago." in words
    assert "Corresponding adjustmentunknown" in words
    assert "Deregistrationunknown" in words
    assert "as published until 30 November 2023" in words
    stoves = page_of(client, "MW-9933").words
    assert "We found none of projects of this kind in our sources." in stoves
    assert "The monitoring period ended 10 years ago." in stoves
    assert "score" in words
    assert "★" not in words


@pytest.mark.parametrize("language", ["fr", "es"])
def test_the_page_speaks_french_and_spanish(small_world: None, client: FlaskClient, language: str) -> None:
    words = page_of(client, "MN-5977", language=language).words

    assert {"fr": "Faits sur la qualité", "es": "Datos sobre la calidad"}[language] in words
    assert "Quality facts" not in words


# Prices


def test_every_price_is_in_the_drawing_the_table_and_the_file(small_world: None, client: FlaskClient) -> None:
    offers(OFFERS.replace("0.38", "0.77"), NOW + timedelta(days=2))
    page = page_of(client, "MN-5977")
    answer = client.get("/en/projects/MN-5977/prices.csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))

    for price in ("USD 1.20", "USD 0.38", "USD 0.77"):
        assert price in page.words.replace("\u00a0", " ")
    assert "/en/projects/MN-5977/prices.csv" in page.links
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert [(row["offer"], row["unit_price"], row["currency"], row["valid_from"]) for row in rows] == [
        ("MN-5977-1", "1.20", "USD", "2026-11-22T12:00:00Z"),
        ("MN-5977-2", "0.38", "USD", "2026-11-22T12:00:00Z"),
        ("MN-5977-2", "0.77", "USD", "2026-11-24T12:00:00Z"),
    ]
    assert all("demonstration" in row["demonstration"] for row in rows)
    assert client.get("/en/projects/MN-1/prices.csv").status_code == 404


def test_prices_in_a_currency_that_the_house_gave_up_are_listed_and_not_drawn_on_the_scale_of_another(
    small_world: None, client: FlaskClient
) -> None:
    with transaction() as session:
        session.execute(update(Offer).where(Offer.code == "MN-5977-1").values(currency="JPY"))
        session.execute(
            update(OfferPrice)
            .where(OfferPrice.offer_id == select(Offer.id).where(Offer.code == "MN-5977-1").scalar_subquery())
            .values(currency="JPY", unit_price=120)
        )
    page = page_of(client, "MN-5977")

    assert "Price of one unit in USD since" in page.words
    assert "JPY 120" in page.words.replace("\u00a0", " "), "the table has every price in its own currency"
    drawings = draw(get_project_page("MN-5977", 50).history, NOW, "USD")
    assert [line.code for line in drawings.price_lines] == ["MN-5977-2"]
    assert drawings.prices is not None
    assert len(drawings.prices.lines) == 1
    change_prices = update(OfferPrice).values(currency="JPY")
    with transaction() as session:
        session.execute(change_prices)
    old = page_of(client, "MN-5977")
    assert "Every price of every offer" in old.words
    assert "never had a price" not in old.words


def test_a_cell_of_the_price_file_is_never_a_formula(make_app: Callable[..., Flask]) -> None:
    with make_app().test_request_context("/en/"):
        text = price_file("=1+1", [])
        assert text.count("\r\n") == 1
        at = datetime(2026, 1, 1, tzinfo=UTC)
        text = price_file("=1+1", [PriceLine(1, "@A", at.date(), at.date(), (PricePoint(at, Money(38, "USD")),))])
        assert "'=1+1,'@A," in text


def test_a_real_shop_says_nothing_of_a_demonstration_in_the_file(
    small_world: None, make_app: Callable[..., Flask]
) -> None:
    lines = price_lines(get_project_page("MN-5977", 50).project.id)
    real = make_app(
        PAYMENT_GATEWAY="stripe",
        STRIPE_SECRET_KEY="sk_live_x",
        STRIPE_WEBHOOK_SECRETS="whsec_x",
        REGISTRY_OF_RECORD_NAME="Registry Ltd",
    )
    with real.test_request_context("/en/"):
        assert price_file("MN-5977", lines).splitlines()[1].endswith(",USD,")


# Speed


def test_the_page_needs_three_queries_however_much_is_known(small_world: None) -> None:
    seen: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.lstrip().upper().startswith("SELECT"):
            seen.append(statement)

    book.contents()  # the words of units are read once in a minute
    db.session.remove()
    event.listen(db.engine, "before_cursor_execute", note)
    try:
        get_project_page("MN-5977", 50)
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    assert len(seen) == 3
