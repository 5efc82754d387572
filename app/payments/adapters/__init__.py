"""The payment gateways that exist, and how the configured one is made."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from app.config import Settings
from app.payments.adapters import testpay_views
from app.payments.adapters.testpay import TestpayGateway, dispatch_due_events
from app.payments.ports import PaymentGateway


def _stripe(settings: Settings) -> PaymentGateway:
    from app.payments.adapters.stripe import StripeGateway  # noqa: PLC0415 - a large library, needed only here

    return StripeGateway(settings)


_GATEWAYS: dict[str, Callable[[Settings], PaymentGateway]] = {
    "stripe": _stripe,
    TestpayGateway.name: TestpayGateway,
}


def make_gateway(settings: Settings) -> PaymentGateway:
    """The gateway that PAYMENT_GATEWAY names.

    Raises GatewayFault when that is the test gateway in production.
    """
    return _GATEWAYS[settings.payment_gateway](settings)


def init_app(app: Flask) -> None:
    """Serve the test gateway's pages and let the worker post its events, where it is configured."""
    if app.extensions["tonne.settings"].payment_gateway == TestpayGateway.name:
        app.register_blueprint(testpay_views.blueprint)
        app.extensions.setdefault("tonne.background", []).append(dispatch_due_events)
