"""How many tonnes do I emit: the page, its working, its mistakes, and the same as data. No database matters."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask

from app.calculator.factors import COLUMNS, BadTable
from app.db import db
from tests.conftest import application, environment
from tests.pages import Page, Visitor

AT = "/en/how-many-tonnes"
FULL = (
    "?version=2026-1&electricity=3500&grid=FR&gas=12000&car=9000&people=2"
    "&flight1-origin=Paris&flight1-destination=New+York&flight2-km=1000&flight2-trip=single"
)
OLD = (
    ",".join(COLUMNS)
    + "\n"
    + "gas.kwh,0.5,0.4,0.6,kWh,ipcc,Old factors,Somebody,2010,https://example.org,Verified: no\n"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Flask]:
    """The application, with an old table of factors that the operator keeps."""
    directory = tmp_path_factory.mktemp("calculator")
    shutil.copy(sqlite_template, directory / "tonne.sqlite")
    (directory / "factors").mkdir()
    (directory / "factors" / "factors-2011-1.csv").write_text(OLD)
    app = application(environment(directory, f"sqlite:///{directory / 'tonne.sqlite'}"))
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def visitor(site: Flask) -> Visitor:
    return Visitor(site.test_client())


def typed(visitor: Visitor, query: str, status: int = 422) -> Page:
    return visitor.get(f"{AT}?version=2026-1&{query}", status)


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "How many tonnes do I emit?"), ("fr", "Combien de tonnes"), ("es", "¿Cuántas toneladas")],
)
def test_the_empty_page_asks_and_nothing_in_it_is_needed(visitor: Visitor, language: str, words: str) -> None:
    page = visitor.get(f"/{language}/how-many-tonnes")

    assert words in page.words
    assert "result" not in page.by_id
    assert not any("required" in field for field in page.by_id.values())
    assert page.form("#result").fields["version"] == "2026-1"


def test_household_and_flights_make_one_result_with_range_and_whole_units(visitor: Visitor) -> None:
    result = visitor.get(AT + FULL).texts["result"]

    assert "5.31" in result  # tonnes
    assert "4.45–6.34" in result
    assert "Rounded up to whole units6" in result
    assert "share of the household, in tonnes1.91" in result


def test_every_line_shows_its_working_source_year_and_version(visitor: Visitor) -> None:
    result = visitor.get(AT + FULL).texts["result"].replace("\u00a0", " ")

    assert "12,000 kWh × 0.18296 kg CO₂e = 2,195.5 kg" in result
    assert "2 × 5,832 km × 1 passenger = 11,664 passenger-km × 0.11704 kg CO₂e = 1,365.2 kg" in result
    assert "Flight Paris (CDG, ORY) – New York (JFK, LGA), economy" in result
    assert (
        "UK Department for Energy Security and Net Zero: Greenhouse gas reporting: conversion factors 2025 (2025)"
        in result
    )
    assert "Ember: Yearly Electricity Data (2024)" in result
    assert "The source gives no range." in result
    assert "Together 5,305.6" in result
    assert "Factors: version 2026-1." in result


def test_what_makes_it_smaller_stands_above_the_button_and_nothing_is_chosen_for_the_visitor(visitor: Visitor) -> None:
    page = visitor.get(AT + FULL)
    result = page.texts["result"]

    assert result.index("First: make it smaller") < result.index("Choose a project for 6 units")
    assert "/en/?units=6" in page.links
    assert not any("checked" in field for field in page.by_id.values())
    assert not [form for form in page.forms if "basket" in form.action]


def test_a_tip_is_given_only_for_what_was_entered(visitor: Visitor) -> None:
    page = typed(visitor, "flight1-km=500", 200)

    assert "Take the train" in page.texts["result"]
    assert "boiler" not in page.texts["result"]
    assert "largest consumer" not in page.texts["result"]
    assert "Flight, economy" in page.texts["result"]


def test_nothing_emitted_needs_no_project(visitor: Visitor) -> None:
    page = typed(visitor, "gas=0", 200)

    assert "Choose a project" not in page.words
    assert "0.00" in page.texts["result"]


def test_the_address_of_a_result_is_tidy_and_names_the_version(visitor: Visitor) -> None:
    sent = "?version=2026-1&gas=100&oil=&car=&car_as=petrol.km&people=1&flight1-cabin=economy&_external=1&utm=x"
    answer = visitor.client.get(AT + sent)

    assert answer.status_code == 302
    assert answer.location == f"{AT}?version=2026-1&gas=100"
    assert visitor.client.get(f"{AT}?gas=100").location == f"{AT}?version=2026-1&gas=100"
    assert visitor.client.get(answer.location).status_code == 200


def test_pressing_the_button_of_the_empty_form_says_what_is_missing(visitor: Visitor) -> None:
    page = visitor.get(f"{AT}?version=2026-1", 422)

    assert page.error_at("electricity") == "Fill in at least one amount or one flight."
    assert page.html.count("<title>Error") == 1
    assert "Fill in" in typed(visitor, "own_grid=50&people=3").error_at("electricity")


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ("electricity=3%2C500&grid=FR", "electricity", "without a sign for thousands"),
        ("electricity=3500", "own_grid", "Choose the country of the grid"),
        ("electricity=3500&own_grid=x", "own_grid", "enter a number in digits"),
        ("electricity=1&grid=XX", "grid", "This answer is not offered here"),
        ("gas=-1", "gas", "enter 0 or more, without a plus or minus sign"),
        ("gas=3,500", "gas", "without a sign for thousands"),
        ("gas=1.000.000,5", "gas", "without a sign for thousands"),
        ("gas=99999999999999", "gas", "this is too much. Enter at most nine digits."),
        ("gas=1.2345", "gas", "enter at most two decimals"),
        ("gas=1&people=0", "people", "from 1 to 99"),
        ("gas=1&people=2.5", "people", "from 1 to 99"),
        ("flight1-origin=Paris", "flight1-destination", "the other end"),
        ("flight1-destination=Paris", "flight1-origin", "the other end"),
        ("flight1-origin=Oz&flight1-destination=CDG", "flight1-origin", "no city or airport called “Oz”"),
        ("flight1-origin=Barcelona&flight1-destination=CDG", "flight1-origin", "BCN (Barcelona, Spain), BLA"),
        ("flight1-origin=CDG&flight1-destination=cdg", "flight1-destination", "This is where the flight starts"),
        ("flight1-origin=CDG&flight1-destination=JFK&flight1-km=5", "flight1-km", "not both"),
        ("flight2-km=0", "flight2-km", "from 1 to 20037 km"),
        ("flight3-km=30000", "flight3-km", "from 1 to 20037 km"),
        (f"flight1-origin={'x' * 81}&flight1-destination=CDG", "flight1-origin", "too long"),
        ("flight2-km=100&flight2-passengers=100", "flight2-passengers", "from 1 to 99"),
    ],
)  # fmt: skip
def test_a_mistake_is_explained_at_its_field_and_everything_stays_as_typed(
    visitor: Visitor, query: str, field: str, words: str
) -> None:
    page = typed(visitor, query)

    assert words in page.error_at(field)
    assert "result" not in page.by_id
    form = page.form("#result")
    for name, [value] in parse_qs(query).items():
        if name != "grid":
            assert form.fields[name] == value


def test_a_second_flight_with_a_mistake_is_open(visitor: Visitor) -> None:
    html = typed(visitor, "gas=1&flight2-passengers=0").html

    assert html.count('<details class="more" open>') == 1


def test_the_same_arguments_give_the_same_numbers_as_data(visitor: Visitor) -> None:
    answer = visitor.client.get(f"{AT}.json{FULL}")
    data = answer.get_json()

    assert answer.status_code == 200
    assert (data["kg"], data["low_kg"], data["high_kg"], data["units"]) == ("5305.6", "4449.6", "6341.7", 6)
    assert data["household_kg_per_person"] == "1907.3"
    assert sum(Decimal(line["kg"]) for line in data["lines"]) == Decimal(data["kg"])
    for line in data["lines"]:
        product = Decimal(line["amount"]) * Decimal(line["factor"]["value"])
        assert abs(product - Decimal(line["kg"])) <= Decimal("0.05")
        assert line["factor"]["source"]
        assert line["factor"]["year"]
    assert data["version"] == "2026-1"
    assert data["demonstration"].startswith("This is a demonstration")


def test_what_is_wrong_with_arguments_is_a_problem_document(visitor: Visitor) -> None:
    answer = visitor.client.get(f"{AT}.json?gas=x")

    assert answer.status_code == 422
    assert answer.mimetype == "application/problem+json"
    assert json.loads(answer.text)["errors"] == [
        {
            "parameter": "gas",
            "detail": "Natural gas, in kWh: enter a number in digits, such as 3500 or 12.5.",
        }
    ]
    assert visitor.client.get(f"{AT}.json").status_code == 422


def test_an_old_result_keeps_its_version_and_offers_the_newer_one(visitor: Visitor) -> None:
    page = visitor.get(f"{AT}?version=2011-1&gas=1000")

    assert "500.0" in page.texts["result"]
    assert "worked out with the factors of version 2011-1" in page.texts["result"]
    again = next(link for link in page.links if link.startswith(f"{AT}?gas=1000"))
    assert urlsplit(visitor.client.get(again).location).query == "version=2026-1&gas=1000"
    assert visitor.client.get(f"{AT}.json?version=2011-1&gas=1000").get_json()["kg"] == "500.0"
    # A new calculation is made with the newest table, whatever was looked at.
    assert page.form("#result").fields["version"] == "2026-1"


@pytest.mark.parametrize(
    "address", [f"{AT}?version=1999-1&gas=1", f"{AT}.json?version=1999-1", f"{AT}/factors-1999-1.csv"]
)
def test_a_version_that_never_was_is_not_found(visitor: Visitor, address: str) -> None:
    assert visitor.client.get(address).status_code == 404


def test_a_table_without_a_factor_says_nothing_wrong(visitor: Visitor) -> None:
    page = visitor.get(f"{AT}?version=2011-1&oil=5", 422)

    assert "no factor for this in version 2011-1" in page.error_at("oil")
    assert "no factor for this in version 2011-1" in visitor.get(f"{AT}?version=2011-1&car=5", 422).error_at("car")
    assert "no factor for this in version 2011-1" in visitor.get(f"{AT}?version=2011-1&flight1-km=5", 422).error_at(
        "flight1-km"
    )


def test_a_whole_table_can_be_downloaded_as_it_was_published(visitor: Visitor) -> None:
    answer = visitor.client.get(f"{AT}/factors-2011-1.csv")

    assert answer.text == OLD
    assert answer.mimetype == "text/csv"


def test_a_single_figure_is_not_printed_as_a_range_that_is_sure(visitor: Visitor) -> None:
    alone = visitor.get(f"{AT}?version=2026-1&electricity=3000&grid=FR")
    mixed = visitor.get(AT + FULL)

    result = alone.texts["result"]
    assert "Lowest to highestNo range given" in result
    assert "The source gives no range." in result
    assert "–0." not in result
    assert "A line without a range stands in" not in result
    assert "A line without a range stands in" in mixed.texts["result"]


def test_own_factor_world_average_and_all_classes_have_words(visitor: Visitor) -> None:
    own = typed(visitor, "electricity=100&own_grid=50", 200).texts["result"]
    world = typed(visitor, "electricity=100&grid=ZZ&flight1-origin=LHR&flight1-destination=EDI", 200).texts["result"]

    assert "Electricity, factor of your own" in own
    assert "Typed by you" in own
    assert "Your own factor has no range." in own
    assert "Electricity, world average" in world
    assert "Flight London (LHR) – Edinburgh (EDI), average of all classes" in world


def test_a_table_of_the_operator_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "factors").mkdir()
    (tmp_path / "factors" / "factors-2027-1.csv").write_text("key\n")
    with pytest.raises(BadTable, match="2027-1"):
        application(environment(tmp_path, f"sqlite:///{tmp_path}/none.sqlite"))
