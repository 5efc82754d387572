"""The two gateways with everything a test may do to them from the other side of the port."""

from __future__ import annotations

import dataclasses
import json
from datetime import datetime, timedelta
from typing import Any, Protocol

import stripe
from flask import Flask
from sqlalchemy import select

from app.config import Settings
from app.db import db, end_reading
from app.kernel.clock import FixedClock
from app.kernel.money import Money
from app.payments.adapters import testpay_disputes
from app.payments.adapters.stripe import StripeGateway
from app.payments.adapters.testpay import TestpayGateway
from app.payments.adapters.testpay_bank import TestpayBank
from app.payments.adapters.testpay_models import TestpayEvent
from app.payments.ports import PaymentGateway, PaymentLine, PaymentRequest
from tests.stripe_standin import StripeStandIn


class World(Protocol):
    """A gateway, its webhook secret, and the people on its far side."""

    gateway: PaymentGateway
    clock: FixedClock
    secret: str

    def pay(self, reference: str) -> bool: ...
    def pay_by_bank(self, reference: str) -> bool: ...
    def settle_bank(self, reference: str) -> object: ...
    def fail_bank(self, reference: str) -> object: ...
    def settle_refund(self, reference: str) -> object: ...
    def fail_refund(self, reference: str) -> object: ...
    def open_dispute(self, page: str) -> object: ...
    def send_evidence(self, page: str) -> object: ...
    def win_dispute(self, page: str) -> object: ...
    def lose_dispute(self, page: str) -> object: ...
    def told(self) -> list[str]:
        """The bodies of every event so far, oldest first."""
        ...


class TestpayWorld:
    """The test gateway in a database."""

    __test__ = False

    def __init__(self, app: Flask, clock: FixedClock) -> None:
        settings: Settings = app.extensions["tonne.settings"]
        self.clock = clock
        self.secret = settings.testpay_secret
        self.gateway: PaymentGateway = TestpayGateway(settings)
        self._bank = TestpayBank(settings.testpay_mischief)

    def pay(self, reference: str) -> bool:
        return self._bank.pay(reference, self.clock.now()) is not None

    def pay_by_bank(self, reference: str) -> bool:
        return self._bank.pay_by_bank(reference, self.clock.now()) is not None

    def settle_bank(self, reference: str) -> object:
        return self._bank.settle(reference, self.clock.now())

    def fail_bank(self, reference: str) -> object:
        return self._bank.fail(reference, self.clock.now())

    def settle_refund(self, reference: str) -> object:
        return self._bank.settle_refund(reference, self.clock.now())

    def fail_refund(self, reference: str) -> object:
        return self._bank.fail_refund(reference, self.clock.now())

    def open_dispute(self, page: str) -> object:
        return testpay_disputes.open_dispute(page, frozenset(), self.clock.now())

    def send_evidence(self, page: str) -> object:
        return testpay_disputes.send_evidence(page, frozenset(), self.clock.now())

    def win_dispute(self, page: str) -> object:
        return testpay_disputes.win(page, frozenset(), self.clock.now())

    def lose_dispute(self, page: str) -> object:
        return testpay_disputes.lose(page, frozenset(), self.clock.now())

    def told(self) -> list[str]:
        bodies = list(db.session.scalars(select(TestpayEvent.body).order_by(TestpayEvent.id)))
        end_reading()
        return bodies


class StripeWorld:
    """The Stripe adapter against the stand-in."""

    def __init__(self, settings: Settings, standin: StripeStandIn, clock: FixedClock) -> None:
        self.clock = clock
        self.secret = standin.webhook_secret
        self.gateway: PaymentGateway = StripeGateway(stripe_settings(settings, standin))
        self._account = standin.account

    def pay(self, reference: str) -> bool:
        return self._account.pay(reference)

    def pay_by_bank(self, reference: str) -> bool:
        return self._account.pay_by_bank(reference)

    def settle_bank(self, reference: str) -> object:
        return self._account.settle_bank(reference)

    def fail_bank(self, reference: str) -> object:
        return self._account.fail_bank(reference)

    def settle_refund(self, reference: str) -> object:
        return self._account.settle_refund(reference)

    def fail_refund(self, reference: str) -> object:
        return self._account.fail_refund(reference)

    def open_dispute(self, page: str) -> object:
        return self._account.open_dispute(page)

    def send_evidence(self, page: str) -> object:
        return self._account.submit_evidence(self._dispute_of(page))

    def win_dispute(self, page: str) -> object:
        return self._account.win_dispute(self._dispute_of(page))

    def lose_dispute(self, page: str) -> object:
        return self._account.lose_dispute(self._dispute_of(page))

    def _dispute_of(self, page: str) -> str:
        intent = self._account.sessions[page]["payment_intent"]
        return next(name for name, each in self._account.disputes.items() if each["payment_intent"] == intent)

    def told(self) -> list[str]:
        return [json.dumps(event) for event in self._account.events]


def stripe_settings(settings: Settings, standin: StripeStandIn) -> Settings:
    """`settings` with the stand-in in Stripe's place."""
    return dataclasses.replace(
        settings,
        payment_gateway="stripe",
        stripe_secret_key=standin.api_key,
        stripe_webhook_secrets=("whsec_the_one_before_rotation", standin.webhook_secret),
        stripe_api_base=standin.base,
        stripe_checkout_origin=standin.base,
    )


def dollars(minor: int) -> Money:
    """US cents."""
    return Money(minor, "USD")


def payment_request(now: datetime, **changes: Any) -> PaymentRequest:
    """An ordinary order of 12 CERs of two projects, with what the test wants changed."""
    values: dict[str, Any] = {
        "order_reference": "T-7KMQ-2XHD",
        "attempt": 1,
        "lines": (
            PaymentLine("Grid-connected wind farm in Gansu", 10, dollars(38)),
            PaymentLine("Aproveitamento de biogás, Município de Açores", 2, dollars(850)),
        ),
        "email": "buyer@example.org",
        "locale": "fr",
        "success_url": "http://127.0.0.1:5000/fr/orders/token/return",
        "back_url": "http://127.0.0.1:5000/fr/orders/token",
        "expires_at": (now + timedelta(minutes=31)).replace(microsecond=0),
        "key": "checkout:T-7KMQ-2XHD:1",
    } | changes
    lines: tuple[PaymentLine, ...] = values["lines"]
    if "amount" not in values:
        values["amount"] = Money.total((line.unit_price * line.units for line in lines), "USD")
    return PaymentRequest(**values)


def signed(body: str | bytes, secret: str, at: int | None = None) -> dict[str, str]:
    """The header that makes a body authentic, signed at `at` (seconds since 1970; now when None)."""
    text = body.decode(errors="replace") if isinstance(body, bytes) else body
    return {"Stripe-Signature": stripe.WebhookSignature.generate_signature_header(text, secret, at)}
