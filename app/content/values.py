"""What placeholders and parts of our texts stand for: from the settings and the code, never typed twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from babel.numbers import format_percent
from flask import render_template
from flask_babel import gettext
from markupsafe import Markup

from app import current
from app.checkout.pricing import Breakdown, breakdown
from app.config import Settings
from app.content import queries
from app.content.document import Document
from app.kernel.languages import LANGUAGES
from app.kernel.money import Money
from app.offers import on_sale
from app.payments import service as payments
from app.payments.adapters.limits import payment_limits
from app.payments.split import split
from app.registry.ports import current_registries
from app.web.filters import duration, money, number
from app.web.i18n import current_locale

# The example of the money page: units, and the price of one in minor units of the currency.
EXAMPLE = ((10, 200), (5, 320))


def example(settings: Settings) -> Breakdown:
    """Who gets what of an order from two sellers, by the very rule that orders are settled with."""
    shares = split([units * price for units, price in EXAMPLE], settings)
    return breakdown(zip(_names(), shares, strict=True), settings.currency)


def filled(document: Document) -> Markup:
    """A text with everything filled in, for the reader of this request.

    Raises KeyError for a placeholder or a part that nobody knows.
    """
    settings = current.settings()
    values = {name: VALUES[name](settings) for name in document.placeholders}
    return document.fill({**values, **{name: PARTS[name](settings) for name in document.parts}})


def _rate(basis_points: int) -> str:
    locale = current_locale()
    return format_percent(basis_points / 10_000, format=LANGUAGES[locale.language].percent, locale=locale)


def _minutes(time: timedelta) -> str:
    return number(int(time.total_seconds()) // 60)


def _names() -> list[str]:
    return [gettext("Project %(letter)s", letter=letter) for letter in "AB"]


def _example(settings: Settings) -> Markup:
    lines = [
        {
            "name": name,
            "units": units,
            "price": Money(price, settings.currency),
            "amount": Money(units * price, settings.currency),
        }
        for name, (units, price) in zip(_names(), EXAMPLE, strict=True)
    ]
    return Markup(render_template("content/_example.html", lines=lines, split=example(settings)))  # noqa: S704 - as below


def _prices(_settings: Settings) -> Markup:
    return Markup(render_template("content/_prices.html", prices=queries.prices_on_offer()))  # noqa: S704 - as below


def _proof(_settings: Settings) -> Markup:
    return Markup(render_template("content/_proof.html"))  # noqa: S704 - as below


def _closings(_settings: Settings) -> Markup:
    return Markup(render_template("content/_closings.html"))  # noqa: S704 - our own template, which has escaped it


VALUES: Mapping[str, Callable[[Settings], str]] = {
    "operator": lambda settings: settings.operator_name,
    "currency": lambda settings: settings.currency,
    "platform_fee": lambda settings: _rate(settings.platform_fee_rate),
    "tax_rate": lambda settings: _rate(settings.tax_rate),
    "payment_cost_rate": lambda settings: _rate(settings.payment_cost_rate),
    "payment_cost_fixed": lambda settings: money(Money(settings.payment_cost_fixed, settings.currency)),
    "smallest_payment": lambda settings: money(payment_limits(settings)[0]),
    "largest_payment": lambda settings: money(payment_limits(settings)[1]),
    "page_minutes": lambda _settings: _minutes(payments.SESSION_LIFE),
    "hold_extra_minutes": lambda _settings: _minutes(payments.HOLD - payments.SESSION_LIFE),
    "bank_hold_days": lambda _settings: number(payments.DELAYED_HOLD.days),
    "units": lambda _settings: on_sale.units(),
    "units_in_full": lambda _settings: on_sale.units_in_full(),
    "unit_example": lambda _settings: on_sale.example(),
    "mechanisms": lambda _settings: on_sale.mechanisms(),
    "data_sources": lambda _settings: on_sale.sources(),
    "complaint_days": lambda settings: number(settings.complaint_days),
    "promise": lambda _settings: duration(current_registries().longest_promise),
}

PARTS: Mapping[str, Callable[[Settings], Markup]] = {
    "closings": _closings,
    "example": _example,
    "prices": _prices,
    "proof": _proof,
}
