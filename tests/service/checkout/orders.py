"""Orders as tests of the checkout begin with them, and how their pages and mails are read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import select

from app.checkout import service
from app.checkout.models import Order
from app.checkout.order_queries import find_order, order_view
from app.checkout.states import OrderState
from app.db import db
from app.fulfilment.process import Collaborators, run_due
from tests.builders import a_payable_order, an_offer, gateway_of, mailer_of, pass_time, the_order
from tests.pages import Page
from tests.service.conftest import Shop

# What a buyer types into the details.
TYPED = {
    "email": "amelie@example.org",
    "beneficiary": "Amélie Nguyễn 王小明 محمد",
    "purpose": "Our heating,\r\nin 2025",
    "intent": "compensation",
    "country": "KE",
    "publish_name": "y",
}


def orders(shop: Shop) -> list[tuple[OrderState, int]]:
    """State and total, in minor units, of every order."""
    with shop.inside():
        return [(order.state, order.total) for order in db.session.scalars(select(Order).order_by(Order.id))]


def token_of(shop: Shop, make: Callable[[], int]) -> str:
    """The secret of an order's link, of the order that `make` makes."""
    with shop.inside():
        return the_order(make()).token


def see(shop: Shop, token: str) -> Page:
    """The order's page, as whoever has the link sees it."""
    return shop.visitor().get(f"/en/orders/{token}")


def steps_of(shop: Shop, token: str) -> list[tuple[str, bool, bool, bool]]:
    """The line of proof: name, reached, in progress, not going to happen."""
    with shop.inside():
        order = find_order(token)
        assert order is not None
        return [
            (s.key, s.at is not None, s.is_current, s.is_failed)
            for s in order_view(order, promise=timedelta(minutes=5)).steps
        ]


def an_expired_order(world: Collaborators, wanted: dict[int, int]) -> int:
    """An order that nobody paid in time."""
    order_id = a_payable_order(world, wanted)
    pass_time(world, minutes=42)
    run_due(world)
    assert the_order(order_id).state is OrderState.EXPIRED
    return order_id


def two_open_pages(world: Collaborators) -> tuple[int, list[str]]:
    """An order whose first page the gateway forgot to close when the second one was opened."""
    gateway = gateway_of(world)
    order_id = a_payable_order(world, {an_offer(): 2})
    first = gateway.newest()
    service.close_payment_pages(order_id, world.gateway, world.registries, world.settings, world.clock)
    service.start_payment(order_id, world.gateway, world.settings, world.clock)
    return order_id, [first, gateway.newest()]


def mails_of(world: Collaborators) -> list[str]:
    """The subjects of all mails so far, in order."""
    mailer = mailer_of(world)
    return [mail.subject for mail in mailer.sent]
