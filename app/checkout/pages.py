"""The checkout's pages put together."""

from __future__ import annotations

from flask import Flask

from app.checkout import order_views, remedy_views, views
from app.checkout.pricing import Breakdown, alone
from app.checkout.purchases import Orders
from app.current import settings
from app.kernel.money import Money

# All of them add their pages to the blueprint of the first.
VIEWS = (views, order_views, remedy_views)


def init_app(app: Flask) -> None:
    """Register the pages, and tell templates who gets what of a price."""
    app.extensions["tonne.purchases"] = Orders()
    app.register_blueprint(VIEWS[0].blueprint)
    app.jinja_env.globals["split_alone"] = _split_alone


def _split_alone(price: Money, units: int, seller: str) -> Breakdown:
    return alone(price, units, seller, settings())
