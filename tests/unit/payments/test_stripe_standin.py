"""The stand-in is worth something only while it refuses what Stripe would refuse."""

from __future__ import annotations

import http.client
import json
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import stripe

from tests.builders import NOW
from tests.stripe_standin import StripeStandIn


@pytest.fixture
def standin() -> Iterator[StripeStandIn]:
    with StripeStandIn(NOW.timestamp) as running:
        yield running


@pytest.fixture
def client(standin: StripeStandIn) -> stripe.StripeClient:
    return stripe.StripeClient(standin.api_key, base_addresses={"api": standin.base})


def session_parameters(**changes: Any) -> dict[str, Any]:
    parameters = {
        "mode": "payment",
        "success_url": "http://127.0.0.1:5000/return",
        "cancel_url": "http://127.0.0.1:5000/back",
        "client_reference_id": "T-1",
        "line_items": [item()],
    } | changes
    return {name: value for name, value in parameters.items() if value is not None}


def item(**changes: Any) -> dict[str, Any]:
    price = {"currency": "usd", "unit_amount": 100, "product_data": {"name": "Units"}} | changes
    return {"quantity": price.pop("quantity", 1), "price_data": {k: v for k, v in price.items() if v is not None}}


@pytest.mark.parametrize(
    ("changes", "parameter"),
    [
        ({"payment_method_types": ["card"]}, "payment_method_types"),
        ({"colour": "green"}, "colour"),
        ({"ui_mode": "embedded"}, "ui_mode"),
        ({"locale": "fr_FR"}, "locale"),
        ({"mode": "pay"}, "mode"),
        ({"expires_at": "soon"}, "expires_at"),
        ({"excluded_payment_method_types": ["sepa"]}, "excluded_payment_method_types[0]"),
        ({"adaptive_pricing": {"enabled": "perhaps"}}, "adaptive_pricing[enabled]"),
        ({"adaptive_pricing": {"on": True}}, "adaptive_pricing[on]"),
        ({"line_items": [item(currency=None)]}, "line_items[0][price_data][currency]"),
        ({"line_items": [item(), item(colour="green")]}, "line_items[1][price_data][colour]"),
        ({"line_items": [item(quantity="many")]}, "line_items[0][quantity]"),
        ({"line_items": [item() | {"amount": 1}]}, "line_items[0][amount]"),
    ],
)
def test_a_field_that_the_pinned_library_does_not_know_is_refused_by_name(
    client: stripe.StripeClient, changes: dict[str, Any], parameter: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.checkout.sessions.create(session_parameters(**changes))
    assert refusal.value.param == parameter


@pytest.mark.parametrize(
    "changes",
    [
        {"line_items": []},
        {"line_items": [item()] * 101},
        {"line_items": [item(unit_amount=49)]},
        {"line_items": [item(unit_amount=99_999_999, quantity=2)]},
        {"line_items": [item(), item(currency="eur")]},
        {"line_items": [item(quantity=1_000_000)]},
        {"line_items": [item(product_data={"name": " "})]},
        {"expires_at": int(NOW.timestamp()) + 60},
        {"expires_at": int(NOW.timestamp()) + 90_000},
        {"success_url": "nowhere"},
        {"customer_email": "nobody"},
        {"mode": "setup"},
    ],
)
def test_the_rules_of_stripe_are_kept(client: stripe.StripeClient, changes: dict[str, Any]) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.checkout.sessions.create(session_parameters(**changes))


def test_another_version_of_the_api_is_refused(standin: StripeStandIn) -> None:
    old = stripe.StripeClient(standin.api_key, base_addresses={"api": standin.base}, stripe_version="2024-06-20")
    with pytest.raises(stripe.InvalidRequestError):
        old.v1.checkout.sessions.create(session_parameters())


def test_what_the_stand_in_does_not_play_is_not_found(client: stripe.StripeClient) -> None:
    for call in (client.v1.customers.list, client.v1.checkout.sessions.list):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            call()
        assert refusal.value.http_status == 404


def test_the_intent_is_unknown_until_the_buyer_submits_and_inside_only_when_asked_for(
    client: stripe.StripeClient, standin: StripeStandIn
) -> None:
    session = client.v1.checkout.sessions.create(session_parameters())
    assert session.payment_intent is None
    standin.account.pay(session.id)
    plain = client.v1.checkout.sessions.retrieve(session.id).payment_intent
    assert str(plain).startswith("pi_")
    intent = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]}).to_dict()
    assert str(intent["payment_intent"]["latest_charge"]).startswith("ch_")


def browse(standin: StripeStandIn, verb: str, url: str, body: str = "") -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(urlsplit(standin.base).netloc, timeout=10)
    connection.request(verb, urlsplit(url).path, body or None)
    response = connection.getresponse()
    response.text = response.read().decode()  # type: ignore[attr-defined]  # as the client's answers have it
    connection.close()
    return response


@pytest.fixture
def heard() -> Iterator[tuple[str, list[stripe.Event]]]:
    """A webhook route that verifies what it hears: its address, and the events."""
    events: list[stripe.Event] = []

    class Route(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            events.append(
                stripe.Webhook.construct_event(body, self.headers["Stripe-Signature"], StripeStandIn.webhook_secret)
            )
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the standard library
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Route)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/webhooks/stripe", events
    server.shutdown()
    server.server_close()


def test_a_buyer_can_decline_then_pay_and_every_event_is_told_twice_and_signed(
    client: stripe.StripeClient, standin: StripeStandIn, heard: tuple[str, list[stripe.Event]]
) -> None:
    standin.webhook_url, events = heard
    session = client.v1.checkout.sessions.create(session_parameters())
    assert session.url
    assert "100 usd" in browse(standin, "GET", session.url).text  # type: ignore[attr-defined]  # set by browse
    declined = browse(standin, "POST", session.url, urlencode({"action": "decline"}))
    assert declined.headers["Location"] == session.url
    assert client.v1.checkout.sessions.retrieve(session.id).status == "open"
    gone = browse(standin, "POST", session.url, urlencode({"action": "pay"}))
    assert gone.headers["Location"] == "http://127.0.0.1:5000/return"
    again = browse(standin, "POST", session.url, urlencode({"action": "bank"}))
    assert again.headers["Location"] == "http://127.0.0.1:5000/back"
    refund = client.v1.refunds.create(
        {"payment_intent": str(client.v1.checkout.sessions.retrieve(session.id).payment_intent)}
    )
    standin.wait_for_deliveries()
    assert standin.deliver() == [200, 200]
    told = Counter((event.type, event.data.object["id"]) for event in events)
    assert told == {("checkout.session.completed", session.id): 2, ("refund.created", refund.id): 2}
    assert {json.dumps(event.api_version) for event in events} == {json.dumps(stripe.api_version)}
