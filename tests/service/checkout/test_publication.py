"""What order page and receipt say of the publication of a name: never that it is public while it is held back."""

from __future__ import annotations

import pytest

from app.claims.service import decide
from app.claims.states import WordingState
from tests.builders import a_paid_order, the_order
from tests.service.conftest import Shop

HELD = "Not published until a person has looked at your wording"


def stated(shop: Shop, token: str) -> str:
    words = shop.visitor().get(f"/en/orders/{token}").words
    return words.split("Name in the public register", 1)[1].split("E-mail address", 1)[0].strip()


@pytest.mark.parametrize(
    ("typed", "on_page", "in_mail"),
    [
        ({"beneficiary": "Ana", "publish_name": True}, "Published", "The beneficiary’s name is published."),
        ({"beneficiary": "Ana", "publish_name": False}, "Not published", "The beneficiary’s name is not published."),
        (
            {"beneficiary": "Ana Climate-Neutral", "publish_name": True},
            HELD,
            "Beneficiary and purpose are not published until a person has looked at your wording.",
        ),
        (
            {"beneficiary": "", "purpose": "zéro carbone", "publish_name": True},
            HELD,
            "Beneficiary and purpose are not published until a person has looked at your wording.",
        ),
    ],
)
def test_page_and_receipt_say_the_same_of_the_name(
    shop: Shop, typed: dict[str, object], on_page: str, in_mail: str
) -> None:
    offer_id = shop.offer()
    with shop.inside() as world:
        token = the_order(a_paid_order(world, {offer_id: 2}, **typed)).token
    assert stated(shop, token) == on_page
    shop.work()

    assert stated(shop, token) == on_page
    receipt = shop.mailer.sent[0]
    assert in_mail in " ".join(receipt.text.split())
    assert (receipt.text.count("name is published"), HELD in on_page) in {(1, False), (0, True), (0, False)}


def test_the_order_page_follows_the_decision_about_the_wording(shop: Shop) -> None:
    token = shop.finished_order({shop.offer(): 2}, beneficiary="Ana Climate-Neutral", publish_name=True)
    assert stated(shop, token) == HELD

    for state, words in (
        (WordingState.RELEASED, "Published"),
        (WordingState.WITHHELD, "Not published, because of its wording"),
    ):
        with shop.inside() as world:
            decide(1, state, by="Eva", reason="It is her name.", now=world.clock.now())
        assert stated(shop, token) == words
