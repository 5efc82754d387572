"""docs/first-offer.md, followed to the letter: from an application to offers on sale, with its own files."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from flask import Flask

from app.catalog.importer import import_issuances, import_projects
from app.catalog.mechanisms import ensure_mechanisms
from app.db import db
from app.offers import search_index
from app.offers.models import Offer
from app.offers.states import OfferState
from tests.builders import NOW
from tests.conftest import ROOT
from tests.pages import Page, Visitor
from tests.service.conftest import Shop
from tests.service.operations.test_people_to_try import made

FILES = ROOT / "docs" / "first-offer"
GUIDE = ROOT / "docs" / "first-offer.md"
PROJECT = "MN-5977"


def rows_of_project(name: str) -> str:
    """The rows of a file of the demonstration world that speak of the project of the guide."""
    header, *rows = csv.reader((ROOT / "app" / "demo" / "data" / f"{name}.csv").read_text().splitlines())
    out = io.StringIO()
    csv.writer(out).writerows([header, *(row for row in rows if row[0] == PROJECT)])
    return out.getvalue()


def sign_in(shop: Shop, name: str, password: str) -> Visitor:
    """Somebody at their own browser, with both factors."""
    visitor = shop.visitor()
    visitor.send(visitor.get("/en/account/sign-in"), "/sign-in", email=f"{name}@demo.tonne.example", password=password)
    code = shop.app.test_cli_runner().invoke(args=["demo", "code", f"{name}@demo.tonne.example"]).output.strip()
    visitor.send(visitor.get("/en/account/second-factor"), "/second-factor", code=code)
    return visitor


def upload(visitor: Visitor, page: Page, ending: str, file: Path, status: int = 303, **typed: str) -> Page:
    """Send a form with a file; gives the page that answers, or the next one."""
    form = page.form(ending)
    (name,) = [field for field in form.fields if field == "file"]
    fields = {**form.fields, **typed, name: (io.BytesIO(file.read_bytes()), file.name)}
    answer = visitor.client.post(form.action, data=fields, content_type="multipart/form-data")
    assert answer.status_code == status, (answer.status_code, answer.get_data(as_text=True)[-1500:])
    return visitor.get(answer.headers["Location"]) if status == 303 else visitor.read(answer, status)


def test_a_first_offer_goes_live_by_the_guide_alone(shop: Shop) -> None:
    with shop.inside():
        ensure_mechanisms()
        import_projects(rows_of_project("projects"), now=NOW)
        import_issuances(rows_of_project("issuances"), now=NOW)
        search_index.rebuild()
        keys = {email.split("@")[0]: password for email, (password, _secret) in made(shop.app).items()}
        db.session.remove()
    mia, eva, ole = (sign_in(shop, name, keys[name]) for name in ("mia", "eva", "ole"))

    # 2. Apply.
    begun = mia.send(mia.get("/en/sell/begin"), "/begin", name="First Wind LLC")
    place = begun.headers["Location"].removesuffix("/application")
    parts = f"{place}/application"
    company = {"legal_name": "First Wind LLC", "address": "Peace Avenue 1\nUlaanbaatar", "country": "MN"}
    mia.send(mia.get(f"{parts}/company"), "/company", **company, register_number="MN-0001")
    mia.send(mia.get(f"{parts}/contact"), "/contact")
    owner = {"name": "Mia Demonstration", "country": "MN", "birth_year": "1980", "share": "100"}
    mia.send(mia.get(f"{parts}/owners"), "/owners", **owner)
    payee = {"holder": "First Wind LLC", "bank": "Demonstration Bank", "account": "DE89 3704 0044 0532 0130 00"}
    mia.send(mia.get(f"{parts}/payee"), "/payee", **payee)
    upload(mia, mia.get(f"{parts}/documents"), "/documents", ROOT / "docs" / "screenshot.png")
    upload(mia, mia.get(f"{parts}/projects"), "/projects", ROOT / "docs" / "screenshot.png", reference=PROJECT)
    mia.send(mia.get(f"{parts}/certification"), "/certification", certified="y")
    mia.send(mia.get(f"{parts}/check"), "/check")

    # 3. Two operators approve.
    queue = eva.get("/en/desk/applications")
    application = next(link for link in queue.links if re.fullmatch(r"/en/desk/applications/\d+", link))
    page = eva.get(application)
    eva.send(eva.get(f"{application}/approve"), "/approve", code="first-wind", reason="Documents seen.")
    claim = next(link for link in page.links if "/authorities/" in link and link.endswith("/accept"))
    eva.send(eva.get(claim), "/accept", **_reason(eva.get(claim), "Letter of the focal point seen."))
    proposals = ole.get("/en/desk/proposals")
    proposal = next(link for link in proposals.links if re.fullmatch(r"/en/desk/proposals/\d+", link))
    ole.send(ole.get(proposal), proposal, decision="agree", reason="")

    # 4. The registry account and what lies in it.
    checked = upload(eva, eva.get("/en/desk/imports"), "/imports", FILES / "holdings.csv", 200, what="holdings")
    eva.send(checked, "/imports/apply")

    # 5. Offers from CSV: seen first, then applied; new ones are submitted at once.
    preview = upload(mia, mia.get(f"{place}/offers/import"), "/import", FILES / "offers.csv", 200)
    mia.send(preview, "/import/apply")
    codes = [row["code"] for row in csv.DictReader((FILES / "offers.csv").read_text().splitlines())]

    # 6. Approved in one go, and for sale.
    several = eva.get("/en/desk/offers").form("/desk/offers/approve")
    approved = eva.client.post(several.action, data={**several.fields, "code": codes})
    assert approved.status_code == 303
    with shop.inside():
        states = {offer.code: offer.state for offer in db.session.query(Offer)}
        db.session.remove()
    assert states == dict.fromkeys(codes, OfferState.LIVE)
    for language in ("en", "fr", "es"):
        assert "First Wind LLC" in shop.visitor().get(f"/{language}/projects/{PROJECT}").words
    assert "First Wind LLC" in mia.get(place).words


def _reason(page: Page, words: str) -> dict[str, str]:
    return {"reason": words} if any("reason" in form.fields for form in page.forms) else {}


@pytest.mark.parametrize("file", ["holdings.csv", "offers.csv"])
def test_the_guide_shows_each_file_as_it_is(app: Flask, file: str) -> None:
    assert (FILES / file).read_text().strip() in GUIDE.read_text().replace("    ", "")
