"""Money that comes late or twice: nobody loses it, and nothing is sold twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from threading import Event
from time import sleep

import pytest
from flask import Flask
from sqlalchemy import select

from app.checkout import baskets, service
from app.checkout.models import BasketLine, OrderLine
from app.checkout.service import record
from app.checkout.states import OrderState
from app.db import db, transaction
from app.fulfilment.process import Collaborators, run_due
from app.offers.models import Reservation
from app.offers.states import ReservationState
from app.payments.ports import GatewayState, GatewayUnavailable
from app.payments.states import PaymentState, RefundState
from tests.builders import (
    NOW,
    a_basket,
    a_paid_order,
    a_payable_order,
    all_at_once,
    an_offer,
    cancellations_of,
    certificates_of,
    gateway_of,
    ledger_effects,
    look_again,
    pass_time,
    payments_of,
    place,
    refunds_of,
    the_offer,
    the_order,
)
from tests.service.checkout.orders import an_expired_order, mails_of, two_open_pages

# --- unpaid ----------------------------------------------------------------------------------------


def test_units_that_were_not_paid_in_time_are_on_sale_again_and_the_page_is_closed(world: Collaborators) -> None:
    offer_id = an_offer(units=4)
    order_id = a_payable_order(world, {offer_id: 4})
    pass_time(world, minutes=40)
    run_due(world)
    assert the_offer(offer_id).units_left == 0

    pass_time(world, minutes=1)
    run_due(world)

    assert the_order(order_id).state is OrderState.EXPIRED
    assert the_offer(offer_id).units_left == 4
    assert gateway_of(world).payments[gateway_of(world).newest()].state is GatewayState.EXPIRED
    assert payments_of(order_id)[0].state is PaymentState.EXPIRED


def test_units_are_not_released_while_the_gateway_cannot_say_whether_they_were_paid(world: Collaborators) -> None:
    offer_id = an_offer(units=4)
    order_id = a_payable_order(world, {offer_id: 4})
    pass_time(world, minutes=42)
    gateway_of(world).problems["status"] = [GatewayUnavailable() for _ in range(20)]
    run_due(world)
    assert the_offer(offer_id).units_left == 0

    gateway_of(world).problems.clear()
    gateway_of(world).pay()
    pass_time(world, minutes=1)
    run_due(world)

    assert the_order(order_id).state is OrderState.FULFILLED


def test_a_page_paid_in_the_very_second_in_which_it_is_closed_is_a_paid_order(world: Collaborators) -> None:
    offer_id = an_offer()
    order_id = a_payable_order(world, {offer_id: 2})
    pass_time(world, minutes=41)
    gateway_of(world).before["expire_checkout"] = gateway_of(world).pay

    run_due(world)

    assert the_order(order_id).state is OrderState.FULFILLED
    assert ledger_effects() == 2


def test_an_order_that_two_workers_expire_at_once_gives_its_units_back_once(
    world: Collaborators, context: Flask
) -> None:
    offer_id = an_offer(units=10)
    order_id = a_payable_order(world, {offer_id: 4})
    pass_time(world, minutes=42)

    def close() -> bool:
        return service.close_unpaid(order_id, world.gateway, world.registries, world.settings, world.clock)

    assert all_at_once(context, [close] * 3) == [True] * 3
    assert the_offer(offer_id).units_left == 10


def test_an_order_that_is_paid_is_not_expired_by_a_worker_that_comes_too_late(world: Collaborators) -> None:
    order_id = a_paid_order(world, {an_offer(): 1})

    assert not service.close_unpaid(order_id, world.gateway, world.registries, world.settings, world.clock)
    assert the_order(order_id).state is OrderState.PAID


# --- late ------------------------------------------------------------------------------------------


def test_late_money_buys_the_units_if_they_are_still_there(world: Collaborators) -> None:
    offer_id = an_offer(units=4)
    order_id = an_expired_order(world, {offer_id: 4})
    gateway_of(world).pay()

    look_again(world, order_id)
    run_due(world)

    assert the_order(order_id).state is OrderState.FULFILLED
    assert (the_offer(offer_id).units_left, ledger_effects()) == (0, 4)
    assert not refunds_of(order_id)


def test_late_money_buys_the_lines_that_are_still_there_and_the_others_are_refunded_line_by_line(
    world: Collaborators,
) -> None:
    here, gone = an_offer(number=1, units=4, price=100), an_offer(number=2, units=4, price=250)
    order_id = an_expired_order(world, {here: 4, gone: 3})
    late_page = gateway_of(world).newest()
    a_paid_order(world, {gone: 2})
    gateway_of(world).pay(late_page)

    look_again(world, order_id)
    run_due(world)

    order = the_order(order_id)
    assert order.state is OrderState.PARTLY_FULFILLED
    assert [(r.amount, r.cause, r.state) for r in refunds_of(order_id)] == [(750, "sold_out", RefundState.SUCCEEDED)]
    assert refunds_of(order_id)[0].order_line_id == order.lines[1].id
    assert [c.units for c in cancellations_of(order_id)] == [4]
    assert len(certificates_of(order_id)) == 1
    assert gateway_of(world).payments[late_page].refunded == 750


def test_late_money_for_units_that_are_all_gone_goes_back_whole(world: Collaborators) -> None:
    one, two = an_offer(number=1, units=4), an_offer(number=2, units=4)
    order_id = an_expired_order(world, {one: 4, two: 4})
    late_page = gateway_of(world).newest()
    a_paid_order(world, {one: 1, two: 1})
    gateway_of(world).pay(late_page)

    look_again(world, order_id)
    run_due(world)

    assert the_order(order_id).state is OrderState.REFUSED
    assert [(r.amount, r.cause) for r in refunds_of(order_id)] == [(1_000, "sold_out"), (1_000, "sold_out")]
    assert gateway_of(world).payments[late_page].refunded == the_order(order_id).total
    assert not cancellations_of(order_id)
    assert (the_offer(one).units_left, the_offer(two).units_left) == (3, 3)
    assert len([subject for subject in mails_of(world) if the_order(order_id).reference in subject]) == 2


def test_late_money_seen_by_many_at_once_is_acted_on_once(world: Collaborators, context: Flask) -> None:
    offer_id = an_offer(units=4)
    order_id = an_expired_order(world, {offer_id: 4})
    gateway_of(world).pay()

    assert all_at_once(context, [lambda: look_again(world, order_id)] * 4) == [None] * 4
    run_due(world)

    assert (the_offer(offer_id).units_settled, ledger_effects()) == (4, 4)
    assert len(cancellations_of(order_id)) == 1


# --- twice -----------------------------------------------------------------------------------------


def test_a_second_payment_of_an_order_is_refunded_whole(world: Collaborators) -> None:
    order_id, pages = two_open_pages(world)
    for page in pages:
        gateway_of(world).pay(page)
        look_again(world, order_id)

    run_due(world)

    assert the_order(order_id).state is OrderState.FULFILLED
    assert [(r.amount, r.cause, r.state) for r in refunds_of(order_id)] == [
        (500, "second_payment", RefundState.SUCCEEDED)
    ]
    assert sum(payment.refunded for payment in gateway_of(world).payments.values()) == 500
    assert ledger_effects() == 2


def test_two_payments_in_one_instant_pay_once_and_refund_once(world: Collaborators, context: Flask) -> None:
    order_id, pages = two_open_pages(world)
    for page in pages:
        gateway_of(world).pay(page)

    def reconcile(payment_id: int) -> Callable[[], object]:
        return lambda: (
            service.reconcile(payment_id, world.gateway, world.registries, world.settings, world.clock) and None
        )

    ids = [payment.id for payment in payments_of(order_id)]
    assert all_at_once(context, [reconcile(payment_id) for payment_id in ids * 2]) == [None] * 4
    run_due(world)

    assert the_order(order_id).state is OrderState.FULFILLED
    assert [r.cause for r in refunds_of(order_id)] == ["second_payment"]
    assert ledger_effects() == 2


def test_two_payments_for_one_basket_one_of_them_late_do_not_wait_for_each_other(
    world: Collaborators, context: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer_id, gateway = an_offer(units=9), gateway_of(world)
    token = a_basket({offer_id: 2})
    orders = []
    for units in (2, 3):
        baskets.set_units(token=token, quantities={offer_id: units}, now=NOW)
        orders.append(place(world.settings, token))
        service.start_payment(orders[-1], gateway, world.settings, world.clock)
        if units == 2:
            assert service.close_unpaid(orders[0], gateway, world.registries, world.settings, world.clock)
    for page in list(gateway.payments):
        gateway.pay(page)
    late_has_its_units = Event()
    take_out = record.take_out

    def take_out_in_step(basket_id: int, bought: Mapping[int, int]) -> None:
        if bought[offer_id] == 2:
            late_has_its_units.set()
            take_out(basket_id, bought)
        else:
            take_out(basket_id, bought)
            late_has_its_units.wait(1)

    monkeypatch.setattr(record, "take_out", take_out_in_step)
    payments = [payments_of(order_id)[0].id for order_id in orders]
    statuses = [gateway.status(page) for page in gateway.payments]
    paid = all_at_once(
        context,
        [
            partial(record.record_status, payment_id, status, world.registries, world.settings, NOW)
            for payment_id, status in zip(payments, statuses, strict=True)
        ],
    )

    assert paid == [None, None]
    assert [the_order(order_id).state for order_id in orders] == [OrderState.PAID] * 2
    assert the_offer(offer_id).units_left == 4


def test_a_basket_that_is_changed_while_it_is_paid_does_not_wait_for_its_payment_which_waits_for_it(
    world: Collaborators, context: Flask
) -> None:
    one, two = an_offer(number=1), an_offer(number=2)
    token = a_basket({two: 2, one: 2})
    order_id = place(world.settings, token)
    service.start_payment(order_id, world.gateway, world.settings, world.clock)
    gateway_of(world).pay()
    baskets.remove_line(token=token, offer_id=two, now=NOW)
    baskets.add_to_basket(token=token, offer_id=two, units=2, now=NOW)

    def keep_both_waiting() -> None:
        with transaction() as session:
            session.scalars(select(BasketLine).where(BasketLine.offer_id == one).with_for_update()).one()
            sleep(0.6)

    def change() -> None:
        sleep(0.2)
        baskets.set_units(token=token, quantities={one: 3, two: 3}, now=NOW)

    def pay() -> None:
        sleep(0.4)
        look_again(world, order_id)

    assert all_at_once(context, [keep_both_waiting, change, pay]) == [None] * 3
    assert the_order(order_id).state is OrderState.PAID


def test_of_a_late_payment_nothing_is_held_of_an_offer_that_is_sold_out(world: Collaborators) -> None:
    gone, left = an_offer(number=1, units=3), an_offer(number=2, units=3)
    order_id = an_expired_order(world, {gone: 2, left: 2})
    a_paid_order(world, {gone: 3})
    gateway_of(world).pay(next(iter(gateway_of(world).payments)))
    look_again(world, order_id)

    again = select(Reservation.offer_id, Reservation.state).join(OrderLine, OrderLine.id == Reservation.order_line_id)
    rows = db.session.execute(again.where(OrderLine.order_id == order_id).order_by(Reservation.id)).all()
    released, settled = ReservationState.RELEASED, ReservationState.SETTLED
    assert [tuple(row) for row in rows] == [(gone, released), (left, released), (left, settled)]
    assert [refund.cause for refund in refunds_of(order_id)] == ["sold_out"]
