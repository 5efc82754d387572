"""Who gets the certificate: an e-mail address is enough, and nothing that was typed is lost."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.certificates.models import Certificate
from app.db import db
from tests.builders import (
    a_placed_order,
)
from tests.service.checkout.orders import TYPED
from tests.service.conftest import Shop


def test_a_guest_types_an_e_mail_address_and_nothing_else_is_required(shop: Shop) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    shop.fill_basket(visitor, {offer_id: 2})
    page = visitor.get("/en/checkout")
    fields = page.form("/checkout").fields
    assert set(fields) - {"csrf_token"} == {"email", "beneficiary", "purpose", "intent", "country"}
    assert fields["intent"] == "contribution"
    assert page.by_id["email"]["autocomplete"] == "email"
    assert page.by_id["beneficiary"]["autocomplete"] == "name"
    assert "checked" not in page.by_id["publish_name"]

    answer = visitor.send(page, "/checkout", email="a@example.org")
    assert answer.headers["Location"] == "/en/checkout/review"


def test_what_was_typed_is_still_there_after_a_mistake_after_going_back_and_on_the_review(shop: Shop) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    shop.fill_basket(visitor, {offer_id: 2})
    page = visitor.get("/en/checkout")

    page = visitor.read(visitor.send(page, "/checkout", 422, fields=TYPED | {"email": "no address"}), 422)
    assert page.error_at("email") == "Enter an e-mail address in the form name@example.org."
    kept = page.form("/checkout").fields
    assert kept["email"] == "no address"
    assert {name: kept[name] for name in ("beneficiary", "intent", "country", "publish_name")} == {
        name: TYPED[name] for name in ("beneficiary", "intent", "country", "publish_name")
    }
    assert kept["purpose"] == "Our heating, in 2025"

    visitor.send(page, "/checkout", email=TYPED["email"])
    review = visitor.get("/en/checkout/review")
    for said in ("amelie@example.org", TYPED["beneficiary"], "Our heating, in 2025", "Kenya", "Published"):
        assert said in review.words
    back = visitor.get("/en/checkout").form("/checkout").fields
    assert {name: back[name] for name in kept if name not in {"csrf_token", "email"}} == {
        name: value for name, value in kept.items() if name not in {"csrf_token", "email"}
    }
    assert back["email"] == "amelie@example.org"


@pytest.mark.parametrize(
    ("field", "typed", "message"),
    [
        ("email", "", "Enter your e-mail address"),
        ("email", "a" * 250 + "@example.org", "This e-mail address is too long."),
        ("email", "a@b@c", "Enter an e-mail address in the form"),
        ("beneficiary", "x" * 201, "Use at most 200 characters for the beneficiary."),
        ("purpose", "x" * 501, "Use at most 500 characters for the purpose."),
    ],
)
def test_every_mistake_in_the_details_is_explained_beside_its_field(
    shop: Shop, field: str, typed: str, message: str
) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    shop.fill_basket(visitor, {offer_id: 2})
    page = visitor.get("/en/checkout")

    page = visitor.read(visitor.send(page, "/checkout", 422, fields={"email": "a@example.org"} | {field: typed}), 422)

    assert page.error_at(field).startswith(message)
    assert page.form("/checkout").fields[field] == typed
    assert page.html.split("</title>")[0].count("Error:") == 1


def test_the_tick_says_that_name_and_purpose_are_for_everybody(shop: Shop) -> None:
    visitor = shop.visitor()
    shop.fill_basket(visitor, {shop.offer(): 2})

    words = visitor.get("/en/checkout").words

    assert "Let everybody read the beneficiary’s name and the purpose" in words
    assert "anybody who has the certificate’s number reads name and purpose" in words


def test_the_country_stands_where_the_form_says_and_nowhere_else(shop: Shop) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    shop.finished_order({offer_id: 2}, country="NZ", publish_name=True)
    with shop.inside():
        code = db.session.scalars(select(Certificate.verification_code)).one()
    shop.fill_basket(visitor, {offer_id: 2})

    said = "stands in the data of the certificate and on no public page"
    assert said in visitor.get("/en/checkout").words
    assert "it stands in the data of the certificate" in visitor.get("/en/legal/privacy").words
    certificate = "/en/verify/TN1-2026.json"
    assert visitor.client.get(f"{certificate}?code={code}").json["certificate"]["country"] == "NZ"
    public = (
        certificate,
        "/en/verify/TN1-2026",
        "/en/register/TN1-2026",
        "/en/register.json",
        "/en/statistics/here.csv",
    )
    for address in public:
        text = visitor.client.get(address).text
        assert [name for name in ("New Zealand", '"NZ"', ",NZ,") if name in text] == [], address


def test_a_forged_choice_is_refused_and_the_rest_is_kept(shop: Shop) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    shop.fill_basket(visitor, {offer_id: 2})
    page = visitor.get("/en/checkout")

    page = visitor.read(
        visitor.send(page, "/checkout", 422, email="a@example.org", intent="bragging", country="XX"), 422
    )

    assert page.form("/checkout").fields["email"] == "a@example.org"


def test_a_form_that_was_open_in_another_session_is_shown_again_with_all_that_was_typed(shop: Shop) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    shop.fill_basket(visitor, {offer_id: 2})
    page = visitor.get("/en/checkout")

    page = visitor.read(visitor.send(page, "/checkout", 422, fields=TYPED | {"csrf_token": "stale"}), 422)

    assert page.form("/checkout").fields["email"] == TYPED["email"]
    visitor.send(page, "/checkout")


def test_details_typed_while_the_units_were_sold_to_others_are_not_lost(shop: Shop) -> None:
    offer_id, visitor = shop.offer(units=5), shop.visitor()
    shop.fill_basket(visitor, {offer_id: 5})
    page = visitor.get("/en/checkout")
    with shop.inside():
        a_placed_order(shop.world.settings, {offer_id: 3})

    visitor.send(page, "/checkout", fields=TYPED)
    assert visitor.client.get("/en/checkout/review").headers["Location"] == "/en/basket"
    assert visitor.client.get("/en/checkout").headers["Location"] == "/en/basket"
    basket = visitor.get("/en/basket")
    assert basket.error_at(f"units-{offer_id}") == "Only 2 units are left. Enter 2 or fewer."

    visitor.send(basket, "/basket", button="Continue to your details", fields={f"units-{offer_id}": "2"})
    assert visitor.get("/en/checkout").form("/checkout").fields["beneficiary"] == TYPED["beneficiary"]


def test_nobody_reaches_the_review_without_details(shop: Shop) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    shop.fill_basket(visitor, {offer_id: 2})

    assert visitor.client.get("/en/checkout/review").headers["Location"] == "/en/checkout"
