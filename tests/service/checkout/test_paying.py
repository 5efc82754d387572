"""The payment page: opened once for each try, and never in a way that charges twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask

from app.checkout import service
from app.checkout.errors import AlreadyPaid, CurrencyChanged, OrderNotPayable
from app.checkout.states import OrderState
from app.db import advance, transaction
from app.fulfilment.process import Collaborators, run_due
from app.jobs.models import RestorationHold
from app.kernel import checkpoints
from app.payments import service as payments
from app.payments.models import Payment
from app.payments.ports import GatewayFault, GatewayOutcomeUnknown, GatewayRefusal, GatewayState, GatewayUnavailable
from app.payments.states import PAYMENT, PaymentState
from tests.builders import (
    NOW,
    a_basket,
    a_paid_order,
    a_payable_order,
    a_placed_order,
    all_at_once,
    an_offer,
    gateway_of,
    look_again,
    pass_time,
    payments_of,
    place,
    the_offer,
    the_order,
)

POWER_CUT = RuntimeError("power cut")


def start(world: Collaborators, order_id: int) -> str:
    return service.start_payment(order_id, world.gateway, world.settings, world.clock)


def test_the_gateway_is_told_the_order_its_price_and_nothing_about_the_beneficiary(world: Collaborators) -> None:
    order_id = a_payable_order(world, {an_offer(price=250): 4})

    request = gateway_of(world).payments[gateway_of(world).newest()].request
    order = the_order(order_id)
    assert (request.order_reference, request.attempt, request.amount.minor) == (order.reference, 1, 1_000)
    assert request.success_url == f"http://127.0.0.1:5000/en/orders/{order.token}/return"
    assert request.back_url == "http://127.0.0.1:5000/en/checkout/review"
    assert request.expires_at == NOW + timedelta(minutes=31)
    assert "Amélie" not in repr(request)
    assert order.state is OrderState.PAYMENT_PENDING
    assert payments_of(order_id)[0].state is PaymentState.OPEN


def test_units_are_held_ten_minutes_longer_than_the_payment_page_lives_however_late_it_opens(
    world: Collaborators,
) -> None:
    order_id = a_placed_order(world.settings, {an_offer(): 1})
    pass_time(world, minutes=40)

    start(world, order_id)

    assert the_order(order_id).expires_at == payments_of(order_id)[0].expires_at + timedelta(minutes=10)


def test_a_gateway_that_is_away_leaves_an_order_that_can_be_paid_a_minute_later(world: Collaborators) -> None:
    order_id = a_placed_order(world.settings, {an_offer(): 1})
    gateway_of(world).problems["start_checkout"] = [GatewayUnavailable(), GatewayRefusal(reason="amount")]

    with pytest.raises(GatewayUnavailable):
        start(world, order_id)
    assert the_order(order_id).state is OrderState.PLACED
    with pytest.raises(GatewayRefusal):
        start(world, order_id)
    start(world, order_id)

    assert [p.state for p in payments_of(order_id)] == [
        PaymentState.FAILED, PaymentState.FAILED, PaymentState.OPEN,
    ]  # fmt: skip
    assert [p.attempt for p in payments_of(order_id)] == [1, 2, 3]


def test_a_gateway_that_did_not_answer_is_asked_again_under_the_same_key_and_gives_the_same_page(
    world: Collaborators,
) -> None:
    gateway = gateway_of(world)
    order_id = a_placed_order(world.settings, {an_offer(): 1})
    gateway.problems["start_checkout_answer"] = [GatewayOutcomeUnknown(), GatewayOutcomeUnknown()]
    with pytest.raises(GatewayOutcomeUnknown):
        start(world, order_id)
    assert payments_of(order_id)[0].state is PaymentState.CREATED

    with pytest.raises(GatewayUnavailable):
        look_again(world, order_id)
    with pytest.raises(OrderNotPayable):
        start(world, order_id)
    gateway.pay()
    pass_time(world, minutes=2)
    run_due(world)

    assert len(gateway.payments) == 1
    assert the_order(order_id).state is OrderState.FULFILLED


def test_an_order_in_a_currency_that_the_house_gave_up_ends_when_somebody_tries_to_pay_it(world: Collaborators) -> None:
    offer_id = an_offer(units=10)
    order_id = a_placed_order(world.settings, {offer_id: 4})
    euros = replace(world, settings=replace(world.settings, currency="EUR"))

    with pytest.raises(CurrencyChanged):
        start(euros, order_id)

    assert the_order(order_id).state is OrderState.EXPIRED
    assert payments_of(order_id) == []
    assert the_offer(offer_id).units_reserved == 0
    assert gateway_of(world).payments == {}


def test_a_payment_that_was_begun_before_the_currency_changed_keeps_no_units_for_ever(world: Collaborators) -> None:
    offer_id = an_offer(units=10)
    order_id = a_placed_order(world.settings, {offer_id: 4})
    gateway_of(world).problems["start_checkout"] = [GatewayOutcomeUnknown()]
    with pytest.raises(GatewayOutcomeUnknown):
        start(world, order_id)
    # As every gateway of ours does with a currency that it was not set up for.
    gateway_of(world).problems["start_checkout"] = [GatewayFault("everything must be in EUR")] * 50
    euros = replace(world, settings=replace(world.settings, currency="EUR"))

    pass_time(euros, minutes=60)
    run_due(euros)

    assert the_order(order_id).state is OrderState.EXPIRED
    assert [payment.state for payment in payments_of(order_id)] == [PaymentState.FAILED]
    assert the_offer(offer_id).units_reserved == 0


def test_money_in_a_currency_that_the_house_gave_up_meanwhile_is_still_money_for_its_order(
    world: Collaborators,
) -> None:
    order_id = a_payable_order(world, {an_offer(): 4})
    euros = replace(world, settings=replace(world.settings, currency="EUR"))
    with pytest.raises(OrderNotPayable):
        start(euros, order_id)

    gateway_of(world).pay()
    look_again(euros, order_id)

    assert the_order(order_id).state is OrderState.PAID


def test_a_gateway_that_is_busy_when_it_is_asked_again_leaves_no_page_that_nobody_knows_of(
    world: Collaborators,
) -> None:
    gateway = gateway_of(world)
    order_id = a_placed_order(world.settings, {an_offer(): 1})
    gateway.problems["start_checkout_answer"] = [GatewayOutcomeUnknown()]
    with pytest.raises(GatewayOutcomeUnknown):
        start(world, order_id)

    gateway.problems["start_checkout"] = [GatewayUnavailable()]
    with pytest.raises(GatewayUnavailable):
        look_again(world, order_id)
    assert payments_of(order_id)[0].state is PaymentState.CREATED, "the first request may have opened a page"

    gateway.pay()
    pass_time(world, minutes=2)
    run_due(world)
    assert the_order(order_id).state is OrderState.FULFILLED


def test_a_payment_page_that_a_power_cut_left_unopened_is_not_opened_while_a_restoration_hold_stands(
    world: Collaborators,
) -> None:
    order_id = a_placed_order(world.settings, {an_offer(): 1})
    gateway_of(world).problems["start_checkout"] = [GatewayOutcomeUnknown()]
    with pytest.raises(GatewayOutcomeUnknown):
        start(world, order_id)
    with transaction() as session:
        session.add(RestorationHold(backup_made_at=NOW, restored_at=NOW, is_journal_kept=True))

    with pytest.raises(GatewayUnavailable):
        look_again(world, order_id)

    assert gateway_of(world).payments == {}


def test_an_order_whose_payment_failed_in_a_power_cut_is_held_until_its_next_page_has_closed(
    world: Collaborators,
) -> None:
    order_id = a_placed_order(world.settings, {an_offer(): 1})
    start(world, order_id)
    with transaction():
        advance(Payment, payments_of(order_id)[0].id, PAYMENT, PaymentState.FAILED, at=NOW)
    pass_time(world, minutes=30)

    start(world, order_id)

    order = the_order(order_id)
    assert order.state is OrderState.PAYMENT_PENDING
    assert order.expires_at == payments_of(order_id)[1].expires_at + timedelta(minutes=10)


def test_a_page_that_was_opened_just_before_a_power_cut_is_found_again(world: Collaborators) -> None:
    def cut(point: str) -> None:
        if point == "gateway.after_call":
            checkpoints.forget_observers()
            raise POWER_CUT

    order_id = a_placed_order(world.settings, {an_offer(): 1})
    checkpoints.observe(cut)
    with pytest.raises(RuntimeError, match="power cut"):
        start(world, order_id)

    look_again(world, order_id)

    assert len(gateway_of(world).payments) == 1
    assert payments_of(order_id)[0].state is PaymentState.OPEN


def test_a_page_that_the_gateway_refuses_after_a_power_cut_leaves_an_order_that_can_be_paid(
    world: Collaborators,
) -> None:
    gateway = gateway_of(world)
    order_id = a_placed_order(world.settings, {an_offer(): 1})
    gateway.problems["start_checkout"] = [GatewayOutcomeUnknown(), GatewayRefusal(reason="expired")]
    with pytest.raises(GatewayOutcomeUnknown):
        start(world, order_id)

    look_again(world, order_id)
    look_again(world, order_id)

    assert payments_of(order_id)[0].state is PaymentState.FAILED
    assert the_order(order_id).state is OrderState.PLACED


def test_while_one_page_can_be_paid_no_second_one_is_opened(world: Collaborators, context: Flask) -> None:
    order_id = a_payable_order(world, {an_offer(): 1})
    with pytest.raises(OrderNotPayable):
        start(world, order_id)

    fresh = a_placed_order(world.settings, {an_offer(number=2): 1})
    outcomes = all_at_once(context, [lambda: start(world, fresh)] * 4)

    assert [type(outcome) for outcome in outcomes].count(str) == 1
    assert [type(outcome) for outcome in outcomes].count(OrderNotPayable) == 3
    assert len(payments_of(fresh)) == 1


def test_an_order_that_is_paid_or_over_cannot_be_paid_again(world: Collaborators) -> None:
    offer_id = an_offer()
    paid, late = a_paid_order(world, {offer_id: 1}), a_placed_order(world.settings, {offer_id: 1})
    pass_time(world, minutes=41)

    for order_id, state in ((paid, "paid"), (late, "placed")):
        with pytest.raises(OrderNotPayable) as refusal:
            start(world, order_id)
        assert refusal.value.facts == {"state": state}


def test_a_declined_card_leaves_the_units_held_and_the_order_open_to_another_card(world: Collaborators) -> None:
    offer_id = an_offer()
    order_id = a_payable_order(world, {offer_id: 2})
    gateway_of(world).payments[gateway_of(world).newest()].state = GatewayState.FAILED

    look_again(world, order_id)
    assert the_order(order_id).state is OrderState.PLACED
    assert the_offer(offer_id).units_reserved == 2

    start(world, order_id)
    gateway_of(world).pay()
    look_again(world, order_id)
    assert the_order(order_id).state is OrderState.PAID


def test_ordering_again_closes_the_page_of_the_earlier_try_and_gives_its_units_back(world: Collaborators) -> None:
    offer_id = an_offer()
    token = a_basket({offer_id: 3})
    first = place(world.settings, token)
    start(world, first)
    old_page = gateway_of(world).newest()

    service.supersede_unpaid_orders(token, world.gateway, world.registries, world.settings, world.clock)
    second = place(world.settings, token)

    assert gateway_of(world).payments[old_page].state is GatewayState.EXPIRED
    assert (the_order(first).state, the_order(second).state) == (OrderState.EXPIRED, OrderState.PLACED)
    assert the_offer(offer_id).units_reserved == 3


@pytest.mark.parametrize("state", [GatewayState.SUCCEEDED, GatewayState.PROCESSING])
def test_ordering_again_after_the_earlier_try_was_paid_leads_to_that_order_instead_of_a_second_charge(
    world: Collaborators, state: GatewayState
) -> None:
    token = a_basket({an_offer(): 3})
    first = place(world.settings, token)
    start(world, first)
    gateway_of(world).payments[gateway_of(world).newest()].state = state

    with pytest.raises(AlreadyPaid) as refusal:
        service.supersede_unpaid_orders(token, world.gateway, world.registries, world.settings, world.clock)

    assert refusal.value.facts == {"token": the_order(first).token}


def test_an_earlier_try_that_cannot_be_closed_for_certain_stops_a_second_order(world: Collaborators) -> None:
    token = a_basket({an_offer(): 3})
    first = place(world.settings, token)
    start(world, first)
    gateway_of(world).problems["status"] = [GatewayUnavailable()]

    with pytest.raises(GatewayUnavailable):
        service.supersede_unpaid_orders(token, world.gateway, world.registries, world.settings, world.clock)

    assert the_order(first).state is OrderState.PAYMENT_PENDING


def test_a_page_that_stays_open_although_we_closed_it_is_neither_taken_for_paid_nor_for_over(
    world: Collaborators, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = a_basket({an_offer(): 3})
    first = place(world.settings, token)
    start(world, first)
    # The call was lost; asked afterwards, the gateway says what it has.
    monkeypatch.setattr(gateway_of(world), "expire_checkout", gateway_of(world).status)

    with pytest.raises(GatewayUnavailable):
        service.supersede_unpaid_orders(token, world.gateway, world.registries, world.settings, world.clock)
    with pytest.raises(GatewayUnavailable):
        service.close_payment_pages(first, world.gateway, world.registries, world.settings, world.clock)

    assert the_order(first).state is OrderState.PAYMENT_PENDING


def test_a_page_that_was_never_opened_has_no_name_at_the_gateway(world: Collaborators) -> None:
    order_id = a_placed_order(world.settings, {an_offer(): 1})
    gateway_of(world).problems["start_checkout"] = [GatewayUnavailable()]
    with pytest.raises(GatewayUnavailable):
        start(world, order_id)

    with pytest.raises(GatewayFault, match="never opened"):
        payments.get_gateway_reference(payments_of(order_id)[0].id)


def test_a_payment_nobody_told_us_about_is_found_by_looking(world: Collaborators) -> None:
    order_id = a_payable_order(world, {an_offer(): 1})
    gateway_of(world).pay()
    run_due(world)
    assert the_order(order_id).state is OrderState.PAYMENT_PENDING

    pass_time(world, minutes=5)
    run_due(world)

    assert the_order(order_id).state is OrderState.FULFILLED
