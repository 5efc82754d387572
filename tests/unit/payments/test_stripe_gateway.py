"""What goes to Stripe, and what becomes of everything that can come back."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import stripe

from app.config import Settings
from app.kernel.money import Money
from app.payments.adapters import make_gateway
from app.payments.adapters.stripe import EXCLUDED_METHODS, StripeGateway
from app.payments.adapters.testpay import TestpayGateway
from app.payments.ports import (
    BadNotice,
    GatewayFault,
    GatewayOutcomeUnknown,
    GatewayRefusal,
    GatewayState,
    GatewayUnavailable,
    PaymentLine,
    RefundOutcome,
)
from app.payments.states import DisputeState
from tests.builders import NOW
from tests.conftest import environment
from tests.contract.gateways import dollars, payment_request, signed, stripe_settings
from tests.stripe_standin import StripeStandIn

THREE_TRIES = 3


@pytest.fixture(autouse=True)
def no_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.01)
    monkeypatch.setattr(stripe.HTTPClient, "MAX_DELAY", 0.02)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.from_environment(environment(tmp_path, "sqlite:///:memory:"))


@pytest.fixture
def standin() -> Iterator[StripeStandIn]:
    with StripeStandIn(NOW.timestamp) as running:
        yield running


@pytest.fixture
def gateway(settings: Settings, standin: StripeStandIn) -> StripeGateway:
    return StripeGateway(stripe_settings(settings, standin))


def paid(gateway: StripeGateway, standin: StripeStandIn) -> str:
    reference = gateway.start_checkout(payment_request(NOW)).gateway_reference
    standin.account.pay(reference)
    return reference


# --- what is sent ------------------------------------------------------------------------------------


def test_stripe_is_told_ids_and_prices_and_nothing_else(gateway: StripeGateway, standin: StripeStandIn) -> None:
    gateway.start_checkout(payment_request(NOW))
    call = standin.calls[-1]
    assert call.parameters == {
        "mode": "payment",
        "line_items": [
            {
                "price_data": {
                    "currency": "usd",
                    "product_data": {"name": "Grid-connected wind farm in Gansu"},
                    "unit_amount": 38,
                },
                "quantity": 10,
            },
            {
                "price_data": {
                    "currency": "usd",
                    "product_data": {"name": "Aproveitamento de biogás, Município de Açores"},
                    "unit_amount": 850,
                },
                "quantity": 2,
            },
        ],
        "client_reference_id": "T-7KMQ-2XHD",
        "customer_email": "buyer@example.org",
        "locale": "fr",
        "success_url": "http://127.0.0.1:5000/fr/orders/token/return",
        "cancel_url": "http://127.0.0.1:5000/fr/orders/token",
        "expires_at": int(NOW.timestamp()) + 31 * 60,
        "excluded_payment_method_types": EXCLUDED_METHODS,
        "adaptive_pricing": {"enabled": False},
        "metadata": {"order": "T-7KMQ-2XHD", "attempt": "1"},
        "payment_intent_data": {
            "description": "T-7KMQ-2XHD",
            "metadata": {"order": "T-7KMQ-2XHD", "attempt": "1"},
            "transfer_group": "T-7KMQ-2XHD",
        },
    }
    assert call.headers["idempotency-key"] == "checkout:T-7KMQ-2XHD:1"
    assert call.headers["stripe-version"] == stripe.api_version
    assert "x-stripe-client-telemetry" not in call.headers


def test_no_method_lets_the_buyer_take_the_money_back_by_debit_or_pay_later() -> None:
    assert {"sepa_debit", "us_bank_account", "bacs_debit", "klarna", "affirm"} <= set(EXCLUDED_METHODS)


def test_a_language_that_stripe_does_not_speak_is_left_to_the_browser(
    gateway: StripeGateway, standin: StripeStandIn
) -> None:
    gateway.start_checkout(payment_request(NOW, locale="ar"))
    assert standin.calls[-1].parameters["locale"] == "auto"


def test_more_than_a_hundred_lines_become_one_with_their_sum(gateway: StripeGateway, standin: StripeStandIn) -> None:
    gateway.start_checkout(payment_request(NOW, lines=(PaymentLine("Units", 2, dollars(38)),) * 101))
    items = standin.calls[-1].parameters["line_items"]
    assert [(item["quantity"], item["price_data"]["unit_amount"]) for item in items] == [(1, 101 * 76)]


def test_more_units_than_a_quantity_can_hold_are_named_in_the_text(
    gateway: StripeGateway, standin: StripeStandIn
) -> None:
    gateway.start_checkout(payment_request(NOW, lines=(PaymentLine("Wind", 1_000_000, dollars(38)),)))
    item = standin.calls[-1].parameters["line_items"][0]
    assert (item["quantity"], item["price_data"]["unit_amount"]) == (1, 38_000_000)
    assert item["price_data"]["product_data"]["name"] == "1000000 x 0.38 USD: Wind"


def test_a_very_long_title_is_cut_rather_than_refused(gateway: StripeGateway, standin: StripeStandIn) -> None:
    gateway.start_checkout(payment_request(NOW, lines=(PaymentLine("é" * 400, 2, dollars(38)),)))
    name = standin.calls[-1].parameters["line_items"][0]["price_data"]["product_data"]["name"]
    assert name == "é" * 250


def test_a_refund_carries_the_order_and_our_key(gateway: StripeGateway, standin: StripeStandIn) -> None:
    reference = paid(gateway, standin)
    charge = gateway.status(reference).charge_reference
    gateway.refund(reference, charge, dollars(380), "refund:1")
    call = standin.calls[-1]
    assert call.parameters == {
        "payment_intent": charge,
        "amount": 380,
        "reason": "requested_by_customer",
        "metadata": {"order": "T-7KMQ-2XHD", "key": "refund:1"},
    }
    assert call.headers["idempotency-key"] == "refund:1"


# --- lost on the way -----------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["lose_answer", "error_after"])
def test_one_lost_answer_is_made_good_without_a_second_page(
    gateway: StripeGateway, standin: StripeStandIn, fault: str
) -> None:
    standin.faults.append(fault)
    start = gateway.start_checkout(payment_request(NOW))
    assert list(standin.account.sessions) == [start.gateway_reference]


@pytest.mark.parametrize("fault", ["drop", "lose_answer", "error", "error_after", "conflict", "html", "busy"])
def test_when_no_answer_comes_the_page_may_exist_and_the_same_key_finds_it(
    gateway: StripeGateway, standin: StripeStandIn, fault: str
) -> None:
    standin.faults.extend([fault] * THREE_TRIES)
    with pytest.raises(GatewayOutcomeUnknown):
        gateway.start_checkout(payment_request(NOW))
    standin.faults.clear()
    start = gateway.start_checkout(payment_request(NOW))
    assert list(standin.account.sessions) == [start.gateway_reference]


@pytest.mark.parametrize("fault", ["drop", "error", "conflict", "html", "busy"])
def test_a_question_without_an_answer_can_be_asked_again(
    gateway: StripeGateway, standin: StripeStandIn, fault: str
) -> None:
    reference = paid(gateway, standin)
    refund = gateway.refund(reference, None, dollars(380), "refund:1").gateway_reference
    asks: tuple[Callable[[], Any], ...] = (
        lambda: gateway.status(reference),
        lambda: gateway.refund_status(refund),
        lambda: gateway.refund(reference, None, dollars(380), "refund:2"),
    )
    for ask in asks:
        standin.faults.clear()
        standin.faults.extend([fault] * THREE_TRIES)
        with pytest.raises(GatewayUnavailable):
            ask()
    assert len(standin.account.refunds) == 1


@pytest.mark.parametrize("fault", ["lose_answer", "error_after"])
def test_a_refund_whose_answer_was_lost_is_not_made_twice(
    gateway: StripeGateway, standin: StripeStandIn, fault: str
) -> None:
    reference = paid(gateway, standin)
    # The page is asked for and the earlier refunds are listed before the refund is made.
    standin.faults.extend(["", "", *[fault] * THREE_TRIES])
    with pytest.raises(GatewayOutcomeUnknown):
        gateway.refund(reference, None, dollars(380), "refund:1")
    assert gateway.refund(reference, None, dollars(380), "refund:1").outcome is RefundOutcome.SUCCEEDED
    assert len(standin.account.refunds) == 1


def test_a_refund_is_not_repeated_after_stripe_forgot_the_key(gateway: StripeGateway, standin: StripeStandIn) -> None:
    reference = paid(gateway, standin)
    keys = [f"refund:{n}" for n in range(102)]
    first = [gateway.refund(reference, None, dollars(1), key).gateway_reference for key in keys[:2]]
    charge = standin.account.sessions[reference]["payment_intent"]
    for key in keys[2:]:
        standin.account.create_refund({"payment_intent": charge, "amount": 1, "metadata": {"key": key}})
    standin.forget_keys()
    again = [gateway.refund(reference, None, dollars(1), key).gateway_reference for key in keys[:2]]
    assert again == first
    assert len(standin.account.refunds) == len(keys)


@pytest.mark.parametrize("fault", ["lose_answer", "error_after"])
def test_when_stripe_is_busy_a_try_before_may_have_opened_the_page(
    gateway: StripeGateway, standin: StripeStandIn, fault: str
) -> None:
    standin.faults.extend([fault, "busy"])
    with pytest.raises(GatewayOutcomeUnknown):
        gateway.start_checkout(payment_request(NOW))
    start = gateway.start_checkout(payment_request(NOW))
    assert list(standin.account.sessions) == [start.gateway_reference]


def test_when_stripe_is_gone_it_is_not_known_what_it_did(settings: Settings) -> None:
    with StripeStandIn() as standin:
        gateway = StripeGateway(stripe_settings(settings, standin))
    with pytest.raises(GatewayOutcomeUnknown):
        gateway.start_checkout(payment_request(NOW))
    with pytest.raises(GatewayUnavailable):
        gateway.status("cs_test_1")
    with pytest.raises(GatewayUnavailable):
        gateway.expire_checkout("cs_test_1")


def test_a_redirect_takes_our_key_nowhere(settings: Settings) -> None:
    asked: list[str] = []

    class Elsewhere(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.send_response(307)
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/stolen")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST  # noqa: N815 - the name that the library calls

        def log_message(self, *words: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        there = f"http://127.0.0.1:{server.server_port}"
        gateway = StripeGateway(dataclasses.replace(settings, stripe_secret_key="sk_test_1", stripe_api_base=there))
        with pytest.raises(GatewayOutcomeUnknown):
            gateway.start_checkout(payment_request(NOW))
        with pytest.raises(GatewayUnavailable):
            gateway.status("cs_test_1")
        server.shutdown()

    assert {path.partition("?")[0] for path in asked} == {"/v1/checkout/sessions", "/v1/checkout/sessions/cs_test_1"}


def test_a_page_whose_closing_got_no_answer_is_asked_for_its_state(
    gateway: StripeGateway, standin: StripeStandIn
) -> None:
    reference = gateway.start_checkout(payment_request(NOW)).gateway_reference
    standin.faults.extend(["lose_answer"] * THREE_TRIES)
    assert gateway.expire_checkout(reference).state is GatewayState.EXPIRED


# --- no for good -----------------------------------------------------------------------------------------


def test_an_address_that_stripe_does_not_take_is_refused_with_the_reason(gateway: StripeGateway) -> None:
    with pytest.raises(GatewayRefusal) as refusal:
        gateway.start_checkout(payment_request(NOW, email="nowhere"))
    assert refusal.value.facts["reason"] == "email_invalid"
    assert refusal.value.facts["request_id"] == "req_standin"


def test_a_charge_that_somebody_else_gave_back_is_refused(gateway: StripeGateway, standin: StripeStandIn) -> None:
    reference = paid(gateway, standin)
    standin.account.create_refund({"payment_intent": standin.account.sessions[reference]["payment_intent"]})
    with pytest.raises(GatewayRefusal) as refusal:
        gateway.refund(reference, None, dollars(380), "refund:1")
    assert refusal.value.facts["reason"] == "charge_already_refunded"


@pytest.mark.parametrize(("status", "outcome"), [("requires_action", "pending"), ("canceled", "failed")])
def test_a_refund_that_needs_the_buyer_or_was_stopped_is_known_as_such(
    gateway: StripeGateway, standin: StripeStandIn, status: str, outcome: str
) -> None:
    refund = gateway.refund(paid(gateway, standin), None, dollars(380), "refund:1").gateway_reference
    standin.account.refunds[refund]["status"] = status
    assert gateway.refund_status(refund).outcome == outcome


def test_a_request_that_we_should_never_have_sent_is_our_fault(gateway: StripeGateway) -> None:
    with pytest.raises(GatewayFault, match="success_url"):
        gateway.start_checkout(payment_request(NOW, success_url="javascript:alert(1)"))


def test_a_wrong_key_is_our_fault(settings: Settings, standin: StripeStandIn) -> None:
    changed = dataclasses.replace(stripe_settings(settings, standin), stripe_secret_key="sk_test_wrong")
    with pytest.raises(GatewayFault):
        StripeGateway(changed).start_checkout(payment_request(NOW))


def test_a_key_without_permission_is_our_fault(gateway: StripeGateway, standin: StripeStandIn) -> None:
    standin.faults.append("forbidden")
    with pytest.raises(GatewayFault):
        gateway.start_checkout(payment_request(NOW))


@pytest.mark.parametrize(
    "url", ["https://checkout.example/c/pay/1", "javascript:alert(1)", "http://127.0.0.1:1/c/pay/1", "", None]
)
def test_nobody_is_sent_to_a_page_at_another_origin(
    gateway: StripeGateway, standin: StripeStandIn, url: str | None
) -> None:
    standin.answer_changes = {"url": url}
    with pytest.raises(GatewayFault):
        gateway.start_checkout(payment_request(NOW))


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "strange"},
        {"payment_status": "no_payment_required"},
        {"amount_total": None},
        {"currency": None},
        {"client_reference_id": {}, "amount_total": "2080"},
    ],
)
def test_an_answer_that_makes_no_sense_is_never_taken_for_a_payment(
    gateway: StripeGateway, standin: StripeStandIn, changes: dict[str, Any]
) -> None:
    reference = paid(gateway, standin)
    standin.answer_changes = changes
    with pytest.raises(GatewayFault):
        gateway.status(reference)


def test_a_refund_in_an_unknown_state_is_never_taken_for_done(gateway: StripeGateway, standin: StripeStandIn) -> None:
    refund = gateway.refund(paid(gateway, standin), None, dollars(380), "refund:1").gateway_reference
    standin.answer_changes = {"status": "strange"}
    with pytest.raises(GatewayFault):
        gateway.refund_status(refund)


@pytest.mark.parametrize("status", ["strange", None])
def test_a_refund_that_was_made_is_kept_by_its_name_whatever_state_it_is_in(
    gateway: StripeGateway, standin: StripeStandIn, status: str | None
) -> None:
    reference = paid(gateway, standin)
    made = gateway.refund(reference, None, dollars(380), "refund:1").gateway_reference
    standin.account.refunds[made]["status"] = status

    again = gateway.refund(reference, None, dollars(380), "refund:1")

    assert (again.gateway_reference, again.outcome) == (made, RefundOutcome.PENDING)


# --- modes, secrets, settings ------------------------------------------------------------------------------


def charge_of(gateway: StripeGateway, reference: str) -> str:
    charge = gateway.status(reference).charge_reference
    assert charge
    return charge


def test_an_inquiry_takes_nothing_and_leaves_a_refund_possible(gateway: StripeGateway, standin: StripeStandIn) -> None:
    reference = paid(gateway, standin)
    inquiry = standin.account.open_dispute(reference, is_inquiry=True)
    (asked,) = gateway.disputes(charge_of(gateway, reference))
    assert (asked.state, asked.taken, asked.amount) == (DisputeState.OPEN, 0, dollars(2080))
    assert gateway.refund(reference, None, dollars(2080), "refund:1").outcome is RefundOutcome.SUCCEEDED
    standin.account.win_dispute(inquiry)
    (closed,) = gateway.disputes(charge_of(gateway, reference))
    assert (closed.state, closed.taken) == (DisputeState.WON, 0)


def test_what_comes_back_at_another_rate_has_come_back(gateway: StripeGateway, standin: StripeStandIn) -> None:
    # Stripe converts at the rate of the day: https://docs.stripe.com/currencies/disputes-refunds
    reference = paid(gateway, standin)
    dispute = standin.account.open_dispute(reference)
    (first,) = standin.account.disputes[dispute]["balance_transactions"]
    first["amount"] = -1830
    assert [each.taken for each in gateway.disputes(charge_of(gateway, reference))] == [2080]
    standin.account.win_dispute(dispute)
    standin.account.disputes[dispute]["balance_transactions"][1]["amount"] = 1788
    assert [(each.state, each.taken) for each in gateway.disputes(charge_of(gateway, reference))] == [
        (DisputeState.WON, 0)
    ]


def test_disputes_of_one_payment_come_oldest_first(gateway: StripeGateway, standin: StripeStandIn) -> None:
    reference = paid(gateway, standin)
    first, second = (standin.account.open_dispute(reference, amount=amount) for amount in (380, 1700))
    standin.account.disputes[second]["created"] += 60
    disputes = gateway.disputes(charge_of(gateway, reference))
    assert [(each.gateway_reference, each.taken) for each in disputes] == [(first, 380), (second, 1700)]
    assert len(gateway.disputed_since(NOW)) == 1


def test_a_dispute_without_a_payment_of_ours_is_nobodys(gateway: StripeGateway, standin: StripeStandIn) -> None:
    dispute = standin.account.open_dispute(paid(gateway, standin))
    standin.account.disputes[dispute]["payment_intent"] = None
    assert gateway.disputed_since(NOW) == ()
    body = json.dumps({**standin.account.events[-1], "data": {"object": standin.account.disputes[dispute]}})
    event = gateway.parse_event(body.encode(), signed(body, standin.webhook_secret))
    assert event
    assert event.object_reference == dispute


@pytest.mark.parametrize(
    ("status", "stage"),
    [
        ("appeal_needs_response", "open"), ("appeal_under_review", "under_review"),
        ("warning_under_review", "under_review"), ("warning_closed", "won"), ("prevented", "won"),
    ],
)  # fmt: skip
def test_every_state_of_a_dispute_has_its_place(
    gateway: StripeGateway, standin: StripeStandIn, status: str, stage: str
) -> None:
    reference = paid(gateway, standin)
    standin.account.disputes[standin.account.open_dispute(reference)]["status"] = status
    assert [each.state for each in gateway.disputes(charge_of(gateway, reference))] == [DisputeState(stage)]


def test_a_dispute_in_an_unknown_state_is_never_taken_for_decided(
    gateway: StripeGateway, standin: StripeStandIn
) -> None:
    reference = paid(gateway, standin)
    standin.account.disputes[standin.account.open_dispute(reference)]["status"] = "strange"
    with pytest.raises(GatewayFault):
        gateway.disputes(charge_of(gateway, reference))


def test_both_secrets_are_good_while_one_is_replaced(gateway: StripeGateway, standin: StripeStandIn) -> None:
    paid(gateway, standin)
    body = json.dumps(standin.account.events[-1])
    for secret in ("whsec_the_one_before_rotation", standin.webhook_secret):
        assert gateway.parse_event(body.encode(), signed(body, secret))


def test_with_a_live_key_only_real_payments_are_listened_to(settings: Settings, standin: StripeStandIn) -> None:
    live = StripeGateway(
        dataclasses.replace(stripe_settings(settings, standin), stripe_secret_key="rk_live_0123456789")
    )
    test = StripeGateway(stripe_settings(settings, standin))
    paid(test, standin)
    body = json.dumps(standin.account.events[-1])
    with pytest.raises(BadNotice):
        live.parse_event(body.encode(), signed(body, standin.webhook_secret))
    body = body.replace('"livemode": false}', '"livemode": true}').replace('"livemode": false,', '"livemode": true,')
    event = live.parse_event(body.encode(), signed(body, standin.webhook_secret))
    assert event
    assert event.is_live


def test_no_secret_and_no_address_of_a_buyer_reaches_the_log(
    gateway: StripeGateway, standin: StripeStandIn, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    reference = paid(gateway, standin)
    gateway.refund(reference, None, dollars(380), "refund:1")
    with pytest.raises(GatewayRefusal) as refusal:
        gateway.start_checkout(payment_request(NOW, email="nowhere-at-example", key="another"))
    written = caplog.text + str(refusal.value)
    assert "req_standin" in written
    for secret in (standin.api_key, standin.webhook_secret, "buyer@example.org", "nowhere-at-example"):
        assert secret not in written


def test_an_error_of_the_library_does_not_follow_ours_into_the_log(gateway: StripeGateway) -> None:
    with pytest.raises(GatewayRefusal) as refusal:
        gateway.status("cs_test_nobody")
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__


def test_the_operator_may_narrow_the_limits_but_not_widen_them(settings: Settings) -> None:
    narrow = dataclasses.replace(settings, payment_minimum=500, payment_maximum=200_000)
    assert TestpayGateway(narrow).limits() == (dollars(500), dollars(200_000))
    wide = dataclasses.replace(settings, payment_minimum=1, payment_maximum=10**12)
    assert TestpayGateway(wide).limits() == (dollars(50), dollars(99_999_999))


@pytest.mark.parametrize(("currency", "smallest"), [("USD", 50), ("GBP", 30), ("JPY", 50), ("SEK", 300)])
def test_each_currency_has_the_smallest_payment_that_stripe_takes(
    settings: Settings, currency: str, smallest: int
) -> None:
    changed = dataclasses.replace(settings, currency=currency, payment_minimum=1)
    assert TestpayGateway(changed).limits()[0] == Money(smallest, currency)


def test_the_configured_gateway_is_made(settings: Settings, standin: StripeStandIn) -> None:
    assert make_gateway(settings).name == "testpay"
    stripe_gateway = make_gateway(stripe_settings(settings, standin))
    assert stripe_gateway.name == "stripe"
    assert stripe_gateway.hosted_page_origins() == (standin.base,)


def test_the_test_gateway_refuses_to_run_in_production(settings: Settings) -> None:
    with pytest.raises(GatewayFault):
        make_gateway(dataclasses.replace(settings, environment="production"))
