"""The list as visitors get it: one address for each question, filters without script, words for every state."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.offers.facets import SORT_LABELS
from app.offers.list_views import _page_numbers
from app.offers.selection import SORTS
from tests.pages import Page, Visitor
from tests.service.search.catalogues import Sale, a_catalogue


@pytest.fixture
def visitor(context: Flask) -> Visitor:
    a_catalogue(
        [
            [Sale(2012, 100, 50)],
            [Sale(2015, 250, 7), Sale(2018, 800, 9)],
            [Sale(2016, 60, 1_200)],
            [Sale(2016, 60, 0)],
        ]
    )
    return Visitor(context.test_client())


def titles(page: Page) -> list[str]:
    return re.findall(r"Project number (\d{4})</span>", page.html)


def test_the_first_visit_is_greeted_and_who_searches_gets_to_the_list(visitor: Visitor) -> None:
    first, asked = visitor.get("/en/"), visitor.get("/en/?party=KE")

    assert "Hold the proof." in first.html
    assert titles(first) == ["0001", "0002", "0003", "0004"]
    assert "Hold the proof." not in asked.html
    assert titles(asked) == ["0003"]
    assert asked.html.count("<h1") == first.html.count("<h1") == 1


@pytest.mark.parametrize(
    ("asked", "address"),
    [
        ("?q=&party=KE&sort=&year_from=&price_to=", "?party=KE"),
        ("?type=Wind&party=KE&party=CL&party=KE", "?party=CL&party=KE&type=Wind"),
        ("?q=++cocinas++Kenia+", "?q=cocinas+Kenia"),
        ("?price_from=0,50", "?price_from=0.50"),
        ("?sort=title&page=1&utm_source=x", ""),
        ("?sort=cheapest&units=&year_to=", ""),
        ("?units=12&units=13&page=zwei", "?units=12"),
        ("?page=7", ""),
        ("?party=", ""),
    ],
)
def test_every_question_has_one_address(visitor: Visitor, asked: str, address: str) -> None:
    answer = visitor.client.get(f"/en/{asked}")

    assert answer.status_code == 302
    assert answer.headers["Location"] == f"/en/{address}"
    assert visitor.client.get(f"/en/{address}").status_code == 200


def test_the_form_holds_what_was_asked_and_sends_the_same_question(visitor: Visitor) -> None:
    question = "q=number&party=CL&period=2&year_from=2012&price_to=5.00&units=12&sort=price"
    page = visitor.get(f"/fr/?{question}")
    (form,) = (form for form in page.forms if "q" in form.fields)
    again = visitor.client.get("/fr/", query_string=form.fields, follow_redirects=True)

    assert form.action == "/fr/"
    assert form.fields["price_to"] == "5,00"
    assert urlsplit(again.request.url).query == question


def test_every_filter_that_is_set_can_be_taken_away_by_a_link(visitor: Visitor) -> None:
    page = visitor.get("/es/?q=number&party=CL&party=KE&year_from=2013&year_to=2019&price_from=0.50&units=3&sort=price")
    chips = dict(re.findall(r'<a class="chip" rel="nofollow" href="([^"]+)">.*?</span>(.*?)<span', page.html))

    assert {label.replace("\xa0", " "): address.replace("&amp;", "&") for address, label in chips.items()} == {
        "«number»": "/es/?party=CL&party=KE&year_from=2013&year_to=2019&price_from=0.50&units=3&sort=price",
        "Chile": "/es/?q=number&party=KE&year_from=2013&year_to=2019&price_from=0.50&units=3&sort=price",
        "Kenia": "/es/?q=number&party=CL&year_from=2013&year_to=2019&price_from=0.50&units=3&sort=price",
        "entre 2013 y 2019": "/es/?q=number&party=CL&party=KE&price_from=0.50&units=3&sort=price",
        "desde 0,50 USD": "/es/?q=number&party=CL&party=KE&year_from=2013&year_to=2019&units=3&sort=price",
        "cantidad ya indicada: 3": (
            "/es/?q=number&party=CL&party=KE&year_from=2013&year_to=2019&price_from=0.50&sort=price"
        ),
    }


def test_units_from_the_calculator_are_carried_to_every_project(visitor: Visitor) -> None:
    page = visitor.get("/en/?units=12")

    links = re.findall(r'class="title" href="([^"]+)"', page.html)
    assert len(links) == 4
    assert all(link.endswith("?units=12") for link in links)
    assert "?units" not in visitor.get("/en/?sort=price").html


@pytest.mark.parametrize(
    ("asked", "field", "message"),
    [
        ("price_from=cheap", "price_from", "Write the price as a number, such as 1.50"),
        ("price_from=0.123", "price_from", "Write the price as a number, such as 1.50"),
        ("price_from=1,000", "price_from", "Write the price as a number, such as 1.50"),
        ("price_from=1.000", "price_from", "Write the price as a number, such as 1.50"),
        ("price_from=5&price_to=2", "price_to", "The highest price must not be below the lowest."),
        ("year_from=2016&year_to=2012", "year_to", "The last year must not be before the first."),
        ("year_from=12", "year_from", "Choose a year, or any year."),
        ("year_from=2012&year_to=soon", "year_to", "Choose a year, or any year."),
        ("units=-4", "units", "Write a whole number of units from 1 to 1,000,000,000."),
        ("units=0", "units", "Write a whole number of units from 1 to 1,000,000,000."),
        ("units=9999999999", "units", "Write a whole number of units from 1 to 1,000,000,000."),
    ],
)
def test_what_cannot_be_used_is_explained_at_its_field_and_stays(
    visitor: Visitor, asked: str, field: str, message: str
) -> None:
    answer = visitor.client.get(f"/en/?{asked}&party=KE")

    assert answer.status_code == 422
    assert "<title>Error: Projects" in answer.text
    assert f'<a href="#{field}">{message}' in answer.text
    assert f'id="{field}-error"' in answer.text
    assert '<details class="filters" open>' in answer.text
    typed = dict(pair.split("=") for pair in asked.split("&"))
    if field in {"price_from", "units"}:
        assert f'value="{typed[field]}"' in answer.text
    for name in typed.keys() & {"year_from", "year_to"}:
        assert f'<option value="{typed[name]}" selected>{typed[name]}</option>' in answer.text
    assert "0003" in answer.text
    assert "0001" not in answer.text


def test_a_price_beyond_all_prices_is_a_price(visitor: Visitor) -> None:
    assert titles(visitor.get("/en/?price_from=999999999.99")) == []


def test_no_result_says_which_filter_to_leave_away(visitor: Visitor) -> None:
    page = visitor.get("/en/?party=KE&year_to=2012")

    assert "No project matches all of this" in page.html
    helpful = re.findall(r'href="([^"]+)">Without “(.*?)”</a> <span class="quiet">(\d+) project', page.html)
    assert helpful == [("/en/?party=KE", "up to 2012", "1"), ("/en/?year_to=2012", "Kenya", "1")]
    assert 'href="/en/"' in page.html


def test_a_search_for_nothing_known_tells_what_can_be_searched(visitor: Visitor) -> None:
    page = visitor.get("/en/?q=Atlantis")

    assert "AMS-II.G" in page.html
    assert "Without “Atlantis”" in page.html
    assert "<title>Projects found for “Atlantis”" in page.html


def test_an_empty_shop_says_so_with_and_without_a_question(client: FlaskClient) -> None:
    for address in ("/en/", "/en/?q=wind"):
        text = client.get(address).text
        assert "Nothing is on offer at the moment" in text
        assert "<form class=" not in text


def test_counts_stand_at_each_choice_and_what_shows_nothing_is_left_out(visitor: Visitor) -> None:
    page = visitor.get("/en/?region=Africa")

    options = re.findall(
        r'name="(\w+)" value="([^"]+)"( checked)?><label for="[^"]+">.*?<span class="quiet">(\d+)', page.html
    )
    assert ("region", "Africa", " checked", "1") in options
    assert ("region", "Latin America and the Caribbean", "", "2") in options
    assert ("party", "KE", "", "1") in options
    assert not [option for option in options if option[1] == "CL"]


def test_a_chosen_value_that_nothing_has_is_still_shown_as_chosen(visitor: Visitor) -> None:
    page = visitor.get("/en/?party=FR&scope=x&ccp=odd&period=nine&year_from=1999&sort=units")

    for value in ("FR", "nine", "x", "odd"):
        assert re.search(rf'value="{value}" checked>', page.html)
    assert '<option value="1999" selected>1999</option>' in page.html


def test_pages_are_linked_with_their_neighbours(context: Flask) -> None:
    a_catalogue([[Sale(2015, 100, 1)] for _ in range(100)])
    page = Visitor(context.test_client()).get("/en/?sort=price&page=2")

    assert re.findall(r'rel="(prev|next)" href="([^"]+)"', page.html) == [
        ("prev", "/en/?sort=price"),
        ("next", "/en/?sort=price&amp;page=3"),
    ]
    assert "page 2 of 3" in page.html
    assert page.html.count('aria-current="page"><span class="visually-hidden">Page </span>2') == 1


def test_of_many_pages_the_first_the_near_and_the_last_are_shown() -> None:
    assert _page_numbers(1, 1) == [1]
    assert _page_numbers(3, 5) == [1, 2, 3, 4, 5]
    assert _page_numbers(10, 71) == [1, None, 8, 9, 10, 11, 12, None, 71]
    assert _page_numbers(71, 71) == [1, None, 69, 70, 71]


@pytest.mark.parametrize("language", ["en", "fr", "es"])
def test_how_we_sort_states_every_rule_and_that_places_are_not_sold(client: FlaskClient, language: str) -> None:
    answer = client.get(f"/{language}/how-we-sort")

    assert answer.status_code == 200
    assert set(SORT_LABELS) == set(SORTS)
    assert answer.text.count('<th scope="row">') == len(SORTS)
    sold = {"en": "are not sold", "fr": "ne sont pas à vendre", "es": "no se venden"}[language]
    assert sold in answer.text


def test_the_rule_in_force_is_printed_above_the_list(visitor: Visitor) -> None:
    for sort in ("price", "newest"):
        text = visitor.get(f"/en/?sort={sort}").html
        assert f"Sorted by: {SORT_LABELS[sort]}; sold-out projects come last." in text
        assert '<a href="/en/how-we-sort">How we sort</a>' in text


def test_hostile_text_stays_text(visitor: Visitor) -> None:
    page = visitor.get("/en/?q=%3Cscript%3Ealert(1)%3C%2Fscript%3E&party=%22%3E%3Cb%3E")

    assert "<script>alert" not in page.html
    assert "&lt;script&gt;alert(1)" in page.html
    assert '"><b>' not in page.html
