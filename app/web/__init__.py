"""What every page has in common: language, safety, limits, errors, logs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask

from app.web import (
    assets,
    compiled,
    demonstration,
    environment,
    errors,
    filters,
    i18n,
    limits,
    links,
    logs,
    menus,
    routes,
    security,
    shared_pages,
    views,
)


def init_app(app: Flask) -> None:
    """Set all of it up. Needs `tonne.settings` and `tonne.clock` in `app.extensions`."""
    app.url_rule_class = routes.LateRule
    # No view and no hook of ours is a coroutine; Flask would look whether it is, twenty times in a request.
    app.ensure_sync = _as_it_is  # type: ignore[method-assign]  # Flask's own way
    environment.init_app(app)
    logs.init_app(app)
    security.init_app(app)
    i18n.init_app(app)
    links.init_app(app)
    compiled.init_app(app)
    menus.init_app(app)
    assets.init_app(app)
    filters.init_app(app)
    demonstration.init_app(app)
    limits.init_app(app)
    errors.init_app(app)
    app.register_blueprint(views.bp)
    shared_pages.init_app(app)


def _as_it_is(func: Callable[..., Any]) -> Callable[..., Any]:
    return func
