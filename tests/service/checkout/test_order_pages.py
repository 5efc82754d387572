"""The order's page behind its link: it always says what is true now, and what comes next."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.exc import NoResultFound

from app.checkout.order_queries import find_order, newest_payment_of
from app.checkout.states import OrderState
from app.db import transaction
from app.payments.ports import GatewayFault, GatewayRefusal, GatewayState, GatewayUnavailable
from app.registry.models import RegistryAccount
from app.registry.ports import RefusalCode, Refused
from tests.builders import (
    a_finished_order,
    a_paid_order,
    a_payable_order,
    a_placed_order,
)
from tests.service.checkout.orders import see, steps_of, token_of
from tests.service.conftest import Shop

REFUSAL = Refused(RefusalCode.RULES, "no")


def test_a_link_that_is_not_right_in_every_letter_opens_nothing(shop: Shop) -> None:
    token, visitor = shop.finished_order({shop.offer(): 2}), shop.visitor()
    wrong = token[:-1] + ("A" if token[-1] != "A" else "B")

    for page in ("", "/progress", "/return", "/summary.pdf", "/data.json", "/certificates/TN1-2026.pdf"):
        for address in (wrong, "T-AAAA-BBBB", "%00", token.swapcase()):
            assert visitor.client.get(f"/en/orders/{address}{page}").status_code == 404, page
    form = visitor.get("/en/verify").forms[0].fields
    for page in ("/pay", "/resend"):
        answer = visitor.client.post(f"/en/orders/{wrong}{page}", data={"csrf_token": form["csrf_token"]})
        assert answer.status_code == 404


def test_a_link_that_lost_a_part_is_told_so_and_leads_on(shop: Shop) -> None:
    token, visitor = shop.finished_order({shop.offer(): 1}), shop.visitor()

    page = visitor.read(visitor.client.get(f"/en/orders/{token[:-3]}"), 404)

    assert "We cannot find this order" in page.words
    assert "Copy the whole link from the mail." in page.words
    assert {"/en/contact", "/en/verify"} <= set(page.links)


def test_an_order_on_paper_has_its_addresses_and_says_where_to_read_what_may_be_said(shop: Shop) -> None:
    token = shop.finished_order({shop.offer(): 1})

    page = see(shop, token)

    assert f"Address of this page: http://127.0.0.1:5000/en/orders/{token}" in page.words
    assert "Verify at: http://127.0.0.1:5000/en/verify/TN1-2026?code=" in page.words
    assert "/en/about/what-you-may-say" in page.links


def test_an_unpaid_order_can_be_paid_until_its_units_are_released(shop: Shop) -> None:
    offer_id = shop.offer()
    token = token_of(shop, lambda: a_payable_order(shop.world, {offer_id: 2}))
    page = see(shop, token)
    assert "Your order waits for your payment" in page.words
    assert "Pay USD 5.00" in page.words.replace("\xa0", " ")
    assert steps_of(shop, token) == [
        ("paid", False, True, False), ("sent", False, False, False),
        ("cancelled", False, False, False), ("certified", False, False, False),
    ]  # fmt: skip

    shop.clock.advance(timedelta(minutes=42))
    shop.work()
    page = see(shop, token)
    assert "This order has expired" in page.words
    assert not [form for form in page.forms if form.action.endswith("/pay")]
    assert [failed for *_rest, failed in steps_of(shop, token)] == [True] * 4


def test_paying_again_closes_the_first_page_and_opens_another(shop: Shop) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    token = token_of(shop, lambda: a_payable_order(shop.world, {offer_id: 2}))
    first = shop.gateway.newest()

    answer = visitor.send(visitor.get(f"/en/orders/{token}"), "/pay")

    assert answer.headers["Location"] == f"http://127.0.0.1/pay/{shop.gateway.newest()}"
    assert shop.gateway.newest() != first
    assert shop.gateway.payments[first].state is GatewayState.EXPIRED


@pytest.mark.parametrize(
    ("call", "problem"),
    [("status", GatewayUnavailable()), ("start_checkout", GatewayUnavailable()),
     ("start_checkout", GatewayRefusal(reason="amount"))],
)  # fmt: skip
def test_a_payment_page_that_cannot_be_opened_again_is_told_on_the_orders_page(
    shop: Shop, call: str, problem: Exception
) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    token = token_of(shop, lambda: a_payable_order(shop.world, {offer_id: 2}))
    page = visitor.get(f"/en/orders/{token}")
    shop.gateway.problems[call] = [problem]

    page = visitor.read(visitor.send(page, "/pay", 409), 409)

    assert "You were not charged." in page.words
    visitor.send(page, "/pay")


def test_an_order_in_a_currency_of_before_is_told_that_it_has_ended(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    token = token_of(shop, lambda: a_payable_order(shop.world, {offer_id: 2}))
    page = visitor.get(f"/en/orders/{token}")
    monkeypatch.setitem(shop.app.extensions, "tonne.settings", replace(shop.world.settings, currency="EUR"))

    page = visitor.read(visitor.send(page, "/pay", 409), 409)

    assert "It has ended, and you were not charged. Order again at today’s prices." in page.words
    assert not [form for form in page.forms if form.action.endswith("/pay")]
    assert [payment.state for payment in shop.gateway.payments.values()] == [GatewayState.EXPIRED]


def test_a_tab_from_before_the_payment_cannot_pay_a_second_time(shop: Shop) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    token = token_of(shop, lambda: a_payable_order(shop.world, {offer_id: 2}))
    old_tab = visitor.get(f"/en/orders/{token}")

    for state in (GatewayState.PROCESSING, GatewayState.SUCCEEDED):
        shop.gateway.payments[shop.gateway.newest()].state = state
        page = visitor.read(visitor.send(old_tab, "/pay", 409), 409)
        assert "cannot be paid any more" in page.words
    assert len(shop.gateway.payments) == 1


def test_coming_back_from_the_payment_page_shows_what_the_gateway_says_and_not_what_the_address_claims(
    shop: Shop,
) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    token = token_of(shop, lambda: a_payable_order(shop.world, {offer_id: 2}))

    for _ in range(2):
        assert visitor.client.get(f"/en/orders/{token}/return?paid=yes").headers["Location"] == f"/en/orders/{token}"
    with shop.inside():
        assert find_order(token).state is OrderState.PAYMENT_PENDING  # type: ignore[union-attr]  # it is there

    shop.gateway.pay()
    shop.gateway.problems["status"] = [
        GatewayUnavailable(), GatewayRefusal(reason="unknown"), GatewayFault("an answer of an unexpected shape"),
    ]  # fmt: skip
    for expected in (*[OrderState.PAYMENT_PENDING] * 3, OrderState.PAID):
        assert visitor.client.get(f"/en/orders/{token}/return").status_code == 303
        with shop.inside():
            assert find_order(token).state is expected  # type: ignore[union-attr]  # it is there
    assert "Paid. Your units go to the registry now." in see(shop, token).words


def test_coming_back_to_an_order_without_a_payment_shows_the_order(shop: Shop) -> None:
    offer_id = shop.offer()
    token = token_of(shop, lambda: a_placed_order(shop.world.settings, {offer_id: 2}))

    assert shop.visitor().client.get(f"/en/orders/{token}/return").status_code == 303
    with shop.inside():
        assert newest_payment_of(token) is None
        with pytest.raises(NoResultFound):
            newest_payment_of("guess")


def test_the_page_of_an_order_outlives_the_registry_that_cancelled_its_units(shop: Shop) -> None:
    token = shop.finished_order({shop.offer(): 2})
    with shop.inside(), transaction() as session:
        session.execute(update(RegistryAccount).values(registry_code="closed"))

    assert "TN1/2026" in see(shop, token).words


def test_the_page_asks_for_itself_again_until_nothing_will_change(shop: Shop) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()

    def asks(token: str) -> tuple[str | None, str]:
        page = visitor.get(f"/en/orders/{token}")
        partial = visitor.client.get(f"/en/orders/{token}/progress")
        assert partial.status_code == 200
        assert "<html" not in partial.get_data(as_text=True)
        return page.by_id["progress"].get("data-seconds"), partial.headers["X-Order-Final"]

    unpaid = token_of(shop, lambda: a_payable_order(shop.world, {offer_id: 2}))
    assert asks(unpaid) == ("60", "no")
    paid = token_of(shop, lambda: a_paid_order(shop.world, {offer_id: 2}))
    assert asks(paid) == ("5", "no")
    shop.work()
    assert asks(paid) == (None, "yes")
    shop.clock.advance(timedelta(minutes=42))
    shop.work()
    assert asks(unpaid) == ("60", "no")  # money may still come late

    shop.gateway.problems["refund"] = [GatewayUnavailable() for _ in range(60)]
    shop.registry.submits = [REFUSAL]
    refused = token_of(shop, lambda: a_finished_order(shop.world, {offer_id: 2}))
    assert asks(refused)[1] == "no"  # the refund is still owed
    shop.gateway.problems.clear()
    shop.clock.advance(timedelta(hours=3))
    shop.work()
    assert asks(refused) == (None, "yes")


def test_the_mails_of_an_order_can_be_had_again_at_the_same_address(shop: Shop) -> None:
    token, visitor = shop.finished_order({shop.offer(): 2}), shop.visitor()
    mailer = shop.mailer
    assert len(mailer.sent) == 2

    answer = visitor.send(visitor.get(f"/en/orders/{token}"), "/resend")
    shop.work()

    assert answer.headers["Location"] == f"/en/orders/{token}"
    assert len(mailer.sent) == 4
    assert {mail.recipient for mail in mailer.sent} == {"buyer@example.org"}
