"""The questions people ask, answered: every page in every language, with figures that are true at the moment."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from app.config import Settings
from app.content import pages
from app.content.values import EXAMPLE, example
from app.db import transaction
from app.kernel.languages import CODES as LANGUAGES
from app.offers.models import Offer
from app.offers.states import OfferState
from tests.pages import Page
from tests.service.worlds import load_small_world

AppMaker = Callable[..., Flask]


def read(client: FlaskClient, path: str) -> Page:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return Page(answer.text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_index_leads_to_every_question_in_the_readers_language(client: FlaskClient, language: str) -> None:
    index = read(client, f"/{language}/about")

    for name in pages.NAMES:
        page = read(client, f"/{language}/about/{name}")
        assert f"/{language}/about/{name}" in index.links
        assert page.html.count("<h1>") == 1
        assert "{{" not in page.html
        assert "{%" not in page.html
        # Whatever stands under "On this page" is on this page.
        for link in page.links:
            if link.startswith("#"):
                assert link[1:] in page.by_id, (name, link)


def test_a_question_that_nobody_asked_is_not_found(client: FlaskClient) -> None:
    assert client.get("/en/about/nothing").status_code == 404
    assert client.get("/en/about/..%2F..%2Fpages").status_code == 404


def test_the_life_of_a_unit_is_told_in_eight_steps_and_then_the_line_of_proof(client: FlaskClient) -> None:
    html = client.get("/en/about/how-it-works").text

    life = html.split('<ol class="life">')[1].split("</ol>")[0]
    assert re.findall(r"<li><strong>(.*?)</strong><br>", life) == [
        "Design", "National approval", "Validation", "Registration", "Monitoring", "Verification", "Issuance",
        "Cancellation",
    ]  # fmt: skip
    assert html.index('class="life"') < html.index('class="proof is-complete"')


def test_sources_say_who_published_what_when_and_where_also_on_paper(client: FlaskClient) -> None:
    page = read(client, "/en/about/claims")

    law = "https://www.legifrance.gouv.fr"
    assert law in page.links
    assert f'<span class="address">{law}</span>' in page.html
    assert 'rel="noopener noreferrer" lang="fr"' in page.html
    assert "Journal officiel de la République française, 14 April 2022" in page.words
    assert "This is not legal advice." in page.words


def test_a_source_without_an_address_of_its_publisher_is_named_and_not_linked(client: FlaskClient) -> None:
    page = read(client, "/en/about/legitimate")

    assert '<cite lang="en">UN offers new marketplace for stranded carbon offsets</cite>' in page.html
    assert "Carbon Market Watch, 22 September 2015" in page.words
    assert "" not in page.links
    assert '<span class="address"></span>' not in page.html


@pytest.mark.parametrize(
    ("language", "rule", "advice"),
    [
        ("en", "Directive (EU) 2024/825, applied since 27 September 2026", "This is not legal advice."),
        ("fr", "Décrets n° 2022-538 et n° 2022-539 du 13 avril 2022", "Ceci n’est pas un conseil juridique."),
        ("es", "Directiva (UE) 2024/825, aplicable desde el 27 de septiembre", "Esto no es asesoramiento jurídico."),
    ],
)
def test_the_claims_page_begins_with_the_law_of_its_readers(
    client: FlaskClient, language: str, rule: str, advice: str
) -> None:
    page = read(client, f"/{language}/about/claims")

    first, second = (page.html.index(f'<h2 id="{law}-law">') for law in ("first", "second"))
    assert page.words.index(advice) < page.words.index(rule)
    assert rule[:9] in page.html[first:second]
    for also in ("2024/825", "2022-538", "VCMI", "ISO 14068-1"):
        assert also in page.words


def test_prices_are_those_of_this_moment(context: Flask) -> None:
    client = context.test_client()
    assert "At this moment nothing is for sale." in read(client, "/en/about/where-the-money-goes").words

    load_small_world()
    page = read(client, "/en/about/where-the-money-goes")
    assert "At this moment units of 2 projects are for sale, at USD\u00a00.38 to USD\u00a0" in page.html

    with transaction() as session:
        session.execute(update(Offer).values(state=OfferState.PAUSED))
    assert "At this moment nothing is for sale." in read(client, "/en/about/where-the-money-goes").words


def test_the_example_is_settled_by_the_rule_of_real_orders(make_app: AppMaker) -> None:
    app = make_app(PAYMENT_COST_RATE="290", PAYMENT_COST_FIXED="30", TAX_RATE="2000", PLATFORM_FEE_RATE="500")
    settings: Settings = app.extensions["tonne.settings"]
    with app.test_request_context("/en/"):
        shown = example(settings)
    page = read(app.test_client(), "/en/about/where-the-money-goes")

    assert shown.total.minor == sum(units * price for units, price in EXAMPLE) == 3600
    assert (
        shown.seller.minor + shown.payment_cost.minor + shown.tax.minor + shown.platform_fee.minor == shown.total.minor
    )
    # 2.9 % of 36.00 is 1.04, and 0.30; tax is contained: 20.00/6 and 16.00/6; the fee is 5 % of each.
    assert (shown.payment_cost.minor, shown.tax.minor, shown.platform_fee.minor) == (134, 333 + 267, 100 + 80)
    for amount in ("36.00", "1.34", "6.00", "1.80", "14.93", "11.93"):
        assert f"USD\u00a0{amount}" in page.html
    for share in ("2.9%", "USD\u00a00.30", "20%", "5%"):
        assert share in page.html


def test_shares_are_written_as_the_language_writes_them(client: FlaskClient) -> None:
    assert "2,9\u00a0%" in client.get("/fr/about/where-the-money-goes").text
    assert "2,9\u00a0%" in client.get("/es/about/where-the-money-goes").text


def test_times_and_names_come_from_the_shop_itself(make_app: AppMaker) -> None:
    client = make_app(OPERATOR_NAME="Ämter & Söhne <AG>", COMPLAINT_DAYS="21").test_client()

    assert "stays open for 31 minutes" in client.get("/en/about/how-it-works").text
    assert "no more than 10 minutes longer" in client.get("/en/about/how-it-works").text
    assert "within 5 minutes" in client.get("/en/about/how-it-works").text
    assert "Ämter &amp; Söhne &lt;AG&gt; states this" in client.get("/en/about/accessibility").text
    assert "within 21 days" in client.get("/en/about/legitimate").text


def test_withdrawal_takes_two_steps_and_ends_with_the_cancellation(client: FlaskClient) -> None:
    for language, steps, ends in (
        ("en", ("State it.", "Confirm it."), "Your right ends when it is complete"),
        ("fr", ("Déclarez-le.", "Confirmez-le."), "Votre droit prend fin quand elle est achevée"),
        ("es", ("Declárelo.", "Confírmelo."), "Su derecho termina cuando se completa"),
    ):
        page = read(client, f"/{language}/about/refunds")
        assert all(step in page.words for step in steps)
        assert ends in page.words


def test_the_accessibility_statement_lists_its_results(client: FlaskClient) -> None:
    for language, result in (("en", "no violation"), ("fr", "aucune infraction"), ("es", "ninguna infracción")):
        page = read(client, f"/{language}/about/accessibility")
        assert page.words.count(result) == 2
        assert "WCAG" in page.words
        assert f"/{language}/complaint" in page.links
