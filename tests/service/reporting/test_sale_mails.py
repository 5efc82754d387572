"""The mail about a sale: to whoever sells, in their language, of their own lines, and nothing of the buyer."""

from __future__ import annotations

from app.notifications.ports import OutgoingMail
from app.registry.ports import RefusalCode, Refused
from tests import builders
from tests.service.conftest import Shop
from tests.service.reporting.participants import BUYER, HIDDEN, two_participants


def sale_mails(shop: Shop) -> dict[str, OutgoingMail]:
    """The mails about sales by recipient."""
    return {mail.recipient: mail for mail in shop.mailer.sent if "/sell/" in mail.text and "/orders" in mail.text}


def test_sellers_hear_of_their_own_lines_in_their_language_and_of_no_buyer(shop: Shop) -> None:
    offers = two_participants(shop)
    with shop.inside() as world:
        order_id = builders.a_finished_order(
            world, {offers.ours: 7, offers.second: 2, offers.theirs: 5}, email=BUYER, beneficiary=HIDDEN
        )
        order = builders.the_order(order_id)
        reference, token = order.reference, order.token
        share = sum(line.seller_share for line in order.lines if line.offer_id in (offers.ours, offers.second))

    mails = sale_mails(shop)

    # Whoever only reads numbers gets none.
    assert set(mails) == {"owner@salkhit.example", "seller@salkhit.example", "owner@stoves.example"}
    ours, theirs = mails["owner@salkhit.example"], mails["owner@stoves.example"]
    assert f"Sold in order {reference}: USD {share / 100:.2f} for you" in ours.subject
    assert "7 CERs of Wind power project number 1 (IN-1): USD\xa017.50" in ours.text
    assert "IN-2" in ours.text
    assert "IN-3" not in ours.text + ours.html
    assert "IN-1" not in theirs.text + theirs.html
    assert mails["seller@salkhit.example"].locale == "fr"
    assert "/fr/sell/salkhit1/orders" in mails["seller@salkhit.example"].text
    for mail in mails.values():
        for secret in (BUYER, HIDDEN, token):
            assert secret not in mail.text + mail.html + mail.subject


def test_a_refused_line_is_no_sale_and_an_order_is_told_once(shop: Shop) -> None:
    offers = two_participants(shop)
    shop.registry.submits = [Refused(RefusalCode.RULES, "no")]
    shop.finished_order({offers.ours: 1, offers.second: 2})

    text = sale_mails(shop)["owner@salkhit.example"].text
    shop.work()

    assert "IN-2" in text
    assert "IN-1" not in text
    assert sum(mail.recipient == "owner@salkhit.example" and "Sold" in mail.subject for mail in shop.mailer.sent) == 1


def test_few_units_left_after_a_sale_are_told_once(shop: Shop) -> None:
    offers = two_participants(shop)
    with shop.inside():
        builders.change_offer(offers.ours, units_offered=105)

    shop.finished_order({offers.ours: 7})
    shop.finished_order({offers.ours: 1})

    told = [mail for mail in shop.mailer.sent if mail.recipient == "owner@salkhit.example" and "left" in mail.subject]
    assert len(told) == 1
    assert "98 units left" in told[0].subject


def test_an_offer_that_is_sold_to_the_last_unit_is_not_told_to_have_0_units_left(shop: Shop) -> None:
    offers = two_participants(shop)
    with shop.inside():
        builders.change_offer(offers.ours, units_offered=7)

    shop.finished_order({offers.ours: 7})

    told = [mail for mail in shop.mailer.sent if "Nothing is left of your offer" in mail.subject]
    assert len(told) == 1
    assert "0 units left" not in told[0].text + told[0].html
