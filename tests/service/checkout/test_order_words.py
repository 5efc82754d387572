"""What the order's page says: every state has its words, its proof so far, and what becomes of the money."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from functools import partial

import pytest
from flask import render_template

from app.checkout import service
from app.checkout.models import Order
from app.checkout.order_queries import order_view
from app.checkout.states import ORDER, OrderState
from app.db import advance, db, transaction
from app.fulfilment import disputes
from app.kernel.money import Money
from app.payments.models import Payment
from app.payments.ports import GatewayState
from app.payments.states import DisputeState
from app.registry.ports import Absent, Ambiguous, Pending, RefusalCode, Refused
from tests.builders import (
    a_finished_order,
    a_payable_order,
    a_placed_order,
    choose_nothing,
    look_again,
    payments_of,
    registry_of,
    the_order,
)
from tests.pages import Page
from tests.service.checkout.orders import see, steps_of, token_of
from tests.service.conftest import Shop

REFUSAL = Refused(RefusalCode.RULES, "no")


def test_a_payment_in_the_banks_hands_is_explained_with_how_long_the_units_are_held(shop: Shop) -> None:
    offer_id = shop.offer()

    def make() -> int:
        order_id = a_payable_order(shop.world, {offer_id: 2})
        shop.gateway.payments[shop.gateway.newest()].state = GatewayState.PROCESSING
        look_again(shop.world, order_id)
        return order_id

    page = see(shop, token_of(shop, make))

    assert "Your bank is still working on the payment" in page.words
    assert "6 December 2026" in page.words
    assert not [form for form in page.forms if form.action.endswith("/pay")]


def test_a_payment_that_the_bank_refused_is_not_called_in_progress(shop: Shop) -> None:
    offer_id = shop.offer()

    def make() -> int:
        order_id = a_payable_order(shop.world, {offer_id: 2})
        for state in (GatewayState.PROCESSING, GatewayState.FAILED):
            shop.gateway.payments[shop.gateway.newest()].state = state
            look_again(shop.world, order_id)
        return order_id

    token = token_of(shop, make)
    page = see(shop, token)

    assert "Your bank refused the payment" in page.words
    assert "In progress" not in page.words
    assert steps_of(shop, token)[0] == ("paid", False, False, False)
    assert [form for form in page.forms if form.action.endswith("/pay")]


def test_a_payment_under_review_is_explained(shop: Shop) -> None:
    offer_id = shop.offer()

    def make() -> int:
        order_id = a_payable_order(shop.world, {offer_id: 2})
        shop.gateway.payments[shop.gateway.pay()].amount = Money(1, "USD")
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
    shop.registry.submits, shop.registry.lookups = list(submits), list(lookups)  # type: ignore[arg-type]  # answers of either kind
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
    for said in ("TN1/2026", "TN2/2026", "TN00000001", "IN-5-1002000-2-2-0-1", "IN-5-2002003-2-2-0-2", "2014"):
        assert said in page.words, said
    for code in ("en", "fr", "es"):
        assert f"/{code}/orders/{token}/certificates/TN1-2026.pdf" in page.links
        assert f"/{code}/orders/{token}/summary.pdf" in page.links
    for sum_ in ("USD 17.50", "USD 16.69", "USD 0.81"):
        assert sum_ in page.words.replace("\xa0", " "), sum_


def test_a_refused_line_and_its_refund_are_shown_beside_what_was_certified(shop: Shop) -> None:
    one, two = shop.offer(number=1, price=100), shop.offer(number=2, price=250)
    shop.registry.submits = ["ask", REFUSAL]
    token = shop.finished_order({one: 3, two: 4, shop.offer(number=3, price=250): 1})
    assert "Part of your order is cancelled. You choose what you get for the rest." in see(shop, token).words
    with shop.inside():
        choose_nothing(shop.world)

    page = see(shop, token)

    assert "Part of your order is cancelled, the rest is refunded" in page.words
    assert re.search("USD.10.00 ?Refunded", page.words)
    assert "The registry refused to cancel these units." in page.words
    assert "TN1/2026" in page.words


def test_an_order_that_was_refused_whole_has_no_certificate_and_gives_the_money_back(shop: Shop) -> None:
    shop.registry.submits = [REFUSAL]
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

    page = see(shop, token_of(shop, partial(paid_twice, shop, offer_id)))

    assert "This order was paid twice. You get the second payment back." in page.words
    assert "Done." in page.words


def test_money_that_went_back_before_its_buyer_disputed_it_is_said_to_have_gone_back(shop: Shop) -> None:
    offer_id = shop.offer()

    def make() -> int:
        registry_of(shop.world).submits = [REFUSAL]
        order_id = a_finished_order(shop.world, {offer_id: 2})
        dispute_payment(shop, payments_of(order_id)[0])
        return order_id

    words = see(shop, token_of(shop, make)).words

    assert "You get your money back." in words
    assert "and their price is refunded" in words
    assert "Your bank was asked to give you the money" not in words


def test_whoever_disputes_a_second_payment_that_went_back_has_their_choice_about_the_first(shop: Shop) -> None:
    offer_id, _other = shop.offer(number=1, price=300), shop.offer(number=2, price=200)

    def make() -> int:
        registry_of(shop.world).submits = [REFUSAL]
        order_id = paid_twice(shop, offer_id)
        dispute_payment(shop, payments_of(order_id)[1])
        return order_id

    token = token_of(shop, make)

    assert "Choose: your money or other units" in see(shop, token).words
    assert "Other units" in shop.visitor().get(f"/en/orders/{token}/instead/0").words


def paid_twice(shop: Shop, offer_id: int) -> int:
    """An order that was paid on two pages."""
    world = shop.world
    order_id = a_payable_order(world, {offer_id: 2})
    first = shop.gateway.newest()
    service.close_payment_pages(order_id, world.gateway, world.registries, world.settings, world.clock)
    service.start_payment(order_id, world.gateway, world.settings, world.clock)
    for page in (first, shop.gateway.newest()):
        shop.gateway.pay(page)
    look_again(world, order_id)
    shop.work()
    return order_id


def dispute_payment(shop: Shop, payment: Payment) -> None:
    """The bank has the money of a payment, and the gateway says so."""
    shop.gateway.dispute(str(payment.charge_reference), DisputeState.OPEN, shop.clock.now())
    payment_id = payment.id
    db.session.rollback()
    disputes.look_into(payment_id, shop.world.gateway, shop.world.clock)


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
                view = order_view(the_order(order_id), promise=timedelta(minutes=5))
                page = Page(render_template("checkout/_progress.html", order=view, refresh_seconds=5))
                headlines.append(page.words)
        assert len({words[:40] for words in headlines}) == len(path)
