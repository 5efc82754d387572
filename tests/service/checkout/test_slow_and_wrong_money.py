"""Money that comes by bank, or in the wrong sum: units wait for the one, and a person looks at the other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.audit.service import agree
from app.checkout import service
from app.checkout.service.review import propose_refund, what_arrived
from app.checkout.states import OrderState
from app.db import StateEvent, db
from app.fulfilment.process import Collaborators, run_due
from app.kernel.money import Money
from app.payments.ports import GatewayOutcomeUnknown, GatewayRefusal, GatewayState, PaymentStatus
from app.payments.states import PaymentState, RefundState
from tests.builders import (
    NOW,
    a_payable_order,
    a_placed_order,
    an_offer,
    cancellations_of,
    gateway_of,
    look_again,
    pass_time,
    payments_of,
    refunds_of,
    the_offer,
    the_order,
)
from tests.fakes import FakeGateway
from tests.people import actor_of, an_operator
from tests.service.checkout.orders import an_expired_order, mails_of, two_open_pages


def test_a_payment_by_bank_holds_the_units_for_two_weeks_and_the_buyer_is_told(world: Collaborators) -> None:
    offer_id = an_offer()
    order_id = a_payable_order(world, {offer_id: 2})
    page = gateway_of(world).newest()
    gateway_of(world).payments[page].state = GatewayState.PROCESSING
    look_again(world, order_id)
    look_again(world, order_id)

    pass_time(world, days=13)
    run_due(world)
    assert the_order(order_id).expires_at == world.clock.now() + timedelta(days=1)
    assert (the_order(order_id).state, the_offer(offer_id).units_reserved) == (OrderState.PAYMENT_PENDING, 2)
    assert len(mails_of(world)) == 1

    gateway_of(world).pay(page)
    pass_time(world, minutes=6)
    run_due(world)
    assert the_order(order_id).state is OrderState.FULFILLED


def test_units_stay_held_as_long_as_the_bank_has_not_answered_even_after_two_weeks(world: Collaborators) -> None:
    offer_id = an_offer()
    order_id = a_payable_order(world, {offer_id: 2})
    gateway_of(world).payments[gateway_of(world).newest()].state = GatewayState.PROCESSING
    look_again(world, order_id)
    pass_time(world, days=15)

    assert run_due(world) < 5  # one look, not one in every round
    assert the_offer(offer_id).units_reserved == 2
    assert the_order(order_id).state is OrderState.PAYMENT_PENDING


def test_money_on_its_way_is_asked_about_now_and_then_and_not_in_every_round(
    world: Collaborators, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = a_payable_order(world, {an_offer(): 2})
    gateway_of(world).payments[gateway_of(world).newest()].state = GatewayState.PROCESSING
    look_again(world, order_id)
    pass_time(world, days=15)
    asked: list[str] = []
    ask = gateway_of(world).status
    monkeypatch.setattr(gateway_of(world), "status", lambda reference: asked.append(reference) or ask(reference))

    for _round in range(3):
        run_due(world)

    assert len(asked) == 1


def test_a_bank_that_says_no_after_days_leaves_time_to_pay_in_another_way(world: Collaborators) -> None:
    order_id = a_payable_order(world, {an_offer(): 2})
    page = gateway_of(world).newest()
    gateway_of(world).payments[page].state = GatewayState.PROCESSING
    look_again(world, order_id)
    pass_time(world, days=3)
    gateway_of(world).payments[page].state = GatewayState.FAILED
    look_again(world, order_id)

    order = the_order(order_id)
    assert (order.state, order.expires_at) == (OrderState.PLACED, world.clock.now() + timedelta(days=3))
    service.start_payment(order_id, world.gateway, world.settings, world.clock)
    gateway_of(world).pay()
    look_again(world, order_id)
    assert the_order(order_id).state is OrderState.PAID


def test_a_buyer_who_pays_by_bank_for_the_second_time_is_told_again_that_it_takes_time(world: Collaborators) -> None:
    order_id = a_payable_order(world, {an_offer(): 2})
    for state in (GatewayState.PROCESSING, GatewayState.FAILED):
        gateway_of(world).payments[gateway_of(world).newest()].state = state
        look_again(world, order_id)
    service.start_payment(order_id, world.gateway, world.settings, world.clock)
    gateway_of(world).payments[gateway_of(world).newest()].state = GatewayState.PROCESSING
    look_again(world, order_id)
    run_due(world)

    first, _refused, second = mails_of(world)
    assert first == second


def test_a_page_thought_dead_that_is_in_the_banks_hands_is_watched_until_the_bank_answers(
    world: Collaborators,
) -> None:
    offer_id = an_offer()
    order_id = an_expired_order(world, {offer_id: 2})
    page = gateway_of(world).newest()
    gateway_of(world).payments[page].state = GatewayState.PROCESSING
    look_again(world, order_id)
    assert payments_of(order_id)[0].state is PaymentState.PROCESSING

    gateway_of(world).pay(page)
    pass_time(world, minutes=6)
    run_due(world)

    assert the_order(order_id).state is OrderState.FULFILLED


def test_the_failure_of_one_page_leaves_an_order_alone_that_is_being_paid_on_another(world: Collaborators) -> None:
    order_id, pages = two_open_pages(world)
    late = payments_of(order_id)[0]
    gateway_of(world).payments[pages[1]].state = GatewayState.FAILED
    gateway_of(world).payments[pages[0]].state = GatewayState.PROCESSING
    look_again(world, order_id)

    assert payments_of(order_id)[0].id == late.id
    assert [p.state for p in payments_of(order_id)] == [PaymentState.PROCESSING, PaymentState.FAILED]
    assert the_order(order_id).state is OrderState.PAYMENT_PENDING


# --- wrong -----------------------------------------------------------------------------------------


def test_a_refused_second_page_leaves_an_order_alone_whose_first_page_the_bank_is_working_on(
    world: Collaborators,
) -> None:
    order_id = a_payable_order(world, {an_offer(): 2})
    first = gateway_of(world).newest()
    service.close_payment_pages(order_id, world.gateway, world.registries, world.settings, world.clock)
    gateway_of(world).problems["start_checkout"] = [GatewayOutcomeUnknown(), GatewayRefusal(reason="expired")]
    with pytest.raises(GatewayOutcomeUnknown):
        service.start_payment(order_id, world.gateway, world.settings, world.clock)
    gateway_of(world).payments[first].state = GatewayState.PROCESSING

    look_again(world, order_id)

    assert [p.state for p in payments_of(order_id)] == [PaymentState.PROCESSING, PaymentState.FAILED]
    assert the_order(order_id).state is OrderState.PAYMENT_PENDING


def wrong_amount(gateway: FakeGateway, page: str) -> None:
    gateway.payments[page].amount = Money(1, "USD")


def wrong_currency(gateway: FakeGateway, page: str) -> None:
    gateway.payments[page].amount = Money(500, "EUR")


def wrong_mode(gateway: FakeGateway, page: str) -> None:
    gateway.is_live = True


@pytest.mark.parametrize("spoil", [wrong_amount, wrong_currency, wrong_mode])
def test_a_payment_that_differs_from_its_order_goes_to_a_person_and_cancels_nothing(
    world: Collaborators, spoil: Callable[[FakeGateway, str], None]
) -> None:
    order_id = a_payable_order(world, {an_offer(): 2})
    page = gateway_of(world).pay()
    spoil(gateway_of(world), page)

    look_again(world, order_id)
    run_due(world)

    assert the_order(order_id).state is OrderState.PAYMENT_REVIEW
    assert not cancellations_of(order_id)
    assert not refunds_of(order_id)
    event = db.session.scalars(select(StateEvent).where(StateEvent.to_state == "payment_review")).one()
    assert set(event.facts) == {"payment", "paid", "currency"}


def test_a_payment_that_differs_goes_to_a_person_when_it_came_and_not_while_the_bank_works_on_it(
    world: Collaborators,
) -> None:
    order_id = a_payable_order(world, {an_offer(): 2})
    page = gateway_of(world).newest()
    wrong_amount(gateway_of(world), page)
    gateway_of(world).payments[page].state = GatewayState.PROCESSING
    look_again(world, order_id)
    assert the_order(order_id).state is OrderState.PAYMENT_PENDING, "nobody gives back what has not come"

    gateway_of(world).pay(page)
    pass_time(world, minutes=6)
    run_due(world)

    assert the_order(order_id).state is OrderState.PAYMENT_REVIEW


def test_a_payment_of_another_order_is_not_taken_for_this_one(world: Collaborators) -> None:
    offer_id = an_offer()
    order_id, other_id = a_payable_order(world, {offer_id: 2}), a_placed_order(world.settings, {offer_id: 2})
    payment = payments_of(order_id)[0]
    status = PaymentStatus(
        gateway_reference=str(payment.gateway_reference),
        order_reference=the_order(other_id).reference,
        state=GatewayState.SUCCEEDED,
        amount=payment.money,
        is_live=False,
    )

    service.record_status(payment.id, status, world.registries, world.settings, world.clock.now())

    assert the_order(order_id).state is OrderState.PAYMENT_REVIEW
    assert the_order(other_id).state is OrderState.PLACED


def test_money_that_differs_and_that_no_order_needs_waits_once_among_the_refunds_that_failed(
    world: Collaborators,
) -> None:
    order_id, pages = two_open_pages(world)
    gateway_of(world).pay(pages[1])
    look_again(world, order_id)
    wrong_amount(gateway_of(world), gateway_of(world).pay(pages[0]))

    for _day in range(3):
        pass_time(world, days=1)
        look_again(world, order_id)
        run_due(world)

    [refund] = refunds_of(order_id)
    assert (refund.amount, refund.cause, refund.state) == (1, "differs", RefundState.FAILED)
    assert "0.01 USD" in refund.last_message
    assert the_order(order_id).state is OrderState.FULFILLED
    assert not gateway_of(world).refund_calls, "two operators decide about it"


def test_a_second_payment_that_differs_waits_beside_the_first_that_people_decide_about(world: Collaborators) -> None:
    order_id, pages = two_open_pages(world)
    for page in pages:
        wrong_amount(gateway_of(world), gateway_of(world).pay(page))

    look_again(world, order_id)

    assert the_order(order_id).state is OrderState.PAYMENT_REVIEW
    [refund] = refunds_of(order_id)
    first, second = payments_of(order_id)
    arrived = what_arrived(order_id)
    assert arrived is not None
    assert {arrived[0].id, refund.payment_id} == {first.id, second.id}


@pytest.mark.parametrize(("went_back", "goes_back"), [(500, []), (150, [(350, "differs", RefundState.SUCCEEDED)])])
def test_money_that_went_back_before_we_heard_of_it_buys_nothing_and_only_the_rest_goes_back(
    world: Collaborators, went_back: int, goes_back: list[object]
) -> None:
    offer_id = an_offer(price=250)
    order_id = a_payable_order(world, {offer_id: 2})
    page = gateway_of(world).pay()
    gateway_of(world).refund(page, None, Money(went_back, "USD"), "made on the gateway's own pages")

    look_again(world, order_id)
    run_due(world)
    assert (the_order(order_id).state, cancellations_of(order_id)) == (OrderState.PAYMENT_REVIEW, [])
    propose_refund_and_agree(order_id)
    run_due(world)

    assert the_order(order_id).state is OrderState.REFUSED
    assert [(r.amount, r.cause, r.state) for r in refunds_of(order_id)] == goes_back
    assert the_offer(offer_id).units_reserved == 0


def propose_refund_and_agree(order_id: int) -> None:
    eva, ole = (actor_of(an_operator(f"{name}@tonne.example")) for name in ("eva", "ole"))
    agree(propose_refund(order_id, eva, reason="Seen at the gateway.", now=NOW), ole, now=NOW)


def test_a_payment_of_nothing_that_differs_leaves_nothing_to_give_back(world: Collaborators) -> None:
    order_id, pages = two_open_pages(world)
    gateway_of(world).pay(pages[1])
    look_again(world, order_id)
    gateway_of(world).payments[gateway_of(world).pay(pages[0])].amount = Money(0, "USD")

    look_again(world, order_id)

    assert not refunds_of(order_id)
