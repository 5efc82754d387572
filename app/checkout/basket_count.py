"""How many units are in the basket: the header of every page says it, so the rest of the checkout is not needed."""

from __future__ import annotations

from flask import Flask, has_request_context
from sqlalchemy.exc import SQLAlchemyError

from app.checkout.cookies import basket_token


def init_app(app: Flask) -> None:
    """Let every page ask for the number. A page that shows the basket knows it, and mails have no header."""
    app.jinja_env.globals["basket_units"] = _units


def _units() -> int:
    token = basket_token() if has_request_context() else None
    if token is None:
        return 0
    from app.checkout.queries import basket_units  # noqa: PLC0415 - most visitors have no basket, and need no table of it

    try:
        return basket_units(token)
    except SQLAlchemyError:
        # The page that says the database is away has this header too.
        return 0
