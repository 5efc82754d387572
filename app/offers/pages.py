"""The catalogue's pages put together, all but the list (`list_views`), which stands at the front of the house."""

from __future__ import annotations

from babel.numbers import format_decimal
from flask import Flask

from app.current import settings
from app.kernel.money import Money
from app.offers import overview_views
from app.web.charts import short_day, short_number
from app.web.i18n import current_locale


def init_app(app: Flask) -> None:
    """Register the pages, and the words on the scales of their charts."""
    app.register_blueprint(overview_views.blueprint)
    app.jinja_env.globals.update(short_day=short_day, short_number=short_number, price_on_scale=_price_on_scale)


def _price_on_scale(minor: int) -> str:
    """Minor units as a bare number with the decimals of the currency: the caption names the currency."""
    amount = Money(minor, settings().currency).decimal
    decimals = max(0, -int(amount.as_tuple().exponent))
    pattern = f"#,##0.{'0' * decimals}" if decimals else "#,##0"
    return format_decimal(amount, format=pattern, locale=current_locale())
