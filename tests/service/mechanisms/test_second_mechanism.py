"""A second mechanism sells from file to proof by configuration alone; its buyer meets no word of the first one."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask, render_template
from sqlalchemy import select

from app.catalog.importer import import_issuances, import_projects
from app.catalog.models import Issuance
from app.certificates.facts import from_json
from app.certificates.models import Certificate
from app.checkout.errors import IntentNotAllowed
from app.checkout.models import Order
from app.checkout.service import correct
from app.db import db
from app.direct.models import DirectCancellation
from app.kernel.references import certificate_slug
from app.offers.importer import import_offers
from app.offers.models import Offer
from app.providers.importer import import_providers
from app.registry.ledger.importer import import_holdings
from app.registry.ports import current_registries
from app.web.i18n import in_locale
from tests.builders import NOW, a_paid_order, no_mechanisms
from tests.pages import Page, Visitor
from tests.people import a_participant, a_person, actor_of, an_operator, an_organisation, sign_in_as
from tests.service.conftest import Shop

FILE = Path(__file__).parents[3] / "docs" / "mechanisms" / "a6_4.toml"
PAGES_OF_LANGUAGES = ("en", "fr", "es")

PROVIDERS = """\
code,legal_name,country,is_demonstration
stoves,Cook Stoves Myanmar Ltd,MM,yes
"""
PROJECTS = """\
reference,mechanism_code,title,kind,project_type,host_parties,region,is_least_developed,sectoral_scopes,facts_on
A64-MM-10471,A6.4,Improved Cook Stoves in Myanmar,PoA,EE households,MM,Asia and the Pacific,no,3,2026-10-01
"""
ISSUANCES = """\
project,unit_type,vintage_year,authorisation,originating_party,serial_first,serial_last,units,completed_at,monitoring_starts_on,monitoring_ends_on
A64-MM-10471,A6.4ER,2021,authorised,MM,1,10000,10000,2026-02-20T10:00:00Z,2021-01-01,2021-12-31
A64-MM-10471,A6.4ER,2022,mitigation_contribution,MM,10001,20000,10000,2026-02-20T10:00:00Z,2022-01-01,2022-12-31
"""
# What is left of each issuance after 5 % for adaptation and 2 % for overall mitigation.
HOLDINGS = """\
account,provider,project,unit_type,vintage_year,originating_party,serial_first,serial_last
A64-100-1,stoves,A64-MM-10471,A6.4ER,2021,MM,701,10000
A64-100-1,stoves,A64-MM-10471,A6.4ER,2022,MM,10701,20000
"""
OFFERS = """\
code,provider,project,originating_party,serial_first,account,units,unit_price,currency
A64-1,stoves,A64-MM-10471,MM,1,A64-100-1,500,12.00,USD
A64-2,stoves,A64-MM-10471,MM,10001,A64-100-1,500,7.00,USD
"""


@pytest.fixture
def shop_of_a64(shop: Shop) -> Shop:
    """A shop with the second mechanism alone, made by the commands and importers of every day."""
    return with_the_second_mechanism(shop, FILE)


def with_the_second_mechanism(shop: Shop, file: Path) -> Shop:
    """A shop that sells units of the mechanism in a file and of no other."""
    with shop.inside():
        no_mechanisms()
    outcome = shop.app.test_cli_runner().invoke(args=["catalog", "mechanisms", str(file)])
    assert outcome.exit_code == 0, outcome.output
    with shop.inside():
        import_providers(PROVIDERS, now=NOW)
        import_projects(PROJECTS, now=NOW)
        import_issuances(ISSUANCES, now=NOW)
        import_holdings(HOLDINGS, now=NOW)
        import_offers(OFFERS, now=NOW, holdings=current_registries().holdings, currency_code="USD")
    return shop


def offer_ids(shop: Shop) -> list[int]:
    """The authorised offer, then the other one."""
    with shop.inside():
        return list(db.session.scalars(select(Offer.id).order_by(Offer.code)))


def of_the_first_mechanism(text: str) -> list[str]:
    """What of the Clean Development Mechanism stands in a text that people read."""
    return re.findall(r"(?:\bt?l?CERs?\b|URCE|\bRCE\b|\bCDM\b|\bMDP\b|\bMDL\b|Clean Development).{0,40}", text)


def buy(shop: Shop, visitor: Visitor, language: str, wanted: dict[int, int], **typed: str) -> tuple[list[Page], str]:
    """Buy over HTTP from the list to the payment; gives the pages seen and the address of the order."""
    seen = [
        visitor.get(f"/{language}/"),
        visitor.get(f"/{language}/projects/A64-MM-10471"),
        visitor.get(f"/{language}/compare?p=A64-MM-10471"),
    ]
    for offer_id, units in wanted.items():
        form = next(f for f in seen[1].forms if f.fields.get("offer_id") == str(offer_id))
        answer = visitor.client.post(form.action, data=form.fields | {"units": str(units)})
        assert answer.status_code == 303
    seen.append(visitor.get(f"/{language}/basket"))
    seen.append(visitor.get(f"/{language}/checkout"))
    visitor.send(seen[-1], "/checkout", fields={"email": "buyer@example.org"} | typed)
    seen.append(visitor.get(f"/{language}/checkout/review"))
    visitor.send(seen[-1], "/checkout/review", consent="y")
    shop.gateway.pay()
    with shop.inside():
        token = db.session.scalars(select(Order.token).order_by(Order.id.desc()).limit(1)).one()
    shop.clock.advance(timedelta(minutes=10))
    shop.work()
    return seen, f"/{language}/orders/{token}"


@pytest.mark.parametrize("language", PAGES_OF_LANGUAGES)
def test_a_guest_buys_units_of_the_second_mechanism_and_meets_no_word_of_the_first(
    shop_of_a64: Shop, language: str
) -> None:
    shop, visitor = shop_of_a64, shop_of_a64.visitor()
    authorised, other = offer_ids(shop)

    seen, order_address = buy(shop, visitor, language, {authorised: 3, other: 2})
    seen.append(visitor.get(order_address))

    with shop.inside():
        certificate = db.session.scalars(select(Certificate)).one()
        facts = from_json(certificate.facts)
        number, code = certificate.number, facts.verification_code
        printed = {lang: paper(shop.app, certificate.facts, lang) for lang in PAGES_OF_LANGUAGES}
    slug = certificate_slug(number)
    seen += [
        visitor.get(f"/{language}/register"),
        visitor.get(f"/{language}/register/{slug}"),
        visitor.get(f"/{language}/verify/{slug}"),
        visitor.get(f"/{language}/verify/{slug}?code={code}"),
    ]
    found = visitor.get(f"/{language}/register?q=A64-MM-10471-2021-702")
    assert f"/{language}/register/{slug}" in found.links
    for page in seen:
        assert of_the_first_mechanism(page.words) == []
        assert of_the_first_mechanism(page.html) == []
    for text in printed.values():
        assert of_the_first_mechanism(text) == []
        assert "A6.4ER" in text
    mails = shop.mailer.sent
    assert [mail.locale for mail in mails] == [language, language]
    for mail in mails:
        assert of_the_first_mechanism(f"{mail.subject}\n{mail.text}\n{mail.html}") == []
        assert "A6.4ER" in mail.text

    assert facts.mechanism == "A6.4"
    assert {(t.vintage_year, t.authorisation, t.commitment_period, t.units) for t in facts.transactions} == {
        (2021, "authorised", None, 3),
        (2022, "mitigation_contribution", None, 2),
    }
    assert sorted(r.first for t in facts.transactions for r in t.ranges) == [
        "A64-MM-10471-2021-701", "A64-MM-10471-2022-10701",
    ]  # fmt: skip


def paper(app: Flask, facts: str, language: str) -> str:
    """What stands on the printed certificate."""
    with app.test_request_context(), in_locale(language):
        return render_template(
            "certificates/pdf/certificate.html", facts=from_json(facts), locale=language, created="2026-11-22T10:00:00Z"
        )


def test_a_serial_number_says_where_its_units_lie_and_no_number_space_is_shared(shop_of_a64: Shop) -> None:
    with shop_of_a64.inside():
        rows = db.session.execute(select(Issuance.space, Issuance.vintage_year, Issuance.authorisation)).all()

    assert rows == [("A64-MM", 2021, "authorised"), ("A64-MM", 2022, "mitigation_contribution")]


def test_authorised_units_are_told_from_others_wherever_a_buyer_chooses(shop_of_a64: Shop) -> None:
    visitor = shop_of_a64.visitor()

    project = visitor.get("/en/projects/A64-MM-10471")
    assert "Authorised by the host Party" in project.words
    assert "You may not set these units against emissions of your own." in project.words
    listed = visitor.get("/en/")
    assert {"authorised", "mitigation_contribution"} <= {
        given["value"] for given in listed.by_id.values() if given.get("name") == "authorisation"
    }
    compared = visitor.get("/en/compare?p=A64-MM-10471")
    assert "vintage 2022, Mitigation contribution, not authorised" in compared.words


def test_the_list_can_be_narrowed_to_authorised_units(shop_of_a64: Shop) -> None:
    visitor = shop_of_a64.visitor()

    assert "Improved Cook Stoves" in visitor.get("/en/?authorisation=authorised").words
    assert "Improved Cook Stoves" in visitor.get("/en/?period=2022").words
    assert "Improved Cook Stoves" not in visitor.get("/en/?period=2030").words


def test_units_that_are_not_authorised_cannot_be_set_against_own_emissions(shop_of_a64: Shop) -> None:
    shop, visitor = shop_of_a64, shop_of_a64.visitor()
    authorised, other = offer_ids(shop)
    page = visitor.get("/en/projects/A64-MM-10471")
    form = next(f for f in page.forms if f.fields.get("offer_id") == str(authorised))
    visitor.client.post(form.action, data=form.fields | {"units": "2"})

    details = visitor.get("/en/checkout")
    assert "Compensation: I set it against emissions" in details.words
    visitor.send(details, "/checkout", fields={"email": "buyer@example.org", "intent": "compensation"})
    form = next(f for f in page.forms if f.fields.get("offer_id") == str(other))
    visitor.client.post(form.action, data=form.fields | {"units": "2"})

    review = visitor.get("/en/checkout/review")
    refused = visitor.read(visitor.send(review, "/checkout/review", 409, consent="y"), 409)
    assert "“Mitigation contribution, not authorised” cannot be cancelled for this" in refused.words
    details = visitor.get("/en/checkout")
    assert "Compensation: I set it against emissions" not in details.words
    visitor.send(details, "/checkout", 422, fields={"intent": "compensation"})


def test_a_holder_cannot_set_units_that_are_not_authorised_against_emissions_either(shop_of_a64: Shop) -> None:
    shop, room = shop_of_a64, "/en/sell/stoves12/cancellations"
    with shop.inside():
        holder = a_person("holder@stoves.example")
        a_participant(an_organisation("stoves12", "Cook Stoves Myanmar Ltd", seller=holder), "stoves")
        visitor = Visitor(sign_in_as(shop.app, holder))
        pools = {
            code: f"A64-100-1|{id_}" for code, id_ in db.session.execute(select(Issuance.authorisation, Issuance.id))
        }
    typed = {"units": "3", "on_behalf_of": "itself", "purpose_category": "own_emissions", "intent": "compensation"}

    page = visitor.get(f"{room}/new")
    for step in ({"step": "check"}, {"step": "place", "consent": "y"}):
        wanted = typed | step | {"pool": pools["mitigation_contribution"]}
        refused = visitor.read(visitor.send(page, "/new", 422, fields=wanted), 422)
        assert "“Mitigation contribution, not authorised” cannot be cancelled for this: Compensation" in refused.words
    with shop.inside():
        assert db.session.scalars(select(DirectCancellation)).all() == []

    visitor.send(page, "/new", 200, fields=typed | {"step": "check", "pool": pools["authorised"]})
    other = typed | {"intent": "contribution", "pool": pools["mitigation_contribution"]}
    visitor.send(page, "/new", fields=other | {"step": "place", "consent": "y"})


def test_no_correction_by_operators_sets_units_that_are_not_authorised_against_emissions(shop_of_a64: Shop) -> None:
    shop = shop_of_a64
    authorised, other = offer_ids(shop)
    with shop.inside() as world:
        eva = actor_of(an_operator())
        orders = [a_paid_order(world, wanted) for wanted in ({authorised: 2}, {authorised: 2, other: 2})]
        for order_id, is_allowed in zip(orders, (True, False), strict=True):
            said = correct.words_of(order_id) | {"intent": "compensation"}
            if is_allowed:
                correct.propose_beneficiary(order_id, said, eva, reason="By letter.", now=NOW)
            else:
                with pytest.raises(IntentNotAllowed):
                    correct.propose_beneficiary(order_id, said, eva, reason="By letter.", now=NOW)
        reference = db.session.get_one(Order, orders[1]).reference
        desk = Visitor(sign_in_as(shop.app, eva.person_id or 0))

    page = desk.get(f"/en/desk/orders/{reference}/beneficiary")
    wanted = {"intent": "compensation", "reason": "By letter."}
    refused = desk.read(desk.send(page, "/beneficiary", 422, fields=wanted), 422)
    assert "may not be cancelled for this" in refused.words


def test_the_files_of_the_register_have_vintage_and_authorisation(shop_of_a64: Shop) -> None:
    shop, visitor = shop_of_a64, shop_of_a64.visitor()
    buy(shop, visitor, "en", {offer_ids(shop)[0]: 3})

    data = json.loads(visitor.client.get("/en/register.json").get_data(as_text=True))
    (transaction,) = data["cancellations"][0]["transactions"]
    assert (transaction["vintage_year"], transaction["authorisation"], transaction["commitment_period"]) == (
        2021, "authorised", None,
    )  # fmt: skip


def test_the_register_finds_serial_numbers_whatever_their_space_is_called(shop: Shop, tmp_path: Path) -> None:
    file, form = tmp_path / "a6_4.toml", 'space_form = "A64-{party}"'
    file.write_text(FILE.read_text(encoding="utf-8").replace(form, form.replace("-", ":")), encoding="utf-8")
    visitor = with_the_second_mechanism(shop, file).visitor()
    buy(shop, visitor, "en", {offer_ids(shop)[0]: 3})

    assert "/en/register/TN1-2026" in visitor.get("/en/register?q=A64-MM-10471-2021-702").links
    assert "/en/register/TN1-2026" not in visitor.get("/en/register?q=MM+702").links
