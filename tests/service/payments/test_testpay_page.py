"""The page that stands in for a payment provider's, as a buyer and a tester use it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.kernel.clock import FixedClock
from app.payments.adapters import dispatch_due_events, testpay_disputes
from app.payments.ports import GatewayState, PaymentGateway, PaymentLine
from tests.builders import NOW
from tests.contract.gateways import dollars, payment_request

SUCCESS = "http://127.0.0.1:5000/fr/orders/token/return?session={CHECKOUT_SESSION_ID}"
BACK = "http://127.0.0.1:5000/fr/orders/token"


@pytest.fixture
def gateway(context: Flask) -> PaymentGateway:
    gateway: PaymentGateway = context.extensions["tonne.gateway"]
    return gateway


@pytest.fixture
def reference(gateway: PaymentGateway, clock: FixedClock) -> str:
    return gateway.start_checkout(payment_request(clock.now(), success_url=SUCCESS)).gateway_reference


@pytest.fixture
def press(client: FlaskClient) -> Callable[..., TestResponse]:
    def press(path: str, action: str) -> TestResponse:
        page = client.get(path).get_data(as_text=True)
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert token
        return client.post(path, data={"action": action, "csrf_token": token.group(1)})

    return press


def text_of(client: FlaskClient, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.get_data(as_text=True)


def test_the_page_shows_what_is_paid_for_and_that_no_real_money_moves(
    client: FlaskClient, gateway: PaymentGateway, clock: FixedClock
) -> None:
    start = gateway.start_checkout(payment_request(clock.now(), locale="en"))
    page = text_of(client, start.url)
    assert "No real money moves here." in page
    assert "T-7KMQ-2XHD" in page
    for piece in ("Grid-connected wind farm in Gansu", "USD\u00a03.80", "USD\u00a017.00", "USD\u00a020.80"):
        assert piece in page
    assert "10 units at USD\u00a00.38 each" in page
    for button in ("Pay", "Pay by bank later", "Decline", "Back"):
        assert re.search(rf">{button}</(button|a)>", page)
    assert f'href="{BACK}"' in page
    assert "buyer@example.org" in page


@pytest.mark.parametrize("locale", ["en", "fr", "es"])
def test_the_page_speaks_the_buyers_language_whatever_the_browser_says(
    client: FlaskClient, gateway: PaymentGateway, clock: FixedClock, locale: str
) -> None:
    start = gateway.start_checkout(payment_request(clock.now(), locale=locale))
    other = "es" if locale == "fr" else "fr"
    response = client.get(start.url, headers={"Accept-Language": other})
    assert f'<html lang="{locale}"' in response.get_data(as_text=True)
    assert response.headers["Content-Language"] == locale


def test_the_page_needs_no_script_and_is_kept_from_caches_and_search_engines(
    client: FlaskClient, reference: str
) -> None:
    response = client.get(f"/testpay/{reference}")
    assert '<form method="post"' in response.get_data(as_text=True)
    assert "no-store" in response.headers["Cache-Control"]
    assert "noindex" in response.headers["X-Robots-Tag"]


def test_markup_in_a_title_is_shown_and_not_obeyed(
    client: FlaskClient, gateway: PaymentGateway, clock: FixedClock
) -> None:
    lines = (PaymentLine("<script>alert(1)</script>", 2, dollars(38)),)
    page = text_of(client, gateway.start_checkout(payment_request(clock.now(), lines=lines)).url)
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_paying_leads_back_to_the_order_and_the_payment_is_made(
    press: Callable[..., TestResponse], gateway: PaymentGateway, reference: str
) -> None:
    response = press(f"/testpay/{reference}", "pay")
    assert response.status_code == 303
    assert response.location == f"http://127.0.0.1:5000/fr/orders/token/return?session={reference}"
    assert gateway.status(reference).state is GatewayState.SUCCEEDED


def test_paying_by_bank_leads_back_to_the_order_and_waits(
    press: Callable[..., TestResponse], gateway: PaymentGateway, reference: str
) -> None:
    assert press(f"/testpay/{reference}", "bank").status_code == 303
    assert gateway.status(reference).state is GatewayState.PROCESSING


def test_a_declined_card_is_told_and_the_page_can_still_be_paid(
    press: Callable[..., TestResponse], gateway: PaymentGateway, reference: str, client: FlaskClient
) -> None:
    response = press(f"/testpay/{reference}", "decline")
    assert response.status_code == 402
    assert 'role="alert"' in response.get_data(as_text=True)
    assert gateway.status(reference).state is GatewayState.OPEN
    assert press(f"/testpay/{reference}", "pay").status_code == 303
    assert gateway.status(reference).state is GatewayState.SUCCEEDED


def test_pressing_pay_twice_pays_once_and_leads_to_the_order_both_times(
    client: FlaskClient, gateway: PaymentGateway, reference: str
) -> None:
    page = text_of(client, f"/testpay/{reference}")
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token
    data = {"action": "pay", "csrf_token": token.group(1)}
    answers = [client.post(f"/testpay/{reference}", data=data) for _ in range(2)]
    assert {answer.location for answer in answers} == {SUCCESS.replace("{CHECKOUT_SESSION_ID}", reference)}


def test_a_card_that_is_declined_in_another_window_after_paying_leads_to_the_order_and_not_to_a_refusal(
    client: FlaskClient, reference: str
) -> None:
    token = re.search(r'name="csrf_token" value="([^"]+)"', text_of(client, f"/testpay/{reference}"))
    assert token
    answers = [
        client.post(f"/testpay/{reference}", data={"action": action, "csrf_token": token.group(1)})
        for action in ("pay", "decline")
    ]
    assert {answer.location for answer in answers} == {SUCCESS.replace("{CHECKOUT_SESSION_ID}", reference)}


def test_a_page_that_expired_while_it_was_open_says_so_and_takes_no_money(
    client: FlaskClient, gateway: PaymentGateway, reference: str, clock: FixedClock
) -> None:
    page = text_of(client, f"/testpay/{reference}")
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token
    clock.advance(timedelta(minutes=31))
    answer = client.post(f"/testpay/{reference}", data={"action": "pay", "csrf_token": token.group(1)})
    assert answer.location == f"/testpay/{reference}"
    page = text_of(client, answer.location)
    assert 'value="pay"' not in page
    assert f'href="{BACK}"' in page
    assert gateway.status(reference).state is GatewayState.EXPIRED


def test_a_page_that_is_paid_or_refused_has_nothing_left_to_press(
    client: FlaskClient, press: Callable[..., TestResponse], reference: str
) -> None:
    press(f"/testpay/{reference}", "bank")
    for action in (None, "fail"):
        if action:
            press(f"/testpay/{reference}/bank", action)
        assert "<form" not in text_of(client, f"/testpay/{reference}")


def test_somebody_can_play_the_bank_and_let_the_money_arrive(
    client: FlaskClient, press: Callable[..., TestResponse], gateway: PaymentGateway, reference: str
) -> None:
    press(f"/testpay/{reference}", "bank")
    assert f"/testpay/{reference}/bank" in text_of(client, f"/testpay/{reference}")
    answer = press(f"/testpay/{reference}/bank", "settle")
    assert (answer.status_code, answer.location) == (303, f"/testpay/{reference}/bank")
    assert gateway.status(reference).state is GatewayState.SUCCEEDED
    assert 'value="settle"' not in text_of(client, f"/testpay/{reference}/bank")
    assert text_of(client, f"/testpay/{reference}")


def test_somebody_can_play_the_bank_and_refuse_the_payment(
    client: FlaskClient, press: Callable[..., TestResponse], gateway: PaymentGateway, reference: str
) -> None:
    press(f"/testpay/{reference}", "bank")
    press(f"/testpay/{reference}/bank", "fail")
    press(f"/testpay/{reference}/bank", "settle")
    assert gateway.status(reference).state is GatewayState.FAILED
    assert text_of(client, f"/testpay/{reference}/bank")


def test_somebody_can_play_the_bank_with_refunds(
    client: FlaskClient, press: Callable[..., TestResponse], gateway: PaymentGateway, reference: str
) -> None:
    path = f"/testpay/{reference}/bank"
    press(f"/testpay/{reference}", "bank")
    press(path, "settle")
    refund = gateway.refund(reference, None, dollars(380), "refund:1").gateway_reference
    press(path, f"settle-refund {refund}")
    assert gateway.refund_status(refund).outcome == "succeeded"
    press(path, f"fail-refund {refund}")
    assert gateway.refund_status(refund).outcome == "failed"
    assert "-refund" not in text_of(client, path)


def test_the_bank_page_of_an_unpaid_payment_offers_nothing(
    client: FlaskClient, gateway: PaymentGateway, reference: str
) -> None:
    assert 'name="action"' not in text_of(client, f"/testpay/{reference}/bank")
    gateway.expire_checkout(reference)
    assert 'name="action"' not in text_of(client, f"/testpay/{reference}/bank")


def test_somebody_can_play_a_buyer_who_disputes_and_a_bank_that_decides(
    client: FlaskClient, press: Callable[..., TestResponse], reference: str, gateway: PaymentGateway
) -> None:
    page = f"/testpay/{reference}"
    bank = f"{page}/bank"
    press(page, "pay")
    assert "Contester le paiement" in text_of(client, bank)
    for action, shown, stages in (
        ("dispute", "Des preuves sont attendues", ["open"]),
        ("evidence", "La banque décide", ["under_review"]),
        ("win", "La banque a rendu l’argent au vendeur", ["won"]),
        ("lose", "La banque a rendu l’argent au vendeur", ["won"]),
        ("dispute", "La banque a rendu l’argent au vendeur", ["won"]),
    ):
        assert press(bank, action).status_code == 303
        assert shown in text_of(client, bank)
        charge = gateway.status(reference).charge_reference or ""
        assert [dispute.state for dispute in gateway.disputes(charge)] == stages


def test_nobody_disputes_what_was_not_paid(client: FlaskClient, reference: str) -> None:
    assert not testpay_disputes.open_dispute(reference, frozenset(), NOW)
    assert "Contester" not in text_of(client, f"/testpay/{reference}/bank")


def test_a_stale_form_is_refused_in_the_language_of_the_payment_and_says_nothing_of_the_money(
    client: FlaskClient, reference: str, press: Callable[..., TestResponse]
) -> None:
    press(f"/testpay/{reference}", "pay")

    for path in (f"/testpay/{reference}", f"/testpay/{reference}/bank"):
        answer = client.post(path, data={"action": "pay", "csrf_token": "stale"})

        assert answer.status_code == 400
        assert '<html lang="fr"' in answer.text
        assert "débité" not in answer.text
    assert client.post("/testpay/nobody", data={"action": "pay"}).status_code == 400


def test_nonsense_is_refused(client: FlaskClient, reference: str) -> None:
    page = text_of(client, f"/testpay/{reference}")
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token
    for path in (f"/testpay/{reference}", f"/testpay/{reference}/bank"):
        assert client.post(path, data={"csrf_token": token.group(1)}).status_code == 400
        assert client.post(path, data={"action": "pay"}).status_code == 400
    for path in ("/testpay/nobody", "/testpay/nobody/bank"):
        assert client.get(path).status_code == 404
        for action in ("pay", "bank", "decline", "settle", ""):
            sent = client.post(path, data={"csrf_token": token.group(1), "action": action})
            assert sent.status_code == 404, (path, action)


def test_only_the_test_gateway_has_such_a_page(make_app: Callable[..., Flask]) -> None:
    app = make_app(PAYMENT_GATEWAY="stripe", STRIPE_SECRET_KEY="sk_test_1", STRIPE_WEBHOOK_SECRETS="whsec_1")
    assert app.test_client().get("/testpay/anything").status_code == 404
    assert dispatch_due_events not in app.extensions["tonne.background"]
