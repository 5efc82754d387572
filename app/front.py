"""The front of the house: the list of projects and what every page has, without the rooms behind.

A web server shows it while it loads the rest (`app/opening.py`), so what is imported here is what the list needs.
"""

from __future__ import annotations

from pathlib import Path

from flask import Flask
from sqlalchemy import NullPool

from app import db, web
from app.accounts import guard
from app.catalog import book, closing, labels, quality_words
from app.checkout import basket_count
from app.config import Settings
from app.kernel.clock import Clock
from app.offers import list_views, on_sale, shelf

ROOT = Path(__file__).resolve().parent.parent


def make_front(settings: Settings, clock: Clock, *, keeps_connections: bool = True) -> Flask:
    """An application with the list alone. The factory adds the other rooms to it.

    One that only stands in for the whole leaves no connection to the database behind.
    """
    settings.instance_path.mkdir(parents=True, exist_ok=True)
    app = Flask(
        "app",
        root_path=str(ROOT / "app"),
        template_folder=str(ROOT / "templates"),
        static_folder=str(ROOT / "static"),
        instance_path=str(settings.instance_path),
    )
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.database_url
    # What people typed is nobody's business in a traceback.
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"hide_parameters": True}
    if not keeps_connections:
        app.config["SQLALCHEMY_ENGINE_OPTIONS"]["poolclass"] = NullPool
    app.extensions["tonne.settings"] = settings
    app.extensions["tonne.clock"] = clock

    db.init_app(app)
    web.init_app(app)
    guard.init_app(app)
    book.init_app(app)
    labels.init_app(app)
    closing.init_app(app)
    quality_words.init_app(app)
    shelf.init_app(app)
    on_sale.init_app(app)
    list_views.init_app(app)
    basket_count.init_app(app)
    return app
