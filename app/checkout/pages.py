"""The checkout's pages put together."""

from __future__ import annotations

from flask import Flask, has_request_context
from sqlalchemy.exc import SQLAlchemyError

from app.checkout import order_views, remedy_views, views
from app.checkout.cookies import basket_token
from app.checkout.pricing import Breakdown, alone
from app.checkout.purchases import Orders
from app.checkout.queries import basket_units
from app.current import settings
from app.kernel.money import Money

# All of them add their pages to the blueprint of the first.
VIEWS = (views, order_views, remedy_views)


def init_app(app: Flask) -> None:
    """Register the pages, and tell every page how many units are in the basket and who gets what of a price."""
    app.extensions["tonne.purchases"] = Orders()
    app.register_blueprint(VIEWS[0].blueprint)
    app.jinja_env.globals["split_alone"] = _split_alone
    app.context_processor(_basket_count)


def _basket_count() -> dict[str, int]:
    if not has_request_context():
        return {"basket_units": 0}
    try:
        return {"basket_units": basket_units(basket_token())}
    except SQLAlchemyError:
        # The page that says the database is away has this header too.
        return {"basket_units": 0}


def _split_alone(price: Money, units: int, seller: str) -> Breakdown:
    return alone(price, units, seller, settings())
