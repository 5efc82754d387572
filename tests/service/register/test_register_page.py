"""The public register: who looks for a cancellation finds it, and nobody is named who did not want to be."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.catalog.models import Project
from app.certificates.models import RegisterProject
from app.db import db, transaction
from app.offers.models import Offer
from app.registry.ports import RefusalCode, Refused
from tests import builders
from tests.pages import Page
from tests.service.certificates.issued import a_certificate
from tests.service.conftest import Shop
from tests.service.registry import books

NAME = "Amélie Nguyễn"


def numbers(page: Page) -> list[str]:
    """The certificates on a page of the register, in its order."""
    links = [link for link in page.links if link.startswith("/en/register/TN")]
    return [link.removeprefix("/en/register/") for link in links]


def listed(shop: Shop, query: str = "") -> list[str]:
    return numbers(shop.visitor().get(f"/en/register{query}"))


def test_an_empty_register_says_what_will_stand_there(shop: Shop) -> None:
    page = shop.visitor().get("/en/register")

    assert "Nothing has been cancelled here yet" in page.words
    assert "the first and the last serial number of every range" in page.words
    assert "/en/" in page.links
    assert not [form for form in page.forms if form.action.endswith("/register")]


def test_a_cancellation_stands_there_with_its_serials_and_without_the_name_that_was_not_published(shop: Shop) -> None:
    a_certificate(shop, units=3)

    page = shop.visitor().get("/en/register")

    assert numbers(page) == ["TN1-2026"]
    assert "/en/projects/IN-1" in page.links
    for said in ("22 November 2026", "Wind power project number 1", "Wind power", "India", "1 cancellation, 3 units"):
        assert said in page.words
    assert "IN-5-1002000-2-2-0-1 – IN-5-1002002-2-2-0-1" in page.words
    assert "Not published" in page.words
    assert NAME not in page.html


def test_a_name_stands_there_only_where_the_buyer_chose_so(shop: Shop) -> None:
    a_certificate(shop, number=1, publish_name=True)
    a_certificate(shop, number=2, beneficiary="Somebody Else", publish_name=False)
    a_certificate(shop, number=3, beneficiary="", publish_name=True)

    page = shop.visitor().get("/en/register")

    assert NAME in page.words
    assert "Somebody Else" not in page.html
    assert "Not named" in page.words
    assert "Our office heating" not in page.html, "a purpose is no name"


def test_the_newest_stand_first_and_pages_follow_each_other_without_gap_or_repetition(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.register.views.PAGE", 2)
    for number in range(1, 6):
        a_certificate(shop, number=number)
        shop.clock.advance(timedelta(hours=1))
    visitor = shop.visitor()

    first = visitor.get("/en/register")
    second = visitor.get(link(first, "after"))
    third = visitor.get(link(second, "after"))

    assert [numbers(page) for page in (first, second, third)] == [
        ["TN5-2026", "TN4-2026"], ["TN3-2026", "TN2-2026"], ["TN1-2026"],
    ]  # fmt: skip
    assert "These are the oldest entries." in third.words
    assert not links(first, "before")
    assert numbers(visitor.get(link(third, "before"))) == ["TN3-2026", "TN2-2026"]
    back = visitor.get(link(second, "before"))
    assert numbers(back) == ["TN5-2026", "TN4-2026"]
    assert not links(back, "before"), "nothing is newer than the newest"

    a_certificate(shop, number=6)
    assert numbers(visitor.get(link(first, "after"))) == ["TN3-2026", "TN2-2026"], "a page stays while others come"


def links(page: Page, to: str) -> list[str]:
    """The addresses of the newer or older page, without those in other languages."""
    return [found for found in page.links if f"{to}=" in found and "switch=" not in found]


def link(page: Page, to: str) -> str:
    return links(page, to)[0]


def test_entries_of_one_moment_have_an_order_too(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.register.views.PAGE", 1)
    for number in (1, 2, 3):
        a_certificate(shop, number=number)
    visitor = shop.visitor()

    seen, page = [], visitor.get("/en/register")
    for _page in range(2):
        seen += numbers(page)
        page = visitor.get(link(page, "after"))

    assert seen + numbers(page) == ["TN3-2026", "TN2-2026", "TN1-2026"]


def test_a_place_that_does_not_exist_is_the_beginning(shop: Shop) -> None:
    a_certificate(shop)

    for place in ("x", "1", "99999999999999999-1", "-1-1", "1-1-1", "٣-1"):
        assert listed(shop, f"?after={place}") == ["TN1-2026"], place


FILTERED: list[tuple[str, list[str]]] = [
    ("year=2026", ["TN2-2026", "TN1-2026"]),
    ("year=2025", []),
    ("year=x", ["TN2-2026", "TN1-2026"]),
    ("host=IN", ["TN2-2026", "TN1-2026"]),
    ("host=in", ["TN2-2026", "TN1-2026"]),
    ("host=KE", []),
    ("type=Wind", ["TN2-2026", "TN1-2026"]),
    ("type=Solar", []),
    ("intent=compensation", ["TN2-2026"]),
    ("intent=contribution&year=2026&host=IN&type=Wind", ["TN1-2026"]),
    ("intent=compensation&q=Zoe", ["TN2-2026"]),
    ("intent=contribution&q=Zoe", []),
    ("year=2025&q=Zoe", []),
    ("type=Wind&host=IN&q=Zoe", ["TN2-2026"]),
    ("type=Solar&q=Zoe", []),
    ("year=2025&q=IN+1002000", []),
    ("intent=contribution&q=TN2/2026", []),
]


def test_filters_combine(shop: Shop) -> None:
    a_certificate(shop, number=1, intent="contribution")
    a_certificate(shop, number=2, intent="compensation", beneficiary="Zoë", publish_name=True)

    for query, found in FILTERED:
        page = shop.visitor().get(f"/en/register?{query}")
        assert numbers(page) == found, query
        assert ("No entry matches" in page.words) == (not found), query
        assert "Show the whole register" in page.words or query == "year=x"


def test_what_was_asked_for_stays_in_the_form(shop: Shop) -> None:
    a_certificate(shop)

    page = shop.visitor().get("/en/register?q=wind&year=2026&host=IN&type=Wind&intent=contribution")

    assert page.form("/register").fields == {
        "q": "wind", "year": "2026", "host": "IN", "type": "Wind", "intent": "contribution",
    }  # fmt: skip
    assert "/en/register.csv?q=wind&year=2026&host=IN&type=Wind&intent=contribution" in page.links


SEARCHED: list[tuple[str, list[str]]] = [
    ("power", ["TN2-2026", "TN1-2026"]),
    ("NUMBER 1", ["TN1-2026"]),
    ("IN-2", ["TN2-2026"]),
    ("India", ["TN2-2026", "TN1-2026"]),
    ("inde", ["TN2-2026", "TN1-2026"]),
    ("indie", []),
    ("TN2/2026", ["TN2-2026"]),
    (" tn 1 - 2026", ["TN1-2026"]),
    ("TN9/2026", []),
    ("nguyen", ["TN1-2026"]),
    ("AMÉLIE", ["TN1-2026"]),
    ("nguyễn amé", ["TN1-2026"]),
    ("amelie wind", []),
    ("melie", []),
    ("Secret", []),
    ("IN 1002000", ["TN1-2026"]),
    ("in-1002001", ["TN1-2026"]),
    ("IN 1002002", []),
    ("IN 2002000", ["TN2-2026"]),
    ("KE 2002000", []),
    ("IN-5-1002001-2-2-0-1", ["TN1-2026"]),
    ("IN‑5‑1002001‑2‑2‑0‑1", ["TN1-2026"]),
    ("IN-5-1000000-2-2-0-1 – IN-5-2002000-2-2-0-2", ["TN2-2026", "TN1-2026"]),
    ("IN-5-1-2-2-0-1 to IN-5-2-2-2-0-1", []),
    ("%", []),
    ("' OR 1=1 --", []),
    ("–", []),
]


def test_who_searches_finds(shop: Shop) -> None:
    a_certificate(shop, number=1, units=2, publish_name=True)
    a_certificate(shop, number=2, units=2, beneficiary="Secret Person", publish_name=False)

    for typed, found in SEARCHED:
        page = shop.visitor().read(shop.app.test_client().get("/en/register", query_string={"q": typed}))
        assert numbers(page) == found, typed
        if found:
            many = "s" * (len(found) > 1)
            assert f"{len(found)} cancellation{many}, {2 * len(found)} units" in page.words, typed


def test_names_and_projects_that_match_are_added_up_once(shop: Shop) -> None:
    a_certificate(shop, number=1, units=2, beneficiary="Wind Power Ltd", publish_name=True)
    a_certificate(shop, number=2, units=3)

    page = shop.visitor().get("/en/register?q=wind+power")

    assert numbers(page) == ["TN2-2026", "TN1-2026"]
    assert "2 cancellations, 5 units" in page.words


def test_in_a_long_register_the_way_by_date_finds_the_same(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (1, 2, 3):
        a_certificate(shop, number=number, beneficiary=f"Ana Number {number}", publish_name=True)
    asked = ("?q=number+2", "?q=ana", "?q=ana+number+3", "?host=IN", "?q=India&intent=contribution", "?q=ana&year=2026")
    short = [listed(shop, query) for query in asked]

    monkeypatch.setattr("app.register.search.FEW", 0)

    for many in (4_000, 0):
        monkeypatch.setattr("app.register.search.MANY", many)
        assert [listed(shop, query) for query in asked] == short
    assert " cancellations, " not in shop.visitor().get("/en/register?q=ana").words, "not added up"


def test_the_page_of_a_cancellation_says_all_that_is_public(shop: Shop) -> None:
    a_certificate(shop, units=3, publish_name=True)

    page = shop.visitor().get("/en/register/TN1-2026")

    for said in (
        "Cancellation TN1/2026",
        "3 CERs of Wind power project number 1",
        "Paid",
        "22 November 2026, 10:00:00 UTC",
        "Contribution to climate action",
        NAME,
        "second commitment period (2013–2020)",
        "1 January 2014 to 31 December 2014",
        "IN-5-1002000-2-2-0-1 to IN-5-1002002-2-2-0-1",
        "Demonstration seller 1",
        "TN00000001",
        "SPECIMEN",
    ):
        assert said in page.words, said
    assert "/en/verify/TN1-2026" in page.links
    assert "/en/verify/TN1-2026.json" in page.links
    assert "Our office heating" not in page.html


def test_a_page_without_a_published_name_says_so_and_names_nobody(shop: Shop) -> None:
    issued = a_certificate(shop)

    page = shop.visitor().get("/en/register/TN1-2026")

    assert "The name is not published. Serial numbers always are." in page.words
    for secret in (NAME, issued.code, issued.order_reference, "Our office heating"):
        assert secret not in page.html


def test_a_cancellation_has_one_address_and_an_unknown_one_none(shop: Shop) -> None:
    a_certificate(shop)
    client = shop.app.test_client()

    answer = client.get("/fr/register/tn1-2026")

    assert (answer.status_code, answer.headers["Location"]) == (301, "/fr/register/TN1-2026")
    for slug in ("TN2-2026", "nonsense", "TN1-2025"):
        assert client.get(f"/en/register/{slug}").status_code == 404


def test_an_order_of_several_projects_is_several_entries_with_all_their_ranges(shop: Shop) -> None:
    wanted = {shop.offer(number=1): 2, shop.offer(number=2): 3}
    shop.finished_order(wanted, publish_name=True)

    page = shop.visitor().get("/en/register?q=nguyen")

    assert numbers(page) == ["TN2-2026", "TN1-2026"]
    for said in ("IN-5-1002000-2-2-0-1 – IN-5-1002001-2-2-0-1", "IN-5-2002000-2-2-0-2 – IN-5-2002002-2-2-0-2"):
        assert said in page.words


def test_all_ranges_of_a_certificate_are_there_the_first_three_at_once(shop: Shop) -> None:
    with shop.inside():
        books.an_issuance(*((start, start + 1) for start in range(2_000, 2_050, 10)))
        offer_id = db.session.scalars(select(Offer.id)).one()
    shop.finished_order({offer_id: 9})

    page = shop.visitor().get("/en/register")

    assert "2 more ranges" in page.words
    for first in (1002000, 1002010, 1002020, 1002030, 1002040):
        assert f"IN-5-{first}-2-2-0-1" in page.words
    assert "IN-5-1002040-2-2-0-1 –" not in page.words, "one number is no range"


def test_refused_units_never_stand_in_the_register(shop: Shop) -> None:
    with shop.inside() as world:
        builders.registry_of(world).submits[:] = [Refused(RefusalCode.RULES, "no")]
    shop.finished_order({shop.offer(number=1): 2, shop.offer(number=2): 3})

    page = shop.visitor().get("/en/register")

    assert numbers(page) == ["TN1-2026"]
    assert "Wind power project number 2" in page.words
    assert "1 cancellation, 3 units" in page.words


def test_a_serial_number_without_its_party_finds_every_certificate_that_holds_that_number(shop: Shop) -> None:
    a_certificate(shop, number=1, units=3)
    a_certificate(shop, number=2, units=3)

    assert listed(shop, "?q=1002001") == ["TN1-2026"]
    assert listed(shop, "?q=2002002") == ["TN2-2026"]
    assert listed(shop, "?q=1002003") == []
    assert listed(shop, "?q=77777777777") == []


def test_whatever_many_certificates_hold_numbers_of_a_range_all_of_them_are_found_and_added_up(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.register.search.FEW", 2)
    with shop.inside():
        books.an_issuance((2_000, 2_050))
        offer_id = db.session.scalars(select(Offer.id)).one()
    for _ in range(4):
        shop.finished_order({offer_id: 3})

    whole = shop.visitor().get("/en/register?q=IN-5-1002000-2-2-0-1 IN-5-1002049-2-2-0-1")
    assert numbers(whole) == ["TN4-2026", "TN3-2026", "TN2-2026", "TN1-2026"]
    assert "4 cancellations, 12 units" in whole.words
    part = shop.visitor().get("/en/register?q=IN-5-1002004-2-2-0-1 IN-5-1002006-2-2-0-1")
    assert numbers(part) == ["TN3-2026", "TN2-2026"], "one that begins before the first of them, too"
    assert listed(shop, "?q=IN-5-1002020-2-2-0-1 IN-5-1002030-2-2-0-1") == []


def test_serial_numbers_of_two_countries_are_never_read_as_a_first_and_a_last_one(shop: Shop) -> None:
    a_certificate(shop, units=3)

    apart = shop.visitor().get("/en/register?q=IN-5-2000000-2-2-0-1 BR-5-5-2-2-0-1")
    assert numbers(apart) == [], "nobody asked for what lies between the two"
    both = shop.visitor().get("/en/register?q=IN-5-1001990-2-2-0-1 BR-5-5-2-2-0-1 IN-5-1002000-2-2-0-1")
    assert numbers(both) == ["TN1-2026"]


def test_a_project_that_was_corrected_is_found_by_what_its_certificates_of_before_and_after_call_it(shop: Shop) -> None:
    offer_id = shop.offer()
    shop.finished_order({offer_id: 2})
    with shop.inside(), transaction() as session:
        project = session.scalars(select(Project)).one()
        project.title, project.project_type = "Solar park of the valley", "Solar"
    for _ in range(2):
        shop.finished_order({offer_id: 3})

    for query in ("?q=valley", "?q=wind+power", "?q=solar+valley", "?type=Solar", "?type=Solar&q=valley"):
        assert listed(shop, query) == ["TN3-2026", "TN2-2026", "TN1-2026"], query
    assert "Solar" in shop.visitor().get("/en/register").html
    with shop.inside():
        (text,) = db.session.scalars(select(RegisterProject.search_text))
    assert text.count("valley") == 1


def test_what_a_search_engine_quotes_of_a_demonstration_calls_it_one(shop: Shop) -> None:
    issued = a_certificate(shop)

    for address in (f"/en/register/{issued.slug}", f"/en/verify/{issued.slug}", "/en/", "/en/register", "/en/about"):
        assert described(shop, address).startswith("This is a demonstration: "), address


def test_what_a_search_engine_quotes_of_a_real_cancellation_says_what_was_cancelled(real_shop: Shop) -> None:
    issued = a_certificate(real_shop)

    for address in (f"/en/register/{issued.slug}", f"/en/verify/{issued.slug}"):
        assert "3 units of Wind power project number 1, cancelled for good" in described(real_shop, address), address


def described(shop: Shop, address: str) -> str:
    """What a page says of itself to machines."""
    (found,) = re.findall(r'<meta name="description" content="([^"]*)"', shop.visitor().get(address).html)
    return str(found)
