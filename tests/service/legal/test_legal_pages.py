"""Legal texts as their readers meet them, the contact page, and the terms that an order keeps."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from app.checkout.models import Order
from app.config import LEGAL_TEXTS, BadSettings
from app.db import db
from app.kernel.clock import FixedClock
from app.kernel.languages import CODES as LANGUAGES
from tests.conftest import AppMaker
from tests.pages import Visitor
from tests.service.conftest import Shop

NEW_TERMS = """+++
title = "New terms LANGUAGE"
description = "New."
updated = 2026-11-20
+++
By {{ operator }}.
"""


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """The product's own texts, and terms of the operator's that begin on 1 December 2026."""
    directory = tmp_path / "legal"
    for language in LANGUAGES:
        (directory / language).mkdir(parents=True)
        for path in (LEGAL_TEXTS / language).iterdir():
            (directory / language / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
        (directory / language / "terms@2026-12-01.md").write_text(
            NEW_TERMS.replace("LANGUAGE", language),
            encoding="utf-8",
        )
    return directory


def visitor(make_app: AppMaker, **changes: str) -> Visitor:
    return Visitor(make_app(**changes).test_client())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["terms", "privacy", "imprint"])
def test_every_legal_text_can_be_read_in_every_language(shop: Shop, name: str, language: str) -> None:
    page = shop.visitor().get(f"/{language}/legal/{name}")

    assert page.html.count("<h1") == 1
    assert "2026" in page.words
    assert "{{" not in page.html
    assert "Tonne Demo" in page.words


def test_there_is_no_text_of_another_name_or_version(shop: Shop) -> None:
    for path in ("/en/legal/rules", "/en/legal/terms?version=2025-01-01", "/en/legal/terms?version=x"):
        shop.visitor().get(path, 404)


def test_a_page_says_since_when_it_is_in_force_and_earlier_and_later_versions_stay_readable(
    make_app: AppMaker, clock: FixedClock, texts: Path
) -> None:
    reader = visitor(make_app, LEGAL_TEXTS=str(texts))

    page = reader.get("/en/legal/terms")
    assert "In force since 1 November 2026" in page.words
    assert "/en/legal/terms?version=2026-12-01" in page.links
    coming = reader.get("/en/legal/terms?version=2026-12-01")
    assert "This version is not in force yet. It will be from 1 December 2026." in coming.words
    assert "New terms en" in coming.words

    clock.advance(timedelta(days=9))

    page = reader.get("/en/legal/terms")
    assert "New terms en" in page.words
    assert "In force since 1 December 2026" in page.words
    old = reader.get("/en/legal/terms?version=2026-11-01")
    assert "no longer in force. It was from 1 November 2026 to 30 November 2026." in old.words
    assert "/en/legal/terms" in old.links
    assert "New terms fr" in reader.get("/fr/legal/terms").words
    assert "All versions" not in reader.get("/en/legal/privacy").words


def test_the_shop_does_not_start_with_texts_that_cannot_be_used(make_app: AppMaker, texts: Path) -> None:
    (texts / "fr" / "terms@2026-12-01.md").unlink()

    with pytest.raises(BadSettings, match="terms@2026-12-01 is missing in fr"):
        make_app(LEGAL_TEXTS=str(texts))


def test_an_order_keeps_the_terms_that_were_in_force_and_leads_to_them_for_ever(shop: Shop) -> None:
    guest = shop.visitor()
    review = shop.at_review(guest, {shop.offer(): 3})
    assert "under the terms of sale in force since 1 November 2026" in review.words
    assert "/en/legal/terms?version=2026-11-01" in review.links
    assert "/en/about/refunds" in review.links
    guest.send(review, "/checkout/review", consent="y")

    with shop.inside():
        order = db.session.scalars(select(Order)).one()
        assert order.terms_version == "2026-11-01"
        assert "under the terms of sale in force since 1 November 2026" in order.consent_text
        token = order.token
    assert "/en/legal/terms?version=2026-11-01" in guest.get(f"/en/orders/{token}").links


def test_the_receipt_leads_to_the_terms_of_its_order(shop: Shop) -> None:
    shop.finished_order({shop.offer(): 2})

    (receipt,) = [mail for mail in shop.mailer.sent if "Receipt" in mail.subject]
    assert "http://127.0.0.1:5000/en/legal/terms?version=2026-11-01" in receipt.text


def test_an_order_from_before_terms_had_versions_shows_no_link_to_them(shop: Shop) -> None:
    token = shop.finished_order({shop.offer(): 2})
    with shop.inside():
        db.session.scalars(select(Order)).one().terms_version = None
        db.session.commit()

    assert not [link for link in shop.visitor().get(f"/en/orders/{token}").links if "/legal/terms?" in link]


def test_nobody_orders_under_terms_that_were_not_shown(shop: Shop) -> None:
    guest = shop.visitor()
    review = shop.at_review(guest, {shop.offer(): 3})

    answer = guest.send(review, "/checkout/review", 409, consent="y", terms="2026-10-01")

    again = guest.read(answer, 409)
    assert "New terms of sale have come into force meanwhile." in again.words
    guest.send(again, "/checkout/review", consent="y")


def test_a_demonstration_says_that_there_is_no_company_and_what_is_not_stated(shop: Shop) -> None:
    for name in ("imprint", "terms", "privacy"):
        assert "There is no company behind it" in shop.visitor().get(f"/en/legal/{name}").words
    assert shop.visitor().get("/en/legal/imprint").words.count("The operator has not stated it.") == 2


OPERATOR = {
    "OPERATOR_NAME": "Tonne Cooperative",
    "OPERATOR_ADDRESS": "1 Long Street; 1200 Geneva;; Switzerland",
    "CONTACT_EMAIL": "people@tonne.example",
    "ANSWER_DAYS": "1",
    "COMPLAINT_DAYS": "21",
}
REAL = {
    **OPERATOR,
    "PAYMENT_GATEWAY": "stripe",
    "STRIPE_SECRET_KEY": "rk_live_1",
    "STRIPE_WEBHOOK_SECRETS": "whsec_1",
    "REGISTRY_OF_RECORD_NAME": "Tonne Registry Ltd",
}


def test_a_real_shop_names_its_operator_its_registry_and_who_takes_the_money(make_app: AppMaker) -> None:
    reader = visitor(make_app, **REAL)

    for name in ("imprint", "terms", "privacy"):
        assert "no company behind it" not in reader.get(f"/en/legal/{name}").words
    imprint = reader.get("/en/legal/imprint")
    for known in ("Tonne Cooperative", "1 Long Street", "1200 Geneva", "Switzerland", "Tonne Registry Ltd"):
        assert known in imprint.words
    assert "mailto:people@tonne.example" in imprint.links
    assert "Stripe" in reader.get("/en/legal/privacy").words
    assert "within 21 days" in reader.get("/en/legal/terms").words


def test_an_operator_s_name_full_of_markup_stays_text(make_app: AppMaker) -> None:
    reader = visitor(make_app, OPERATOR_NAME='<b>A</b> & "B" **C** {{ x }}')

    for path in ("legal/terms", "legal/imprint", "contact"):
        assert '<b>A</b> & "B" **C** {{ x }}' in reader.get(f"/en/{path}").words


def test_the_contact_page_says_where_to_write_and_how_soon_one_hears_back(make_app: AppMaker) -> None:
    page = visitor(make_app, **OPERATOR).get("/en/contact")

    assert "We answer an e-mail within 1 day." in page.words
    assert "our answer within 21 days" in page.words
    assert "mailto:people@tonne.example" in page.links
    assert "/en/complaint" in page.links
    assert "/en/verify" in page.links


def test_without_an_address_the_contact_page_of_a_demonstration_says_that_nobody_answers(make_app: AppMaker) -> None:
    assert "nobody is there to answer" in visitor(make_app).get("/en/contact").words
    bare = {name: value for name, value in REAL.items() if name not in {"CONTACT_EMAIL", "OPERATOR_ADDRESS"}}
    assert "nobody is there to answer" not in visitor(make_app, **bare).get("/en/contact").words
