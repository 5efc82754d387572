"""The pages of sellers and operators about offers, put together."""

from __future__ import annotations

from flask import Flask

from app.offers import reasons
from app.selling import file_views, staff_views, words


def init_app(app: Flask) -> None:
    """Register the pages and the words that they and the mails use."""
    file_views.init_app(app)
    app.register_blueprint(staff_views.blueprint)
    words.register(app.jinja_env.filters)
    app.jinja_env.filters["offer_reason"] = reasons.describe
