"""The front door, the health of the house, and what robots are told."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache

from flask import Blueprint, Flask, Response, current_app, jsonify, make_response, redirect, send_from_directory
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response as WerkzeugResponse

from app import current
from app.db import MIGRATIONS, db
from app.kernel.languages import LANGUAGES
from app.web import i18n
from app.web.security import any_host

bp = Blueprint("web", __name__)

HEALTH = "tonne.health"
ROBOTS_STAY_OUT = ("basket", "checkout", "orders")


@bp.get("/")
def root() -> WerkzeugResponse:
    """Lead to the first page in the reader's language."""
    return i18n.vary_by_reader(redirect(f"/{i18n.negotiated_language()}/"))


@bp.get("/health")
@any_host
def health() -> Response:
    """Whether this copy does all its work: 200, or 503 with what is missing. For whoever watches over it."""
    parts: dict[str, Callable[[], str]] = current_app.extensions.get(HEALTH, {})
    return _state_of({"database": database_state, **parts})


@bp.get("/health/ready")
@any_host
def ready() -> Response:
    """Whether this process can serve visitors: 200, or 503. For whoever spreads them over several."""
    return _state_of({"database": database_state})


@bp.get("/health/live")
@any_host
def live() -> Response:
    """Whether this process answers at all; looks at nothing. For whoever starts it again when it does not."""
    return _state_of({})


@bp.get("/robots.txt")
def robots() -> Response:
    """Search engines may read the catalogue and the register, not baskets and orders."""
    lines = [f"Disallow: /{language}/{room}" for language in LANGUAGES for room in ROBOTS_STAY_OUT]
    # The map itself is made further up, where all pages are known.
    place = f"Sitemap: {current.settings().public_base_url}/sitemap.xml"
    response = make_response("\n".join(["User-agent: *", *lines, "Disallow: /testpay/", "", place, ""]))
    response.mimetype = "text/plain"
    return response


@bp.get("/favicon.ico")
def favicon() -> Response:
    """The icon for programs that do not read the page's own link."""
    return send_from_directory(f"{current_app.static_folder}/img", "favicon.svg")


def watch_over(app: Flask, name: str, state: Callable[[], str]) -> None:
    """Let `/health` ask for the state of one more part: `ok`, or one or two words that give nobody away."""
    app.extensions.setdefault(HEALTH, {})[name] = state


def _state_of(parts: Mapping[str, Callable[[], str]]) -> Response:
    states: dict[str, str] = {}
    for name, state in parts.items():
        try:
            states[name] = state()
        except SQLAlchemyError:
            states[name] = "unknown"
    is_well = all(state == "ok" for state in states.values())
    response = jsonify(status="ok" if is_well else "unavailable", **states)
    response.status_code = 200 if is_well else 503
    response.headers["Cache-Control"] = "no-store"
    return response


def database_state() -> str:
    """`ok`, `unreachable` or `not migrated`."""
    try:
        with db.engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return "unreachable"
    try:
        with db.engine.connect() as connection:
            present = frozenset(connection.scalars(text("SELECT version_num FROM alembic_version")))
    except SQLAlchemyError:
        return "not migrated"
    return "ok" if present == newest_migrations() else "not migrated"


@cache
def newest_migrations() -> frozenset[str]:
    """The migrations that no other follows, read once, and without Alembic, which a web server does not load."""
    texts = [file.read_text(encoding="utf-8") for file in (MIGRATIONS / "versions").glob("*.py")]
    names, followed = (
        {name for text in texts for name in re.findall(rf'^{word} = "(\w+)"$', text, re.MULTILINE)}
        for word in ("revision", "down_revision")
    )
    return frozenset(names - followed)
