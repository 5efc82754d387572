"""F32: orders of a proved address come into the account; nobody else's do."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.checkout.models import Order
from app.db import db
from tests.service.accounts.entering import joined, link_in, mails_to, person_of, signed_in
from tests.service.conftest import Shop


def test_past_orders_of_the_address_come_into_a_new_account_with_their_certificates(shop: Shop) -> None:
    offer = shop.offer()
    token = shop.finished_order({offer: 3}, email="Ana@Example.org")
    other = shop.finished_order({offer: 2}, email="bo@example.org")

    visitor = joined(shop)

    page = visitor.get("/en/account")
    assert f"/en/orders/{token}" in page.links
    assert f"/en/orders/{other}" not in page.links
    assert "Done" in page.words
    papers = [address for address in page.links if "/verify/TN" in address]
    assert len(papers) == 1
    visitor.get(papers[0])


@pytest.mark.parametrize("typed", ["Élise@Example.org", "E\u0301LISE@example.org", " élise@example.org"])
def test_an_address_is_known_however_its_letters_were_typed(shop: Shop, typed: str) -> None:
    token = shop.finished_order({shop.offer(): 1}, email=typed)

    visitor = joined(shop, "élise@example.org", "Élise")

    assert f"/en/orders/{token}" in visitor.get("/en/account").links


def test_an_order_without_an_account_is_claimed_at_the_next_sign_in(shop: Shop) -> None:
    joined(shop)
    token = shop.finished_order({shop.offer(): 1}, email="ana@example.org")

    assert f"/en/orders/{token}" in signed_in(shop).get("/en/account").links


def test_an_order_that_belongs_to_somebody_stays_theirs(shop: Shop) -> None:
    joined(shop, "bo@example.org", "Bo")
    token = shop.finished_order({shop.offer(): 1}, email="ana@example.org")
    with shop.inside():
        order = db.session.scalars(select(Order)).one()
        order.person_id = person_of("bo@example.org").id
        db.session.commit()

    assert f"/en/orders/{token}" not in joined(shop).get("/en/account").links


def test_orders_come_with_a_new_address_of_the_account(shop: Shop) -> None:
    token = shop.finished_order({shop.offer(): 1}, email="old@example.org")
    visitor = joined(shop)
    assert "no order yet with ana@example.org" in visitor.get("/en/account").words
    visitor.send(visitor.get("/en/account/details/email"), "/email", email="old@example.org")
    link = link_in(mails_to(shop, "old@example.org")[-1], "email")
    visitor.send(visitor.get(link), link)

    assert f"/en/orders/{token}" in visitor.get("/en/account").links


def test_an_order_placed_while_signed_in_is_the_persons_whatever_address_is_typed(shop: Shop) -> None:
    visitor, offer = joined(shop), shop.offer()
    shop.fill_basket(visitor, {offer: 2})
    page = visitor.get("/en/checkout")
    assert page.by_id["email"]["value"] == "ana@example.org"
    visitor.send(page, "/checkout", email="elsewhere@example.org")
    assert visitor.get("/en/checkout").by_id["email"]["value"] == "elsewhere@example.org"
    visitor.send(visitor.get("/en/checkout/review"), "/review", consent="y")

    assert "Not paid yet" in visitor.get("/en/account").words
    with shop.inside():
        assert db.session.scalars(select(Order.person_id)).all() == [person_of("ana@example.org").id]


def test_who_signs_out_leaves_the_next_one_at_the_browser_units_and_nothing_that_was_typed(shop: Shop) -> None:
    visitor, offer = joined(shop), shop.offer()
    shop.at_review(visitor, {offer: 2}, email="ana@example.org", beneficiary="Zoë Marchetti", purpose="Our wedding")
    visitor.send(visitor.get("/en/account/details"), "/sign-out")

    assert "2" in visitor.get("/en/basket").by_id[f"units-{offer}"]["value"]
    page = visitor.get("/en/checkout")
    assert page.by_id["email"].get("value", "") == ""
    assert not [word for word in ("ana@example.org", "Zoë", "wedding") if word in page.html]
    visitor.get("/en/checkout/review", 303)


def test_a_guest_buys_without_an_account(shop: Shop) -> None:
    visitor = shop.visitor()
    review = shop.at_review(visitor, {shop.offer(): 1})
    visitor.send(review, "/review", consent="y")

    with shop.inside():
        assert db.session.scalars(select(Order.person_id)).all() == [None]
