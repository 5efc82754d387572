"""Withdrawing from an order in two steps: certain for one that is not paid, and honest about every other."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from werkzeug.test import TestResponse

from app.checkout import service
from app.checkout.order_queries import withdrawn_at
from app.checkout.states import OrderState
from app.fulfilment.process import Collaborators, run_due
from app.kernel.money import Money
from app.payments.ports import GatewayFault, GatewayRefusal, GatewayState, GatewayUnavailable
from app.registry.ports import RefusalCode, Refused
from tests.builders import (
    a_finished_order,
    a_paid_order,
    a_payable_order,
    a_placed_order,
    an_offer,
    cancellations_of,
    gateway_of,
    look_again,
    mailer_of,
    pass_time,
    refunds_of,
    the_offer,
    the_order,
)
from tests.pages import Page, Visitor
from tests.service.checkout.orders import an_expired_order, token_of
from tests.service.conftest import Shop


def withdraw(world: Collaborators, order_id: int) -> bool:
    return service.withdraw(order_id, world.gateway, world.registries, world.settings, world.clock)


def confirm(visitor: Visitor, token: str, status: int = 303) -> TestResponse:
    return visitor.send(visitor.get(f"/en/orders/{token}/withdraw"), "/withdraw", status)


def test_an_order_that_is_not_paid_ends_in_two_steps_and_its_units_are_on_sale_again(shop: Shop) -> None:
    offer_id, visitor = shop.offer(units=4), shop.visitor()
    token = token_of(shop, lambda: a_payable_order(shop.world, {offer_id: 4}))
    first = f"/en/orders/{token}/withdraw"

    assert first in visitor.get(f"/en/orders/{token}").links
    page = visitor.get(first)
    assert "This order is not paid. When you confirm, it ends at once" in page.words
    assert "I withdraw from order T-" in page.words
    with shop.inside():
        assert the_offer(offer_id).units_left == 0, "the first step changes nothing"
    answer = confirm(visitor, token)

    assert answer.headers["Location"] == f"/en/orders/{token}"
    order = visitor.get(f"/en/orders/{token}")
    assert "You have withdrawn from this order" in order.words
    assert "You withdrew on 22 November 2026" in order.words
    assert "has expired" not in order.words
    assert first not in order.links
    with shop.inside():
        assert the_offer(offer_id).units_left == 4
        assert shop.gateway.payments[shop.gateway.newest()].state is GatewayState.EXPIRED
    assert "There is nothing left to withdraw from." in visitor.get(first).words


def test_withdrawing_twice_is_withdrawing_once(world: Collaborators) -> None:
    offer_id = an_offer(units=4)
    order_id = a_placed_order(world.settings, {offer_id: 2}, now=world.clock.now())

    assert (withdraw(world, order_id), withdraw(world, order_id)) == (True, True)

    assert the_order(order_id).state is OrderState.EXPIRED
    assert the_offer(offer_id).units_left == 4


def test_an_order_that_nobody_paid_is_not_called_withdrawn(shop: Shop) -> None:
    token = token_of(shop, lambda: a_payable_order(shop.world, {shop.offer(): 2}))
    with shop.inside() as world:
        pass_time(world, minutes=42)
    shop.work()

    assert "This order has expired" in shop.visitor().get(f"/en/orders/{token}").words


def test_a_page_that_was_paid_in_that_very_second_is_a_paid_order(shop: Shop) -> None:
    token = token_of(shop, lambda: a_payable_order(shop.world, {shop.offer(): 2}))
    visitor = shop.visitor()
    step = visitor.get(f"/en/orders/{token}/withdraw")
    shop.gateway.pay()

    page = visitor.read(visitor.send(step, "/withdraw", 409), 409)

    assert "Your payment came first: this order is paid." in page.words
    assert "It is too late to withdraw here" in page.words
    assert f"/en/complaint?about={reference(shop, token)}" in page.links


def reference(shop: Shop, token: str) -> str:
    return shop.visitor().get(f"/en/orders/{token}").words.split("Order ")[1].split()[0][:11]


def test_money_in_the_banks_hands_goes_back_in_full_when_it_arrives_after_the_withdrawal(
    world: Collaborators,
) -> None:
    offer_id = an_offer(units=4)
    order_id = a_payable_order(world, {offer_id: 2})
    payment = gateway_of(world).payments[gateway_of(world).newest()]
    payment.state = GatewayState.PROCESSING
    look_again(world, order_id)

    assert withdraw(world, order_id)
    assert the_offer(offer_id).units_left == 4
    payment.state = GatewayState.SUCCEEDED
    look_again(world, order_id)
    run_due(world)

    assert the_order(order_id).state is OrderState.REFUSED
    [refund] = refunds_of(order_id)
    assert (refund.cause, refund.money) == ("withdrawn", the_order(order_id).money)
    assert (cancellations_of(order_id), the_offer(offer_id).units_left) == ([], 4)
    assert "You had withdrawn from this order when your payment arrived." in mailer_of(world).sent[-1].text


@pytest.mark.parametrize(
    "problem",
    [GatewayUnavailable(), GatewayRefusal(reason="resource_missing"), GatewayFault("Stripe does not accept our key")],
    ids=["away", "of an account that is not ours any more", "with a key that is wrong"],
)
def test_a_withdrawal_counts_even_while_the_gateway_cannot_be_asked(world: Collaborators, problem: Exception) -> None:
    order_id = a_payable_order(world, {an_offer(units=4): 2})
    gateway_of(world).problems["status"] = [problem]

    assert withdraw(world, order_id)
    gateway_of(world).pay()
    look_again(world, order_id)

    assert [refund.cause for refund in refunds_of(order_id)] == ["withdrawn"]


def test_a_withdrawal_from_an_order_that_expired_by_itself_counts_as_well(world: Collaborators) -> None:
    order_id = an_expired_order(world, {an_offer(units=4): 2})
    assert withdraw(world, order_id)
    withdrawn_on = withdrawn_at(the_order(order_id))
    pass_time(world, minutes=1)
    assert withdraw(world, order_id)
    assert withdrawn_at(the_order(order_id)) == withdrawn_on is not None, "who withdraws twice withdrew the first time"

    gateway_of(world).pay()
    look_again(world, order_id)

    assert the_order(order_id).state is OrderState.REFUSED
    assert [refund.cause for refund in refunds_of(order_id)] == ["withdrawn"]


def _in_the_bank(shop: Shop, offer_id: int) -> int:
    order_id = a_payable_order(shop.world, {offer_id: 2})
    shop.gateway.payments[shop.gateway.newest()].state = GatewayState.PROCESSING
    look_again(shop.world, order_id)
    return order_id


def _of_another_amount(shop: Shop, offer_id: int) -> int:
    order_id = a_payable_order(shop.world, {offer_id: 2})
    shop.gateway.payments[shop.gateway.pay()].amount = Money(1, "USD")
    look_again(shop.world, order_id)
    return order_id


def _refused(shop: Shop, offer_id: int) -> int:
    shop.registry.submits = [Refused(RefusalCode.RULES, "no")]
    return a_finished_order(shop.world, {offer_id: 2})


@pytest.mark.parametrize(
    ("make", "words", "can_confirm", "is_linked"),
    [
        (_in_the_bank, "If the money still arrives, it goes back in full.", True, True),
        (_of_another_amount, "Nothing is cancelled meanwhile.", False, True),
        (lambda shop, o: a_paid_order(shop.world, {o: 2}), "nobody can call it back", False, True),
        (lambda shop, o: a_finished_order(shop.world, {o: 2}), "The registry has cancelled your units", False, False),
        (_refused, "your money goes back to you by itself", False, False),
    ],
)
def test_every_other_order_is_told_plainly_what_a_withdrawal_can_still_do(
    shop: Shop, make: Callable[[Shop, int], int], words: str, can_confirm: bool, is_linked: bool
) -> None:
    offer_id = shop.offer()
    token = token_of(shop, lambda: make(shop, offer_id))
    page: Page = shop.visitor().get(f"/en/orders/{token}/withdraw")

    assert words in page.words
    assert bool([form for form in page.forms if form.action.endswith("/withdraw")]) is can_confirm
    assert bool([link for link in page.links if link.startswith("/en/complaint?about=T-")]) is not can_confirm
    assert (f"/en/orders/{token}/withdraw" in shop.visitor().get(f"/en/orders/{token}").links) is is_linked
