"""The last button pressed twice, in two tabs or by an impatient hand: one basket, one order that can be paid."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from time import sleep

import pytest
from flask import Flask
from sqlalchemy import event, func, select
from sqlalchemy.exc import IntegrityError

from app.checkout import baskets, service
from app.checkout.errors import EarlierOrderOpen, OrderNotPayable
from app.checkout.models import Order
from app.checkout.queries import basket_units, basket_view
from app.checkout.states import UNPAID, OrderState
from app.db import db, end_reading, transaction
from app.fulfilment.process import Collaborators
from app.jobs.models import RestorationHold
from app.kernel.errors import Refusal
from app.offers.models import Offer
from app.payments.models import Payment
from app.payments.ports import GatewayUnavailable
from tests.builders import DETAILS, NOW, a_basket, an_offer, place, the_order

PRESSES = 4


def _press(world: Collaborators, token: str, total: int) -> int:
    """Order as somebody does who presses the button; gives the payment's id."""
    return service.order_basket(
        basket_token=token,
        details=DETAILS,
        locale="en",
        consent_version="test",
        consent_text="I agree.",
        terms_version="2026-11-01",
        expected_total=total,
        gateway=world.gateway,
        registries=world.registries,
        settings=world.settings,
        clock=world.clock,
    )


def _order_of(payment_id: int) -> Order:
    return the_order(db.session.get_one(Payment, payment_id).order_id)


def _open_orders() -> int:
    end_reading()
    return db.session.scalar(select(func.count(Order.id)).where(Order.state.in_(UNPAID))) or 0


def test_a_second_order_from_a_basket_with_an_open_one_is_refused(world: Collaborators) -> None:
    token = a_basket({an_offer(): 3})
    place(world.settings, token)

    with pytest.raises(EarlierOrderOpen):
        place(world.settings, token)

    assert _open_orders() == 1


def test_the_database_itself_refuses_two_open_orders_of_one_basket(world: Collaborators) -> None:
    order = the_order(place(world.settings, a_basket({an_offer(): 3})))
    values = {c.name: getattr(order, c.key) for c in Order.__table__.columns if c.name != "id"}
    end_reading()

    with pytest.raises(IntegrityError), transaction() as session:
        session.add(Order(**values | {"reference": "T-2222-3333", "token": "another"}))


def test_pressing_again_closes_the_first_order_and_gives_its_units_back(world: Collaborators) -> None:
    offer_id = an_offer(units=3)
    token = a_basket({offer_id: 3})
    total = basket_view(token, world.settings).total.minor
    first = _press(world, token, total)

    second = _press(world, token, total)

    assert (_order_of(first).state, _order_of(second).state) == (OrderState.EXPIRED, OrderState.PAYMENT_PENDING)
    assert db.session.get_one(Offer, offer_id).units_reserved == 3


def test_a_press_whose_order_another_one_closed_opens_no_page(world: Collaborators) -> None:
    token = a_basket({an_offer(): 3})
    total = basket_view(token, world.settings).total.minor
    first, second = _press(world, token, total), _press(world, token, total)

    with pytest.raises(OrderNotPayable) as refusal:
        service.open_payment(first, world.gateway, world.settings, world.clock)

    assert refusal.value.facts == {"state": "expired"}
    assert service.open_payment(second, world.gateway, world.settings, world.clock)
    assert _open_orders() == 1


def test_nothing_is_held_by_a_press_while_a_restoration_hold_stands(world: Collaborators) -> None:
    offer_id = an_offer()
    token = a_basket({offer_id: 3})
    total = basket_view(token, world.settings).total.minor
    with transaction() as session:
        session.add(RestorationHold(backup_made_at=NOW, restored_at=NOW, is_journal_kept=True))

    with pytest.raises(GatewayUnavailable):
        _press(world, token, total)

    assert _open_orders() == 0
    assert db.session.get_one(Offer, offer_id).units_reserved == 0


class Finger:
    """A clock that, when asked the nth time, lets somebody press the same button in that very moment."""

    def __init__(self, world: Collaborators, token: str, nth: int = 1) -> None:
        self._world, self._token, self._left = world, token, nth

    def now(self) -> datetime:
        self._left -= 1
        if self._left == 0:
            place(self._world.settings, self._token)
        return self._world.clock.now()


def test_of_two_presses_in_one_moment_the_last_one_counts(world: Collaborators) -> None:
    offer_id = an_offer(units=6)
    token = a_basket({offer_id: 3})
    total = basket_view(token, world.settings).total.minor

    payment_id = _press(replace(world, clock=Finger(world, token)), token, total)

    assert _order_of(payment_id).state is OrderState.PAYMENT_PENDING
    assert _open_orders() == 1
    assert db.session.get_one(Offer, offer_id).units_reserved == 3


def test_a_press_counts_that_closes_an_earlier_order_while_another_press_is_faster(world: Collaborators) -> None:
    token = a_basket({an_offer(units=6): 3})
    total = basket_view(token, world.settings).total.minor
    first = place(world.settings, token)

    # Asked when the button is pressed, when the earlier order is closed, and when the order is placed again.
    payment_id = _press(replace(world, clock=Finger(world, token, nth=3)), token, total)

    assert the_order(first).state is OrderState.EXPIRED
    assert _order_of(payment_id).state is OrderState.PAYMENT_PENDING
    assert _open_orders() == 1


def test_many_presses_at_once_leave_one_order_and_hold_its_units_once(context: Flask, world: Collaborators) -> None:
    offer_id = an_offer(units=50)
    token = a_basket({offer_id: 5})
    total = basket_view(token, world.settings).total.minor
    end_reading()
    barrier = threading.Barrier(PRESSES)
    refused: list[Refusal] = []

    def press() -> None:
        with context.app_context():
            barrier.wait()
            try:
                _press(world, token, total)
            except Refusal as refusal:
                refused.append(refusal)

    _all_at_once(press)

    assert _open_orders() == 1
    assert db.session.get_one(Offer, offer_id).units_reserved == 5
    assert {type(refusal) for refusal in refused} <= {EarlierOrderOpen}


def _all_at_once(press: Callable[[], None]) -> None:
    threads = [threading.Thread(target=press) for _ in range(PRESSES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_a_basket_that_is_changed_in_two_tabs_at_once_is_changed_by_both(world: Collaborators, context: Flask) -> None:
    offer_id = an_offer()
    token = a_basket({offer_id: 1})
    presses: list[Future[str]] = []

    def add() -> str:
        with context.app_context():
            return baskets.add_to_basket(token=token, offer_id=offer_id, units=2, now=NOW)

    def add_meanwhile(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if statement.startswith("UPDATE basket") and not presses:
            presses.append(other_tab.submit(add))
            sleep(0.2)

    with ThreadPoolExecutor(1) as other_tab:
        event.listen(db.engine, "after_cursor_execute", add_meanwhile)
        try:
            assert baskets.set_units(token=token, quantities={offer_id: 5}, now=NOW) == {}
        finally:
            event.remove(db.engine, "after_cursor_execute", add_meanwhile)
        assert presses[0].result() == token
    assert basket_units(token) == 7
