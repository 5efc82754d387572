"""A new participant and two new operators, by keyboard alone: from a mailed link to the numbers of the first sale.

`make test` goes this way in French, `make sweep` in every language.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, expect

from app.accounts.adapters import totp
from tests.browser.browser import Watch
from tests.browser.conftest import OpenPage
from tests.browser.papers import in_language
from tests.browser.person import KeyboardPerson
from tests.browser.server import ROOT, Shop, text_of
from tests.browser.window import IS_SWEEP

pytestmark = pytest.mark.browser

PROJECT = "MN-5977"
ISSUANCE = "1035976"  # the first serial number of an issuance that nobody of the demonstration holds
PAPER = ROOT / "docs" / "screenshot.png"
PASSWORD = "seven quiet herons over Selenge"
UNITS = 100
PRICE, PRICE_FROM_100 = 240, 220  # cents
HOLDINGS = "account,provider,project,unit_type,commitment_period,originating_party,serial_first,serial_last\n"
OFFERS = (
    "code,project,originating_party,serial_first,account,units,unit_price,currency,minimum_units,tiers,"
    "text_en,text_fr,text_es\n"
)

# Whether nothing has the focus yet, and the first link of the page leads past the header to where an element is.
IS_BEHIND_THE_SKIP = """element => document.activeElement === document.body
  && document.querySelector(document.querySelector("a.skip").hash).contains(element)"""


class Regular(KeyboardPerson):
    """Passes over the header of a page by the link that is there for it."""

    def reach(self, target: Locator) -> None:
        if target.evaluate(IS_BEHIND_THE_SKIP):
            super().reach(self.page.locator("a.skip"))
            self.page.keyboard.press("Enter")
        super().reach(target)

    def follow(self, target: Locator) -> None:
        self.reach(target)  # first, because passing over the header is a step in the browser's history too
        with self.page.expect_navigation(wait_until="load"):
            self.page.keyboard.press("Enter")
        self.look()

    def go(self, ending: str) -> None:
        """Follow the first link of the page's content whose address ends like this."""
        self.follow(self.page.locator(f"main a[href$='{ending}']").first)

    def send(self, ending: str) -> None:
        """Press the button of the form that goes to an address that ends like this."""
        self.follow(self.page.locator(f"main form[action$='{ending}'] button").last)

    def field(self, name: str) -> Locator:
        """The field of this name."""
        return self.page.locator(f"main form [name={name}]:not([type=hidden])")

    def main(self) -> Locator:
        """What the page says."""
        return self.page.locator("main")

    def fill(self, **texts: str) -> None:
        """Write into the fields of these names, in their order."""
        for name, words in texts.items():
            self.write(self.field(name), words)

    def enrol(self) -> None:
        """Set up the second factor with the key on the page, and keep the recovery codes."""
        address = self.page.locator("a[href^='otpauth:']").get_attribute("href") or ""
        secret = parse_qs(urlsplit(address).query)["secret"][0]
        self.fill(code=totp.code_at(secret, datetime.now(UTC)))
        self.send("/second-factor")
        self.follow(self.page.locator("main .actions a.button"))


@dataclass(frozen=True)
class Case:
    """What is called by the language, so that tests of three languages may share one shop."""

    language: str
    number: int

    @property
    def company(self) -> str:
        """The participant's legal name."""
        return f"Salkhit {self.language.upper()} LLC"

    @property
    def seller(self) -> str:
        """The participant's code."""
        return f"salkhit-{self.language}"

    @property
    def account(self) -> str:
        """The holding account."""
        return f"CDM-100-8{self.number}"

    @property
    def offers(self) -> tuple[str, str]:
        """The codes of both offers."""
        return f"SALKHIT-{self.language.upper()}-1", f"SALKHIT-{self.language.upper()}-2"

    def address_of(self, who: str) -> str:
        """Somebody's e-mail address."""
        return f"{who}-{self.language}@participant.example"

    def holdings_in(self, directory: Path) -> Path:
        """A file of holdings: 20,000 units."""
        first = 1_040_001 + 20_000 * self.number
        row = f"{self.account},{self.seller},{PROJECT},CER,2,MN,{first},{first + 19_999}\n"
        return _written(directory / "holdings.csv", HOLDINGS + row)

    def offers_in(self, directory: Path, name: str, units: int) -> Path:
        """A file of two offers, the first of which has `units`."""
        place = f"{PROJECT},MN,{ISSUANCE},{self.account}"
        first = f'{self.offers[0]},{place},{units},2.40,USD,1,100:2.20;1000:2.00,"Wind.","Du vent.","Viento."\n'
        second = f"{self.offers[1]},{place},8000,1.90,USD,500,,,,\n"
        return _written(directory / name, OFFERS + first + second)


def _written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def name_operator(shop: Shop, email: str, language: str) -> subprocess.Popen[str]:
    """`flask operator add`, which prints a link."""
    environment = {**os.environ, **shop.environment, "FLASK_APP": "wsgi.py"}
    command = [sys.executable, "-m", "flask", "operator", "add", "--language", language, email]
    return subprocess.Popen(command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE)


def link_in(words: str, part: str) -> str:
    """The first address in a text that has a part."""
    return next(word for word in re.findall(r"http\S+", words) if part in word)


def minor(target: Locator) -> int:
    """The cents of an amount in US dollars as a page writes it."""
    words = target.inner_text()
    assert "USD" in words
    return int(re.sub(r"\D", "", words))


CASES = [Case("en", 1), Case("fr", 2), Case("es", 3)]


@pytest.mark.parametrize("case", CASES if IS_SWEEP else CASES[1:2], ids=lambda case: case.language)
def test_from_a_mailed_link_to_the_first_sale_and_its_numbers_by_keyboard_alone(
    shop: Shop, open_page: OpenPage, watch: Watch, tmp_path: Path, case: Case
) -> None:
    mia, eva, ole, ben = (Regular(open_page(locale=case.language), shop.address, case.language) for _ in range(4))
    naming = [name_operator(shop, case.address_of(name), case.language) for name in ("eva", "ole")]

    _make_an_account(mia, shop, case)
    place = _apply(mia, case)
    for operator, command in zip((eva, ole), naming, strict=True):
        _begin_as_operator(operator, link_in(command.communicate()[0], "/account/"))
    _decide(eva, ole, case)
    _import_holdings(eva, case, tmp_path)
    _offer(mia, case, place, watch, tmp_path)
    _approve(eva, case)
    total = _buy(ben, case)
    _see_the_sale(mia, shop, case, place, total)


def _make_an_account(mia: Regular, shop: Shop, case: Case) -> None:
    mia.open()
    mia.follow(mia.page.locator("header a.account-link"))
    mia.go("/account/join")
    mia.fill(email=case.address_of("mia"))
    mia.send("/account/join")
    (mail,) = shop.mails_to(case.address_of("mia"), 1)
    mia.page.goto(link_in(text_of(mail), "/account/join/"))
    mia.look()
    mia.fill(name="Mia Müller", password=PASSWORD)
    mia.follow(mia.page.locator("main form button").first)
    expect(mia.page.locator("h1")).to_have_text(in_language(case.language, "Your orders"))


def _apply(mia: Regular, case: Case) -> str:
    mia.follow(mia.page.locator("footer a[href$='/sell']"))
    mia.go("/sell/begin")
    mia.fill(name=case.company)
    mia.send("/sell/begin")
    mia.enrol()  # whoever acts for an organisation must have a second factor
    place = urlsplit(mia.page.url).path.removesuffix("/application")

    def part(name: str) -> None:
        if not mia.page.url.endswith("/application"):
            mia.go("/application")
        mia.go(f"/application/{name}")

    part("company")
    mia.fill(legal_name=case.company, address="Peace Avenue 1\nUlaanbaatar")
    mia.choose(mia.field("country"), "MN")
    mia.fill(register_number="MN-0001")
    mia.send("/company")
    part("contact")
    assert mia.field("email").input_value() == case.address_of("mia")
    mia.send("/contact")
    part("owners")
    mia.fill(name="Mia Müller")
    mia.choose(mia.field("country"), "MN")
    mia.fill(birth_year="1980", share="100")
    mia.send("/owners")
    part("payee")
    mia.fill(holder=case.company, bank="Demonstration Bank", account="DE89 3704 0044 0532 0130 00")
    mia.send("/payee")
    part("documents")
    mia.attach(mia.field("file"), PAPER)
    mia.send("/documents")
    part("projects")
    mia.fill(reference=PROJECT)
    mia.attach(mia.field("file"), PAPER)
    mia.send("/projects")
    part("certification")
    mia.tick(mia.field("certified"))
    mia.send("/certification")
    expect(mia.main()).to_contain_text(PAPER.name)
    mia.send("/check")
    return place


def _begin_as_operator(operator: Regular, link: str) -> None:
    operator.page.goto(link)
    operator.look()
    operator.fill(password=PASSWORD)
    operator.follow(operator.page.locator("main form button").first)
    operator.go("/desk")
    operator.enrol()


def _decide(eva: Regular, ole: Regular, case: Case) -> None:
    eva.go("/desk/applications")
    eva.follow(eva.page.get_by_role("link", name=case.company))
    eva.go("/accept")
    eva.fill(reason="Seen.")
    eva.send("/accept")
    eva.go("/approve")
    eva.fill(code=case.seller, reason="Seen.")
    eva.send("/approve")

    ole.go("/desk/proposals")
    ole.follow(ole.main().get_by_role("row").filter(has_text=case.company).get_by_role("link"))
    ole.tick(ole.page.locator("[name=decision][value=agree]"))
    ole.follow(ole.page.locator("main form button").last)


def _import_holdings(eva: Regular, case: Case, directory: Path) -> None:
    eva.go("/desk/imports")
    eva.choose(eva.field("what"), "holdings")
    eva.attach(eva.field("file"), case.holdings_in(directory))
    eva.send("/imports")
    eva.send("/imports/apply")


def _offer(mia: Regular, case: Case, place: str, watch: Watch, directory: Path) -> None:
    mia.page.goto(f"{mia.address}{place}")
    mia.look()
    mia.go("/offers")
    mia.go("/offers/import")
    mia.attach(mia.field("file"), case.offers_in(directory, "too-many.csv", 12_001))
    with watch.expecting(422):
        mia.send("/import")
    expect(mia.page.get_by_role("alert")).to_be_focused()
    mia.attach(mia.field("file"), case.offers_in(directory, "offers.csv", 12_000))
    mia.send("/import")
    mia.send("/import/apply")
    for code in case.offers:
        expect(mia.main()).to_contain_text(code)


def _approve(eva: Regular, case: Case) -> None:
    eva.go("/desk/offers")
    for code in case.offers:
        eva.tick(eva.page.locator(f"[name=code][value={code}]"))
    eva.send("/desk/offers/approve")


def _buy(ben: Regular, case: Case) -> int:
    ben.open()
    ben.write(ben.page.locator("main [name=q]"), PROJECT)
    with ben.page.expect_navigation(wait_until="load"):
        ben.page.keyboard.press("Enter")
    ben.look()
    ben.go(f"/projects/{PROJECT}")
    offers = ben.page.locator("li.offer").filter(has_text=case.company)
    assert offers.count() == 2
    dear = offers.filter(has=ben.page.locator(f"[data-price='{PRICE}']"))
    ben.write(dear.locator("[name=units]"), str(UNITS))
    ben.follow(dear.locator("form").get_by_role("button"))
    ben.check_out()
    ben.give_details(case.address_of("ben"), "Hidden Name")
    ben.order()
    ben.pay()
    ben.wait_for_certificates(1)
    return UNITS * PRICE_FROM_100


def _see_the_sale(mia: Regular, shop: Shop, case: Case, place: str, total: int) -> None:
    shown = []
    language = case.language

    def tile(name: str) -> Locator:
        named = mia.page.locator("dl.tiles > div").filter(
            has=mia.page.locator("dt", has_text=re.compile(f"^{re.escape(in_language(language, name))}$"))
        )
        return named.locator("dd").first

    mia.page.goto(f"{mia.address}{place}")
    mia.look()
    expect(tile("Units sold and cancelled")).to_have_text(str(UNITS))
    earned, due = minor(tile("Earned so far")), minor(tile("Due to you"))
    shown.append(mia.page.content())

    mia.go(f"{place}/orders")
    (row,) = mia.page.locator("tbody tr").all()
    expect(row).to_contain_text(case.offers[0])
    order = row.locator("th .mono").inner_text()
    mia.press(row.locator("summary"))
    share, *parts, paid = map(minor, row.locator("dl.offer-facts dd").all())
    shown.append(mia.page.content())

    mia.go(f"{place}/earnings")
    assert minor(tile("Earned so far")) == minor(tile("Due to you")) == earned
    shown.append(mia.page.content())

    # What was listed, less the parts that are shown, to the cent.
    assert paid == total
    assert all(part >= 0 for part in parts)
    assert earned == due == share == total - sum(parts)

    assert not [page for page in shown if case.address_of("ben") in page or "Hidden Name" in page]
    # The link, two decisions about the application, two about offers, and the sale.
    mails = [text_of(mail) for mail in shop.mails_to(case.address_of("mia"), 6, about=order)]
    assert [words for words in mails if order in words and str(UNITS) in words]
    assert not [words for words in mails if case.address_of("ben") in words or "Hidden Name" in words]
