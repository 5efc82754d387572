"""The order's page behind its link: it always says what is true now, and what comes next."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import render_template

from app.checkout import service
from app.checkout.models import Order
from app.checkout.queries import find_order, newest_payment, order_view
from app.checkout.states import ORDER, OrderState
from app.db import advance, transaction
from app.kernel.money import Money
from app.payments.ports import GatewayRefusal, GatewayState, GatewayUnavailable
from app.payments.states import PaymentState
from app.registry.ports import Absent, Ambiguous, Pending, RefusalCode, Refused
from tests.builders import (
    a_finished_order,
    a_paid_order,
    a_payable_order,
    a_placed_order,
    look_again,
    pass_time,
    payments_of,
    the_order,
)
from tests.fakes import FakeGateway, FakeMailer, ScriptedRegistry
from tests.pages import Page
from tests.service.conftest import Shop

REFUSAL = Refused(RefusalCode.RULES, "no")


def gateway_of(shop: Shop) -> FakeGateway:
    gateway: FakeGateway = shop.world.gateway
    return gateway


def registry_of(shop: Shop) -> ScriptedRegistry:
    registry: ScriptedRegistry = shop.world.registry
    return registry


def token_of(shop: Shop, make: Callable[[], int]) -> str:
    with shop.inside():
        return the_order(make()).token


def steps_of(shop: Shop, token: str) -> list[tuple[str, bool, bool, bool]]:
    """The line of proof: name, reached, in progress, not going to happen."""
    with shop.inside():
        order = find_order(token)
        assert order is not None
        return [
            (s.key, s.at is not None, s.is_current, s.is_failed) for s in order_view(order, promise_minutes=5).steps
        ]


def see(shop: Shop, token: str) -> Page:
    return shop.visitor().get(f"/en/orders/{token}")


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
    first = gateway_of(shop).newest()

    answer = visitor.send(visitor.get(f"/en/orders/{token}"), "/pay")

    assert answer.headers["Location"] == f"http://127.0.0.1/pay/{gateway_of(shop).newest()}"
    assert gateway_of(shop).newest() != first
    assert gateway_of(shop).payments[first].state is GatewayState.EXPIRED


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
    gateway_of(shop).problems[call] = [problem]

    page = visitor.read(visitor.send(page, "/pay", 409), 409)

    assert "You were not charged." in page.words
    visitor.send(page, "/pay")


def test_a_tab_from_before_the_payment_cannot_pay_a_second_time(shop: Shop) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    token = token_of(shop, lambda: a_payable_order(shop.world, {offer_id: 2}))
    old_tab = visitor.get(f"/en/orders/{token}")

    for state in (GatewayState.PROCESSING, GatewayState.SUCCEEDED):
        gateway_of(shop).payments[gateway_of(shop).newest()].state = state
        page = visitor.read(visitor.send(old_tab, "/pay", 409), 409)
        assert "cannot be paid any more" in page.words
    assert len(gateway_of(shop).payments) == 1


def test_coming_back_from_the_payment_page_shows_what_the_gateway_says_and_not_what_the_address_claims(
    shop: Shop,
) -> None:
    offer_id, visitor = shop.offer(), shop.visitor()
    token = token_of(shop, lambda: a_payable_order(shop.world, {offer_id: 2}))

    for _ in range(2):
        assert visitor.client.get(f"/en/orders/{token}/return?paid=yes").headers["Location"] == f"/en/orders/{token}"
    with shop.inside():
        assert find_order(token).state is OrderState.PAYMENT_PENDING  # type: ignore[union-attr]

    gateway_of(shop).pay()
    gateway_of(shop).problems["status"] = [GatewayUnavailable(), GatewayRefusal(reason="unknown")]
    for expected in (OrderState.PAYMENT_PENDING, OrderState.PAYMENT_PENDING, OrderState.PAID):
        visitor.client.get(f"/en/orders/{token}/return")
        with shop.inside():
            assert find_order(token).state is expected  # type: ignore[union-attr]
    assert "Paid. Your units go to the registry now." in see(shop, token).words


def test_coming_back_to_an_order_without_a_payment_shows_the_order(shop: Shop) -> None:
    offer_id = shop.offer()
    token = token_of(shop, lambda: a_placed_order(shop.world.settings, {offer_id: 2}))

    assert shop.visitor().client.get(f"/en/orders/{token}/return").status_code == 303
    with shop.inside():
        assert newest_payment(find_order(token).id) is None  # type: ignore[union-attr]


def test_a_payment_in_the_banks_hands_is_explained_with_how_long_the_units_are_held(shop: Shop) -> None:
    offer_id = shop.offer()

    def make() -> int:
        order_id = a_payable_order(shop.world, {offer_id: 2})
        gateway_of(shop).payments[gateway_of(shop).newest()].state = GatewayState.PROCESSING
        look_again(shop.world, order_id)
        return order_id

    page = see(shop, token_of(shop, make))

    assert "Your bank is still working on the payment" in page.words
    assert "6 December 2026" in page.words
    assert not [form for form in page.forms if form.action.endswith("/pay")]


def test_a_payment_under_review_is_explained(shop: Shop) -> None:
    offer_id = shop.offer()

    def make() -> int:
        order_id = a_payable_order(shop.world, {offer_id: 2})
        gateway_of(shop).payments[gateway_of(shop).pay()].amount = Money(1, "USD")
        look_again(shop.world, order_id)
        return order_id

    assert "We are checking your payment" in see(shop, token_of(shop, make)).words


@pytest.mark.parametrize(
    ("submits", "lookups", "headline"),
    [
        ([Pending("R-1", timedelta(hours=1))], [], "Paid. The registry is cancelling your units."),
        (["raise"], [Absent(proven=False, basis="slow")], "Paid. We are asking the registry for its answer."),
        (["raise"], [Ambiguous("twice")], "Paid. We are asking the registry for its answer."),
    ],
)
def test_waiting_for_the_registry_is_explained_and_no_certificate_can_be_had_meanwhile(
    shop: Shop, submits: list[object], lookups: list[object], headline: str
) -> None:
    registry_of(shop).submits, registry_of(shop).lookups = submits, lookups  # type: ignore[assignment]
    offer_id, visitor = shop.offer(), shop.visitor()
    token = token_of(shop, lambda: a_finished_order(shop.world, {offer_id: 2}))
    shop.clock.advance(timedelta(seconds=5))
    shop.work()

    page = visitor.get(f"/en/orders/{token}")

    assert headline in page.words
    assert steps_of(shop, token)[:2] == [("paid", True, False, False), ("sent", True, False, False)]
    assert steps_of(shop, token)[2] == ("cancelled", False, True, False)
    for paper in ("summary.pdf", "certificates/TN1-2026.pdf"):
        assert visitor.client.get(f"/en/orders/{token}/{paper}").status_code == 404
    assert json.loads(visitor.client.get(f"/en/orders/{token}/data.json").data)["certificates"] == []


def test_a_finished_order_shows_its_proof_step_by_step_and_everything_to_download(shop: Shop) -> None:
    one, two = shop.offer(number=1), shop.offer(number=2)
    token = shop.finished_order({one: 3, two: 4})
    page = see(shop, token)

    assert "Done. Your units are cancelled for good." in page.words
    assert [reached for _key, reached, *_rest in steps_of(shop, token)] == [True] * 4
    for said in ("TN1/2026", "TN2/2026", "TN00000001", "IN-5-1002000-2-2-0-1", "IN-5-2002003-2-2-0-2"):
        assert said in page.words, said
    for code in ("en", "fr", "es"):
        assert f"/{code}/orders/{token}/certificates/TN1-2026.pdf" in page.links
        assert f"/{code}/orders/{token}/summary.pdf" in page.links
    for sum_ in ("USD 17.50", "USD 16.69", "USD 0.81"):
        assert sum_ in page.words.replace("\xa0", " "), sum_


def test_a_refused_line_and_its_refund_are_shown_beside_what_was_certified(shop: Shop) -> None:
    one, two = shop.offer(number=1, price=100), shop.offer(number=2, price=250)
    registry_of(shop).submits = ["ask", REFUSAL]
    token = shop.finished_order({one: 3, two: 4})

    page = see(shop, token)

    assert "Part of your order is cancelled, the rest is refunded" in page.words
    assert re.search("USD.10.00 ?Refunded", page.words)
    assert "The registry refused to cancel these units." in page.words
    assert "TN1/2026" in page.words


def test_an_order_that_was_refused_whole_has_no_certificate_and_gives_the_money_back(shop: Shop) -> None:
    registry_of(shop).submits = [REFUSAL]
    offer_id = shop.offer()
    token = shop.finished_order({offer_id: 3})

    page = see(shop, token)

    assert "The order could not be carried out. You get your money back." in page.words
    assert re.search("USD.7.50 ?Refunded", page.words)
    assert steps_of(shop, token) == [
        ("paid", True, False, False), ("sent", True, False, False),
        ("cancelled", False, False, True), ("certified", False, False, True),
    ]  # fmt: skip


def test_a_second_payment_is_shown_as_refunded_without_a_project(shop: Shop) -> None:
    offer_id = shop.offer()

    def make() -> int:
        world = shop.world
        order_id = a_payable_order(world, {offer_id: 2})
        first = gateway_of(shop).newest()
        service.close_payment_pages(order_id, world.gateway, world.registry, world.settings, world.clock)
        service.start_payment(order_id, world.gateway, world.settings, world.clock)
        for page in (first, gateway_of(shop).newest()):
            gateway_of(shop).pay(page)
        look_again(world, order_id)
        shop.work()
        return order_id

    page = see(shop, token_of(shop, make))

    assert "This order was paid twice. You get the second payment back." in page.words
    assert "Done." in page.words


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

    gateway_of(shop).problems["refund"] = [GatewayUnavailable() for _ in range(60)]
    registry_of(shop).submits = [REFUSAL]
    refused = token_of(shop, lambda: a_finished_order(shop.world, {offer_id: 2}))
    assert asks(refused)[1] == "no"  # the refund is still owed
    gateway_of(shop).problems.clear()
    shop.clock.advance(timedelta(hours=3))
    shop.work()
    assert asks(refused) == (None, "yes")


def test_the_mails_of_an_order_can_be_had_again_at_the_same_address(shop: Shop) -> None:
    token, visitor = shop.finished_order({shop.offer(): 2}), shop.visitor()
    mailer: FakeMailer = shop.world.mailer
    assert len(mailer.sent) == 2

    answer = visitor.send(visitor.get(f"/en/orders/{token}"), "/resend")
    shop.work()

    assert answer.headers["Location"] == f"/en/orders/{token}"
    assert len(mailer.sent) == 4
    assert {mail.recipient for mail in mailer.sent} == {"buyer@example.org"}


def test_every_state_of_an_order_has_a_page_of_its_own_words(shop: Shop) -> None:
    """A state that nobody wrote words for would show the words of another one."""
    offer_id = shop.offer()
    with shop.inside() as world:
        order_id = a_placed_order(world.settings, {offer_id: 2})
        path = [OrderState.PAYMENT_PENDING, OrderState.PAID, OrderState.RISK_HOLD, OrderState.FULFILLING]
        headlines = []
        for state in path:
            with transaction():
                assert advance(Order, order_id, ORDER, state, at=world.clock.now())
            with shop.app.test_request_context("/en/"):
                view = order_view(the_order(order_id), promise_minutes=5)
                page = Page(render_template("checkout/_progress.html", order=view, refresh_seconds=5))
                headlines.append(page.words)
        assert len({words[:40] for words in headlines}) == len(path)
        pass_time(world, minutes=1)
        assert payments_of(order_id) == []
        assert PaymentState.PROCESSING not in {p.state for p in payments_of(order_id)}
