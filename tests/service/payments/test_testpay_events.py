"""How the test gateway tells the product what happened, well behaved and not."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from flask import Flask

from app.kernel.clock import FixedClock
from app.payments.adapters.testpay import dispatch_due_events
from app.payments.adapters.testpay_bank import TestpayBank
from app.payments.ports import GatewayEvent, GatewayState, PaymentGateway, RefundOutcome
from tests.contract.gateways import dollars, payment_request


class Route:
    """A webhook route: keeps what it verified, and answers as it is told to."""

    def __init__(self) -> None:
        self.status = 200
        self.hosts: list[str] = []
        self.bodies: list[bytes] = []
        self.signatures: list[str] = []
        self.while_hearing: Callable[[], None] = lambda: None
        route = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.path == "/webhooks/testpay"
                route.hosts.append(self.headers["Host"])
                route.bodies.append(body)
                route.signatures.append(self.headers["Stripe-Signature"])
                route.while_hearing()
                if route.status:
                    self.send_response(route.status)
                    self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the standard library
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def told(self) -> list[tuple[str, str]]:
        """(type, state) of everything heard, in that order."""
        events = [json.loads(body) for body in self.bodies]
        return [
            (event["type"], event["data"]["object"].get("payment_status") or event["data"]["object"]["status"])
            for event in events
        ]

    def read(self, gateway: PaymentGateway) -> list[GatewayEvent | None]:
        """What the gateway makes of it."""
        return [
            gateway.parse_event(body, {"Stripe-Signature": signature})
            for body, signature in zip(self.bodies, self.signatures, strict=True)
        ]


@pytest.fixture
def route() -> Iterator[Route]:
    running = Route()
    yield running
    running.server.shutdown()
    running.server.server_close()


class Shop:
    """An application whose test gateway talks to `route`, and its bank."""

    def __init__(self, app: Flask, clock: FixedClock) -> None:
        self.app = app
        self.clock = clock
        self.gateway: PaymentGateway = app.extensions["tonne.gateway"]
        self.bank = TestpayBank(app.extensions["tonne.settings"].testpay_mischief)

    def open_page(self, key: str = "1") -> str:
        return self.gateway.start_checkout(payment_request(self.clock.now(), key=key)).gateway_reference

    def dispatch(self, **later: int) -> int:
        self.clock.advance(timedelta(**later))
        return dispatch_due_events(self.clock.now())


@pytest.fixture
def make_shop(make_app: Callable[..., Flask], route: Route, clock: FixedClock) -> Iterator[Callable[..., Shop]]:
    contexts = []

    def make(**changes: str) -> Shop:
        app = make_app(PORT=str(route.server.server_port), **changes)
        context = app.app_context()
        context.push()
        contexts.append(context)
        return Shop(app, clock)

    yield make
    for context in reversed(contexts):
        context.pop()


def test_a_payment_is_told_once_signed_and_at_the_address_that_people_see(
    make_shop: Callable[..., Shop], route: Route
) -> None:
    shop = make_shop(PUBLIC_BASE_URL="https://demo.example")
    reference = shop.open_page()
    shop.bank.pay(reference, shop.clock.now())
    assert shop.dispatch() == 1
    assert shop.dispatch(days=1) == 0
    (event,) = route.read(shop.gateway)
    assert event
    assert (event.type, event.object_reference, event.order_hint) == (
        "checkout.session.completed",
        reference,
        "T-7KMQ-2XHD",
    )
    assert route.hosts == ["demo.example"]


def test_a_gateway_that_listens_everywhere_talks_to_itself_on_loopback(
    make_shop: Callable[..., Shop], route: Route
) -> None:
    shop = make_shop(HOST="0.0.0.0")  # noqa: S104 - what an operator may set
    shop.bank.pay(shop.open_page(), shop.clock.now())
    assert shop.dispatch() == 1


def test_a_refused_event_is_sent_again_after_longer_and_longer_pauses(
    make_shop: Callable[..., Shop], route: Route
) -> None:
    shop = make_shop()
    shop.bank.pay(shop.open_page(), shop.clock.now())
    route.status = 500
    heard = []
    for seconds in (0, 4, 1, 9, 1, 19, 1):
        assert shop.dispatch(seconds=seconds) == 0
        heard.append(len(route.bodies))
    assert heard == [1, 1, 2, 2, 3, 3, 4]
    route.status = 200
    assert shop.dispatch(hours=1) == 1
    assert len(set(route.bodies)) == 1


def test_after_about_three_days_nobody_is_told_any_more(make_shop: Callable[..., Shop], route: Route) -> None:
    shop = make_shop()
    shop.bank.pay(shop.open_page(), shop.clock.now())
    route.status = 500
    start = shop.clock.now()
    while shop.clock.now() - start < timedelta(days=5):
        shop.dispatch(hours=1)
    heard = len(route.bodies)
    assert timedelta(days=2) < timedelta(hours=heard) < timedelta(days=4)


def test_an_event_whose_answer_was_lost_is_sent_again(make_shop: Callable[..., Shop], route: Route) -> None:
    shop = make_shop()
    shop.bank.pay(shop.open_page(), shop.clock.now())
    route.status = 0
    assert shop.dispatch() == 0
    route.status = 200
    assert shop.dispatch(seconds=5) == 1
    assert len(route.bodies) == 2


def test_events_wait_while_nobody_listens(make_shop: Callable[..., Shop], route: Route) -> None:
    shop = make_shop()
    for key in ("1", "2", "3"):
        shop.bank.pay(shop.open_page(key), shop.clock.now())
    route.server.shutdown()
    route.server.server_close()
    assert shop.dispatch() == 0
    assert shop.dispatch(minutes=1) == 0


def test_two_workers_at_once_do_not_send_the_same_event(
    make_shop: Callable[..., Shop], route: Route, clock: FixedClock
) -> None:
    shop = make_shop()
    for key in ("1", "2"):
        shop.bank.pay(shop.open_page(key), clock.now())

    def second_worker() -> None:
        route.while_hearing = lambda: None
        with shop.app.app_context():
            dispatch_due_events(clock.now())

    route.while_hearing = second_worker
    shop.dispatch()
    assert len(route.bodies) == 2
    assert len(set(route.bodies)) == 2


def test_a_bank_payment_settles_by_itself_after_two_minutes(make_shop: Callable[..., Shop], route: Route) -> None:
    shop = make_shop()
    reference = shop.open_page()
    shop.bank.pay_by_bank(reference, shop.clock.now())
    shop.dispatch(seconds=119)
    assert shop.gateway.status(reference).state is GatewayState.PROCESSING
    shop.dispatch(seconds=1)
    assert shop.gateway.status(reference).state is GatewayState.SUCCEEDED
    assert route.told == [
        ("checkout.session.completed", "unpaid"),
        ("checkout.session.async_payment_succeeded", "paid"),
    ]


def test_a_page_that_nobody_paid_expires_by_itself_and_that_is_told(
    make_shop: Callable[..., Shop], route: Route
) -> None:
    shop = make_shop()
    shop.open_page()
    shop.dispatch(minutes=30)
    assert route.told == []
    shop.dispatch(minutes=1)
    shop.dispatch(minutes=1)
    assert route.told == [("checkout.session.expired", "unpaid")]


def test_a_refund_by_bank_arrives_by_itself_and_can_come_back(make_shop: Callable[..., Shop], route: Route) -> None:
    shop = make_shop()
    reference = shop.open_page()
    shop.bank.pay_by_bank(reference, shop.clock.now())
    shop.bank.settle(reference, shop.clock.now())
    refund = shop.gateway.refund(reference, None, dollars(380), "refund:1").gateway_reference
    shop.dispatch(minutes=2)
    assert shop.gateway.refund_status(refund).outcome is RefundOutcome.SUCCEEDED
    assert shop.bank.fail_refund(refund, shop.clock.now())
    assert not shop.bank.fail_refund(refund, shop.clock.now())
    shop.dispatch()
    assert route.told[2:] == [
        ("refund.created", "pending"),
        ("refund.updated", "succeeded"),
        ("refund.failed", "failed"),
    ]


# --- mischief ----------------------------------------------------------------------------------------


def test_told_to_duplicate_it_sends_the_same_event_five_times(make_shop: Callable[..., Shop], route: Route) -> None:
    shop = make_shop(TESTPAY_MISCHIEF="duplicate")
    shop.bank.pay(shop.open_page(), shop.clock.now())
    assert shop.dispatch() == 5
    assert len(route.bodies) == 5
    assert len({json.loads(body)["id"] for body in route.bodies}) == 1


def test_told_to_delay_it_says_nothing_for_a_while(make_shop: Callable[..., Shop], route: Route) -> None:
    shop = make_shop(TESTPAY_MISCHIEF="delay")
    shop.bank.pay(shop.open_page(), shop.clock.now())
    assert shop.dispatch(seconds=19) == 0
    assert shop.dispatch(seconds=1) == 1


def test_told_to_reorder_it_sends_the_newest_first(make_shop: Callable[..., Shop], route: Route) -> None:
    shop = make_shop(TESTPAY_MISCHIEF="reorder")
    reference = shop.open_page()
    shop.bank.pay_by_bank(reference, shop.clock.now())
    assert shop.dispatch(seconds=3) == 0
    shop.bank.settle(reference, shop.clock.now())
    shop.dispatch(seconds=10)
    assert route.told == [
        ("checkout.session.async_payment_succeeded", "paid"),
        ("checkout.session.completed", "unpaid"),
    ]


def test_told_to_lose_them_it_says_nothing_and_the_payment_is_made_all_the_same(
    make_shop: Callable[..., Shop], route: Route
) -> None:
    shop = make_shop(TESTPAY_MISCHIEF="lose,duplicate")
    reference = shop.open_page()
    shop.bank.pay(reference, shop.clock.now())
    assert shop.dispatch(days=1) == 0
    assert shop.gateway.status(reference).state is GatewayState.SUCCEEDED
    assert route.bodies == []
