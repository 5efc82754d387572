"""The map with its list, and up to four projects beside each other."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from math import hypot
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from app.catalog.cancellation_importer import import_cancellations
from app.catalog.importer import import_projects
from app.catalog.world import Map, Place, whole_map
from app.content.queries import prices_on_offer
from app.current import now
from app.db import transaction
from app.offers import comparison
from app.offers.comparison import choose
from app.offers.map_points import spread
from app.offers.models import Offer
from app.offers.places import places
from app.offers.states import OfferState
from tests.pages import Page
from tests.service.conftest import Shop
from tests.service.worlds import CANCELLATIONS, NOW, PROJECTS, load_small_world

MORE = "\n".join(
    f"RW-{number},Wind number {number},PA,Wind,RW,Africa,yes,1,https://cdm.unfccc.int/p" for number in range(1, 4)
)


@pytest.fixture
def small_world(context: Flask) -> None:
    load_small_world()
    import_cancellations(CANCELLATIONS, now=NOW)
    import_projects(f"{PROJECTS.splitlines()[0]}\n{MORE}\n", now=NOW)


def change(code: str, **values: Any) -> None:
    with transaction() as session:
        session.execute(update(Offer).where(Offer.code == code).values(**values))


def compared(client: FlaskClient, *references: str, status: int = 200, language: str = "en") -> Page:
    answer = client.get(f"/{language}/compare", query_string=[("p", reference) for reference in references])
    assert answer.status_code == status
    return Page(answer.text)


# The map


def test_every_project_on_offer_stands_at_its_host_party_and_in_the_list(
    small_world: None, client: FlaskClient
) -> None:
    page = Page(client.get("/en/map").text)
    regions = [(region.name, [country.code for country in region.countries]) for region in places()]

    assert regions == [("Africa", ["MW"]), ("Asia and the Pacific", ["MN"])]
    for country, reference, words in (
        ("MN", "MN-5977", "Mongolia: 1 project; units left: 2,110"),
        ("MW", "MW-9933", "Malawi: 1 project; units left: 100"),
    ):
        assert words in page.words
        assert f"#country-{country}" in page.links
        assert f"country-{country}" in page.by_id
        assert f"/en/projects/{reference}" in page.links
    assert "GH-8438" not in page.html
    assert "we take no position on them" in page.words
    assert "style=" not in page.html


def test_an_offer_whose_time_is_over_is_for_sale_nowhere_before_a_worker_has_ended_it(small_world: None) -> None:
    for code in ("MW-9933-1", "MN-5977-1", "MN-5977-2"):
        assert prices_on_offer() is not None
        change(code, expires_at=now())

    assert places() == ()
    assert prices_on_offer() is None


def test_what_is_not_for_sale_is_not_on_the_map(small_world: None, client: FlaskClient) -> None:
    change("MW-9933-1", units_settled=100)
    change("MN-5977-1", state=OfferState.PAUSED)
    change("MN-5977-2", state=OfferState.WITHDRAWN)
    words = Page(client.get("/fr/map").text).words

    assert places() == ()
    assert "Salkhit" not in words


def test_the_country_with_the_most_units_has_the_largest_point(small_world: None, client: FlaskClient) -> None:
    html = client.get("/en/map").text

    assert 'class="map-point is-5" href="#country-MN"' in html
    assert 'class="map-point is-2" href="#country-MW"' in html


def test_no_point_hides_another_and_none_leaves_the_map() -> None:
    codes = ["SV", "GT", "CR", "JM", "MX", "FJ", "RW", "MW", "KE", "TH", "KH"]
    drawing = whole_map(codes)
    points = spread(drawing, dict.fromkeys(codes, 10) | {"SV": 500})

    assert [point.x for point in points] == sorted(point.x for point in points)
    for one, other in combinations(points, 2):
        across = (other.x - one.x) * drawing.width / 100
        down = (other.y - one.y) * drawing.height / 100
        assert hypot(across, down) > one.radius + other.radius, (one, other)
    for point in points:
        assert 0 < point.x < 100
        assert 0 < point.y < 100
    moved = {point.country for point in points if point.is_moved}
    assert {"SV", "GT"} <= moved
    assert "FJ" not in moved


def test_two_countries_at_one_place_part_sideways() -> None:
    place = Place("AA", 50.0, 50.0, "")
    one, other = spread(Map("", 2000, 800, "", (place, replace(place, country="BB"))), {"AA": 1, "BB": 1})

    assert one.x < 50 < other.x
    assert one.y == other.y == 50


def test_the_list_is_one_step_away_and_every_point_leads_to_a_heading_that_takes_the_focus(
    small_world: None, client: FlaskClient
) -> None:
    page = Page(client.get("/en/map").text)

    assert page.links.index("#list") < page.links.index("#country-MN")
    for target in ("list", "country-MN", "country-MW"):
        assert page.by_id[target]["tabindex"] == "-1"


def test_a_programme_in_several_countries_is_listed_once_and_names_the_others(shop: Shop) -> None:
    shop.offer()
    with shop.inside():
        header = "reference,title,kind,project_type,host_parties,region,is_least_developed"
        row = "IN-1,Wind power,PoA,Wind,IN;KE,Asia and the Pacific,no"
        import_projects(f"{header}\n{row}\n", now=NOW)
    page = shop.visitor().get("/en/map")

    assert "also in Kenya" in page.words
    assert page.links.count("/en/projects/IN-1") == 1


# The comparison


def test_the_facts_of_the_chosen_projects_stand_beside_each_other(small_world: None, client: FlaskClient) -> None:
    page = compared(client, "MN-5977", "mw-9933")

    for words in (
        "Salkhit Wind Farm",
        "Improved Cook Stove Project 1",
        "USD 0.38 to USD 1.20",
        "USD 8.50",
        "24 June 2012 to 31 March 2014",
        "Units issued so far 3,000 100",
        "Of them known to be cancelled 735 0",
        "Salkhit Wind LLC",
    ):
        assert words in page.words.replace("\u00a0", " ")
    assert "/en/projects/MN-5977?compare=MN-5977&compare=MW-9933" in page.links


def test_a_methodology_and_what_was_decided_about_it_are_parted_as_the_language_parts_them(
    small_world: None, client: FlaskClient
) -> None:
    header = PROJECTS.splitlines()[0] + ",methodologies,facts_on"
    row = "MN-5977,Salkhit Wind Farm,PA,Wind,MN,Asia and the Pacific,no,1,https://cdm.unfccc.int/p"
    import_projects(f"{header}\n{row},ACM0002,2023-11-30\n", now=NOW)
    assert "ACM0002: Not approved" in compared(client, "MN-5977").words
    assert "ACM0002 : Non admise" in compared(client, "MN-5977", language="fr").words.replace("\u00a0", " ")


def test_cancellations_of_our_own_are_in_the_comparison_too(shop: Shop) -> None:
    offer_id = shop.offer(units=1_000)
    shop.finished_order({offer_id: 12})

    words = shop.visitor().get("/en/compare?p=IN-1").words
    assert "Of them known to be cancelled 12" in words


def test_a_project_is_taken_out_and_another_put_in_without_a_script(small_world: None, client: FlaskClient) -> None:
    page = compared(client, "MN-5977", "MW-9933")
    first, second, add = page.forms

    assert (first.fields, second.fields) == ({"p": "MW-9933"}, {"p": "MN-5977"})
    assert first.action == add.action == "/en/compare"
    assert "Take out MN-5977" in first.buttons
    assert page.html.count('<option value="GH-8438"') == 1
    assert '<option value="MN-5977"' not in page.html


def test_the_page_of_a_project_leads_to_the_comparison_and_keeps_what_was_chosen(
    small_world: None, client: FlaskClient
) -> None:
    html = client.get("/en/projects/MN-5977?compare=MW-9933&compare=MN-5977").text
    form = html.split('action="/en/compare"')[1].split("</form>")[0]

    assert form.count('type="hidden"') == 2
    assert form.index('value="MW-9933"') < form.index('value="MN-5977"')


def test_nobody_has_chosen_yet(small_world: None, client: FlaskClient) -> None:
    page = compared(client, "", " ")

    assert "No project chosen yet" in page.words
    assert page.form("/compare").fields == {"p": ""}


def test_a_fifth_project_is_refused_beside_the_field_and_nothing_is_lost(
    small_world: None, client: FlaskClient
) -> None:
    page = compared(client, "MN-5977", "MW-9933", "GH-8438", "RW-1", "RW-2", status=422)

    assert "No more than 4 projects fit beside each other." in page.error_at("add")
    assert page.by_id["add"]["value"] == "RW-2"
    assert page.html.startswith("<!doctype html>")
    assert "<title>Error: Compare projects" in page.html
    for reference in ("MN-5977", "MW-9933", "GH-8438", "RW-1"):
        assert f"/en/projects/{reference}?" in page.html
    assert "/en/projects/RW-2?" not in page.html


def test_an_unknown_reference_is_told_beside_the_field_with_what_was_typed(
    small_world: None, client: FlaskClient
) -> None:
    page = compared(client, "MN-5977", "xx-1", status=422)

    assert page.error_at("add") == "We have no project with the reference XX-1."
    assert page.by_id["add"]["value"] == "XX-1"
    assert "Salkhit Wind Farm" in page.words


def test_four_are_the_most_and_the_page_says_so(small_world: None, client: FlaskClient) -> None:
    page = compared(client, "MN-5977", "MW-9933", "GH-8438", "RW-1", language="es")

    assert "No caben más de cuatro proyectos." in page.words
    assert len(page.forms) == 4


def test_repeats_count_once_and_a_long_address_is_not_read_to_its_end(small_world: None) -> None:
    assert choose(["MN-5977", "mn-5977 ", ""]).references == ("MN-5977",)
    assert choose([f"XX-{number}" for number in range(500)]).refused == tuple(f"XX-{number}" for number in range(12))


def test_what_does_not_exist_and_what_does_not_fit_are_both_told(small_world: None, client: FlaskClient) -> None:
    page = compared(client, "XX-1", "MN-5977", "MW-9933", "GH-8438", "RW-1", "RW-2", "XX-2", "RW-3", status=422)

    assert page.error_at("add") == (
        "We have no projects with the references XX-1, XX-2. "
        "No more than 4 projects fit beside each other. Take one out before you add RW-2, RW-3."
    )
    assert page.by_id["add"]["value"] == "XX-1"


def test_with_too_many_projects_to_choose_from_there_is_only_the_field(
    small_world: None, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "MOST_CHOICES", 3)
    page = compared(client, "MN-5977")

    assert "<select" not in page.html
    assert "By its reference" in page.words
