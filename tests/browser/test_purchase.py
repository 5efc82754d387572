"""A new user buys units of several projects as a guest and holds the certificates: in every language, every way.

`make test` buys with the mouse in every language and in each other way in one, `make sweep` in every way in every
language.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from app.kernel.languages import CODES as LANGUAGES
from tests.browser.conftest import OpenPage
from tests.browser.papers import bears_todays_date, in_language, pages_of, words_of
from tests.browser.person import KeyboardPerson, Person
from tests.browser.server import Shop, text_of
from tests.browser.window import IS_SWEEP

pytestmark = pytest.mark.browser

WANTED = {"KR-222": 3, "PE-86": 4, "IN-264": 5}
BENEFICIARY = "Amélie Núñez & Søn"
PURPOSE = "Heating of our office in 2025"
NUMBER = re.compile(r"TN\d+/\d{4}")


@dataclass(frozen=True)
class Way:
    """How somebody uses the shop."""

    name: str
    person: type[Person] = Person
    width: int = 1280
    has_script: bool = True

    @property
    def options(self) -> dict[str, Any]:
        """Options for the browser's context."""
        height = 900 if self.width > 320 else 640
        return {"viewport": {"width": self.width, "height": height}, "java_script_enabled": self.has_script}


TWO_ROWS = 128  # px: what the header takes when its words do not fit beside each other
WAYS = (Way("mouse"), Way("keyboard", KeyboardPerson), Way("320px", width=320), Way("noscript", has_script=False))

KEYBOARD, NARROW, WITHOUT_SCRIPT = WAYS[1:]
EVERY = [(language, way) for language in LANGUAGES for way in WAYS]
# Each language in `make test`, and the mouse where it is narrow; every pair of language and way in `make sweep`.
SOME = [("fr", KEYBOARD), ("es", NARROW), ("en", WITHOUT_SCRIPT)]


@pytest.mark.parametrize(("language", "way"), EVERY if IS_SWEEP else SOME, ids=lambda part: getattr(part, "name", part))
def test_a_new_user_buys_12_units_of_3_projects_in_one_payment_and_holds_the_papers(
    shop: Shop, open_page: OpenPage, tmp_path: Path, language: str, way: Way
) -> None:
    page = open_page(locale=language, **way.options)
    buyer = way.person(page, shop.address, language, is_narrow=way.width == 320)
    email = f"{way.name}-{language}@example.org"

    preview = buyer.go_as_far_as_payment(WANTED, email, BENEFICIARY, PURPOSE)
    buyer.pay()
    order_page = page.url
    buyer.wait_for_certificates(3)

    # The page has renewed itself where it stands; nobody reloaded it and nobody was led elsewhere.
    assert page.url == order_page
    assert BENEFICIARY in preview
    assert PURPOSE in preview

    numbers = set()
    for position in range(3):
        words = words_of(buyer.fetch(buyer.certificates().nth(position), tmp_path))
        numbers |= set(NUMBER.findall(words))
        assert BENEFICIARY in words
        assert PURPOSE in words
        assert bears_todays_date(words, language)
        assert in_language(language, "Certificate of voluntary cancellation") in words
        units = list(WANTED.values())[position]
        assert in_language(language, "SPECIMEN") in words
        assert re.search(rf"\b{units}\b", words)
    assert len(numbers) == 3

    summary = words_of(buyer.fetch(buyer.summary(), tmp_path))
    assert set(NUMBER.findall(summary)) == numbers
    assert re.search(r"\b12\b", summary)

    rows = shop.ask("SELECT total, state FROM purchase_order WHERE email = :email", email=email)
    assert [state.lower() for _total, state in rows] == ["fulfilled"]
    charged = shop.ask(
        "SELECT p.amount FROM payment p JOIN purchase_order o ON o.id = p.order_id WHERE o.email = :email", email=email
    )
    assert charged == [(rows[0][0],)]

    # The mails come in the language of the order, and lead to its page.
    receipt, certified = shop.mails_to(email, 2)
    assert set(NUMBER.findall(text_of(certified))) == numbers
    for mail in (receipt, certified):
        text = text_of(mail)
        links = re.findall(r"http://127\.0\.0\.1:\d+/\S+/orders/[\w-]+", text)
        assert links
        assert {link for link in links if f"/{language}/" in link} == set(links)
        elsewhere = open_page()
        elsewhere.goto(links[0])
        expect(elsewhere.locator("h1")).to_be_visible()
        assert BENEFICIARY in elsewhere.locator("main").inner_text()
        assert in_language(language, DEMONSTRATION) in " ".join(text.split())
    assert receipt["Subject"] != certified["Subject"]


DEMONSTRATION = "This is a demonstration: no payment is real and no unit was cancelled in any United Nations registry."


def test_declining_and_going_back_leave_the_basket_as_it_was_and_it_can_be_paid_then(
    shop: Shop, open_page: OpenPage, watch: Any
) -> None:
    page = open_page()
    buyer = Person(page, shop.address, "en")
    email = "declined@example.org"
    wanted = {"IN-1300": 2, "KH-363": 1}
    buyer.go_as_far_as_payment(wanted, email, "Zoë")

    with watch.expecting(402):
        buyer.pay("decline")
    expect(page.get_by_role("alert")).to_contain_text("Nothing was charged")
    with page.expect_navigation():
        page.get_by_role("link", name="Back").click()
    buyer.look()
    assert "/checkout/review" in page.url
    main = page.locator("main")
    expect(main).to_contain_text("Zoë")
    expect(main).to_contain_text(email)

    buyer.open("/basket")
    quantities = [field.input_value() for field in page.locator("input[name^=units-]").all()]
    assert quantities == ["2", "1"]

    buyer.check_out()
    form = page.locator("main form[action$='/checkout']")
    assert form.locator("[name=email]").input_value() == email
    buyer.follow(form.get_by_role("button"))
    buyer.order()
    buyer.pay()
    buyer.wait_for_certificates(2)
    states = shop.ask("SELECT state FROM purchase_order WHERE email = :email ORDER BY id", email=email)
    assert [state.lower() for (state,) in states] == ["expired", "fulfilled"]


def test_paying_by_bank_holds_the_units_and_certifies_when_the_money_arrives(shop: Shop, open_page: OpenPage) -> None:
    page = open_page()
    buyer = Person(page, shop.address, "en")
    buyer.go_as_far_as_payment({"PK-557": 2}, "bank@example.org")
    payment_page = page.url
    buyer.pay("bank")
    order_page = page.url
    expect(page.locator("h1")).to_have_text("Your bank is still working on the payment")
    assert buyer.certificates().count() == 0

    panel = page.context.new_page()
    panel.goto(f"{payment_page}/bank")
    panel.locator("button[name=action][value=settle]").click()
    expect(panel.locator("main")).to_contain_text("Paid")

    page.goto(order_page)
    buyer.wait_for_certificates(1)
    receipt = shop.mails_to("bank@example.org", 3)
    assert len({mail["Subject"] for mail in receipt}) == 3


NO_QUANTITIES = {
    "0": "1 or more",
    "-1": "without a sign",
    "1.5": "whole number",
    "1000000000": "units are left",
    "18401": "units are left",
    "": "how many",
    "twelve": "in digits",
}


def test_a_quantity_that_cannot_be_is_refused_beside_its_field(shop: Shop, open_page: OpenPage, watch: Any) -> None:
    page = open_page()
    buyer = Person(page, shop.address, "en")
    buyer.open("/projects/KR-222")
    for typed, reason in NO_QUANTITIES.items():
        field = page.locator("form[action$='/basket/add'] input[name=units]").first
        buyer.write(field, typed)
        with watch.expecting(422), page.expect_navigation():
            page.locator("form[action$='/basket/add']").first.get_by_role("button").click()
        _refused_beside(page, field, typed, reason)

    buyer.open()
    buyer.add("KR-222", 2)
    for typed, reason in NO_QUANTITIES.items():
        field = page.locator("input[name^=units-]")
        buyer.write(field, typed)
        with watch.expecting(422), page.expect_navigation():
            page.locator("button[name=action][value=checkout]").click()
        _refused_beside(page, field, typed, reason)


def _refused_beside(page: Any, field: Any, typed: str, reason: str) -> None:
    expect(field).to_have_attribute("aria-invalid", "true")
    assert field.input_value() == typed
    summary = page.get_by_role("alert")
    expect(summary).to_contain_text(reason)
    expect(summary).to_be_focused()
    described = [page.locator(f"id={name}") for name in field.get_attribute("aria-describedby").split()]
    assert any(reason in text.inner_text() for text in described)
    assert page.title().startswith("Error")
    summary.get_by_role("link").first.click()
    expect(field).to_be_focused()


def test_a_total_below_the_smallest_payment_names_the_number_that_works(
    shop: Shop, open_page: OpenPage, watch: Any
) -> None:
    ((reference, price),) = shop.ask(
        """SELECT p.reference, min(o.unit_price) FROM offer o JOIN issuance i ON i.id = o.issuance_id
        JOIN project p ON p.id = i.project_id WHERE o.unit_price = 38 GROUP BY p.reference"""
    )
    assert price == 38
    page = open_page()
    buyer = Person(page, shop.address, "en")
    buyer.open(f"/projects/{reference}")
    offer = page.locator("form[action$='/basket/add']").filter(has=page.locator("[data-price='38']"))
    buyer.write(offer.locator("input[name=units]"), "1")
    buyer.follow(offer.get_by_role("button"))
    with watch.expecting(422):
        page.locator("button[name=action][value=checkout]").click()
        field = page.locator("input[name^=units-]")
        _refused_beside(page, field, "1", "at least 2 units")
    buyer.write(field, "2")
    buyer.check_out()


def test_a_total_above_the_largest_payment_names_the_number_that_works(
    shop: Shop, open_page: OpenPage, watch: Any
) -> None:
    (most,) = shop.ask(
        """SELECT p.reference, o.id, o.unit_price FROM offer o JOIN issuance i ON i.id = o.issuance_id
        JOIN project p ON p.id = i.project_id WHERE o.unit_price = 850"""
    )
    reference, offer_id, price = most
    page = open_page()
    buyer = Person(page, shop.address, "en")
    shop.ask("UPDATE offer SET units_offered = 200000 WHERE id = :offer_id RETURNING id", offer_id=offer_id)
    buyer.open(f"/projects/{reference}")
    offer = page.locator("form[action$='/basket/add']").filter(has=page.locator(f"input[value='{offer_id}']"))
    buyer.write(offer.locator("input[name=units]"), "150000")
    buyer.follow(offer.get_by_role("button"))
    with watch.expecting(422):
        page.locator("button[name=action][value=checkout]").click()
        field = page.locator("input[name^=units-]")
        _refused_beside(page, field, "150000", f"{99_999_999 // price:,}")


def test_two_buyers_race_for_the_last_unit_and_one_is_told_and_not_charged(
    shop: Shop, open_page: OpenPage, watch: Any
) -> None:
    project = "GT-6973"  # of which nobody else buys at the same time
    offer_id = shop.leave_units(project, 1)
    pages = [open_page(), open_page()]
    for number, page in enumerate(pages):
        racer = Person(page, shop.address, "en")
        racer.open(f"/projects/{project}")
        offer = page.locator("form[action$='/basket/add']").filter(has=page.locator(f"input[value='{offer_id}']"))
        racer.write(offer.locator("input[name=units]"), "1")
        racer.follow(offer.get_by_role("button"))
        racer.check_out()
        racer.give_details(f"racer-{number}@example.org")
        page.locator("[name=consent]").check()
    # Who is a moment later is told at the basket, which is the answer or where the answer leads.
    watch.expected.add(409)
    for page in pages:
        page.locator("form[action$='/checkout/review'] button").click(no_wait_after=True)
    for page in pages:
        expect(page.locator("h1")).not_to_have_text("Check and pay", timeout=20_000)
        page.wait_for_load_state()
    winners = [page for page in pages if "/testpay/" in page.url]
    assert len(winners) == 1
    (loser,) = [page for page in pages if page not in winners]
    expect(loser.locator("main")).to_contain_text("held for other buyers")
    Person(winners[0], shop.address, "en").pay()
    Person(winners[0], shop.address, "en").wait_for_certificates(1)
    paid = shop.ask(
        """SELECT o.email, p.id FROM purchase_order o LEFT JOIN payment p ON p.order_id = o.id
        WHERE o.email IN ('racer-0@example.org', 'racer-1@example.org')"""
    )
    assert len(paid) == 1


def test_the_language_switch_stays_on_the_page_with_everything_in_it(shop: Shop, open_page: OpenPage) -> None:
    page = open_page()
    buyer, header = Person(page, shop.address, "en"), page.locator("header.top")

    def switch_to(language: str) -> None:
        path = page.url.removeprefix(f"{shop.address}/{buyer.language}")
        buyer.language = language
        buyer.follow(page.locator(f"header a[hreflang={language}]"))
        assert page.url == f"{shop.address}/{language}{path}"
        assert header.evaluate("header => header.offsetHeight") < TWO_ROWS, language

    buyer.open()
    switch_to("fr")
    buyer.open("/projects/PE-86")
    switch_to("es")
    buyer.open()
    buyer.add("PE-86", 2)
    switch_to("en")
    assert page.locator("input[name^=units-]").input_value() == "2"
    buyer.check_out()
    switch_to("fr")
    buyer.give_details("switch@example.org", "Zoë")
    switch_to("es")
    assert "Zoë" in page.locator("main").inner_text()
    buyer.order()
    buyer.pay()
    switch_to("fr")
    buyer.wait_for_certificates(1)
    switch_to("en")
    assert buyer.certificates().count() == 1
    buyer.open("/verify")
    switch_to("es")

    # The choice is remembered for addresses that name no language.
    page.goto(f"{shop.address}/")
    assert page.url == f"{shop.address}/es/"


@pytest.mark.parametrize(("wishes", "language"), [("fr-CH", "fr"), ("es-MX", "es"), ("de", "en")])
def test_the_first_visit_is_in_the_browsers_language(
    shop: Shop, open_page: OpenPage, wishes: str, language: str
) -> None:
    page = open_page(locale=wishes)
    page.goto(shop.address)
    assert page.url == f"{shop.address}/{language}/"


@pytest.mark.parametrize("path", ["/", "/projects/PE-86", "/verify"])
def test_public_pages_name_their_other_languages(shop: Shop, open_page: OpenPage, path: str) -> None:
    page = open_page()
    page.goto(f"{shop.address}/fr{path}")
    found = {
        link.get_attribute("hreflang"): link.get_attribute("href")
        for link in page.locator("head link[rel=alternate]").all()
    }
    expected = {language: f"{shop.address}/{language}{path}" for language in LANGUAGES}
    assert found == {**expected, "x-default": f"{shop.address}{path}"}


def test_baskets_and_orders_are_nobodys_business(shop: Shop, open_page: OpenPage) -> None:
    page = open_page()
    buyer = Person(page, shop.address, "en")
    buyer.go_as_far_as_payment({"KH-363": 1}, "private@example.org")
    visited = [address for address in buyer.seen if "/basket" in address or "/checkout" in address]
    buyer.pay()
    assert len(visited) == 3
    for address in [*visited, page.url]:
        page.goto(address)
        assert page.locator("head link[rel=alternate]").count() == 0
        assert page.locator("head meta[name=robots]").get_attribute("content") == "noindex"


def test_anyone_verifies_a_certificate_by_its_number_and_sees_all_of_it_with_its_code(
    shop: Shop, open_page: OpenPage, watch: Any, tmp_path: Path
) -> None:
    page = open_page()
    buyer = Person(page, shop.address, "en")
    buyer.go_as_far_as_payment({"ZA-1364": 3}, "verify@example.org", "Private Person", "A private purpose")
    buyer.pay()
    buyer.wait_for_certificates(1)
    paper = words_of(buyer.fetch(buyer.certificates(), tmp_path))
    number = NUMBER.search(paper)
    ((code,),) = shop.ask("SELECT verification_code FROM certificate WHERE number = :number", number=number[0])
    assert code in "".join(paper.split())

    reader = Person(open_page(), shop.address, "en")
    reader.open("/verify")
    reader.write(reader.page.locator("[name=number]"), number[0].lower())
    reader.follow(reader.page.get_by_role("button", name="Verify"))
    public = reader.page.locator("main").inner_text()
    assert number[0] in public
    assert "Private Person" not in reader.page.content()
    assert "A private purpose" not in reader.page.content()
    assert "SPECIMEN" in public

    reader.open("/verify")
    reader.write(reader.page.locator("[name=number]"), number[0])
    reader.write(reader.page.locator("[name=code]"), code)
    reader.follow(reader.page.get_by_role("button", name="Verify"))
    full = reader.page.locator("main").inner_text()
    assert "Private Person" in full
    assert "A private purpose" in full

    reader.open("/verify")
    reader.write(reader.page.locator("[name=number]"), number[0])
    reader.write(reader.page.locator("[name=code]"), "AAAA-AAAA-AAAA")
    reader.follow(reader.page.get_by_role("button", name="Verify"))
    expect(reader.page.get_by_role("alert")).to_contain_text("This code does not belong to certificate")
    assert "Private Person" not in reader.page.content()
    expect(reader.page.locator("main")).to_contain_text("A certificate with this number exists")

    reader.open("/verify")
    reader.write(reader.page.locator("[name=number]"), "TN999999/2026")
    with watch.expecting(404):
        reader.follow(reader.page.get_by_role("button", name="Verify"))
    expect(reader.page.get_by_role("alert")).to_contain_text("There is no certificate with this number")
    assert reader.page.locator("[name=number]").input_value() == "TN999999/2026"


def test_one_certificate_can_be_had_in_all_three_languages_with_one_number_at_any_time(
    shop: Shop, open_page: OpenPage, tmp_path: Path
) -> None:
    page = open_page()
    buyer = Person(page, shop.address, "fr")
    buyer.go_as_far_as_payment({"SV-297": 2}, "languages@example.org", "Zoë")
    buyer.pay()
    buyer.wait_for_certificates(1)
    order_page = page.url
    numbers = set()
    for language in LANGUAGES:
        page.goto(order_page)
        file = buyer.fetch(buyer.certificates(language), tmp_path / language)
        words = words_of(file)
        assert pages_of(file) == 1
        assert bears_todays_date(words, language)
        assert in_language(language, "Certificate of voluntary cancellation") in words
        numbers |= set(NUMBER.findall(words))
    assert len(numbers) == 1


NAMES = {
    "arabic": "منظمة حماية البيئة",
    "chinese": "北京绿色能源有限公司",
    "devanagari": "पर्यावरण संरक्षण समिति",
    "cyrillic": "Общество охраны природы Ёлка",
    "mixed": "Société 北京 «Ёлка» محمد",
    "long": "Association pour la préservation des écosystèmes montagnards " * 3 + "de Haute-Engadine",
}


# Every script is on the paper in the tests of certificates; here several in one line, one of them from right to left.
@pytest.mark.parametrize("script", NAMES if IS_SWEEP else ("mixed", "long"))
def test_a_beneficiary_in_any_script_is_on_the_preview_the_page_and_the_paper(
    shop: Shop, open_page: OpenPage, tmp_path: Path, script: str
) -> None:
    name = NAMES[script]
    page = open_page(viewport={"width": 320, "height": 640})
    buyer = Person(page, shop.address, "en", is_narrow=True)
    preview = buyer.go_as_far_as_payment({"IN-1300": 1}, f"{script}@example.org", name)
    assert name in " ".join(preview.split())
    buyer.pay()
    buyer.wait_for_certificates(1)
    expect(page.locator("main")).to_contain_text(name)
    paper = buyer.fetch(buyer.certificates(), tmp_path)
    assert pages_of(paper) == 1
    _stands_on(paper, name)
    page.goto(page.url)
    buyer.follow(page.locator("a[href*='/verify/'][href*='code=']"))
    expect(page.locator("main")).to_contain_text(name)


def _stands_on(paper: Path, name: str) -> None:
    # A PDF keeps letters and their places, not words: gaps and line breaks are the reader's guess.
    words = "".join(words_of(paper).split())
    missing = [word for word in unicodedata.normalize("NFKC", name).split() if word not in words]
    assert not missing, words


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_header_takes_one_row_and_on_a_phone_two_whatever_is_in_the_basket(
    shop: Shop, open_page: OpenPage, language: str
) -> None:
    page = open_page(locale=language)
    buyer = Person(page, shop.address, language)
    buyer.open()
    buyer.add("IN-1", 12_000)

    for width in (1280, 1100, 320):
        page.set_viewport_size({"width": width, "height": 640})
        assert page.locator("header.top").evaluate("header => header.offsetHeight") < TWO_ROWS, width
