"""A small site with the rooms of the real one, to see what every page has in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from flask import Blueprint, Flask, Response, abort, jsonify, redirect, render_template, request
from flask.testing import FlaskClient
from flask_wtf import FlaskForm
from sqlalchemy.exc import OperationalError
from wtforms import StringField

from app import web
from app.catalog import labels
from app.config import Settings
from app.db import db, init_migrations
from app.db import init_app as init_database
from app.kernel.clock import FixedClock
from app.kernel.errors import Outage
from app.web.i18n import shows_page, use_language
from app.web.limits import limit_checkout, limit_resend, limit_verify
from app.web.models import RateLimit
from app.web.security import form_checks_token, no_form_token

NOW = datetime(2026, 11, 22, 10, 36, 15, tzinfo=UTC)
SECRET = "a-secret-of-more-than-thirty-two-characters"
PAGE = """<html lang="{{ lang }}"><p>{{ words }}</p>
{% for code, url in alternate_urls() %}<link hreflang="{{ code }}" href="{{ url }}">
{% endfor %}{% for code in LANGUAGES %}<a lang="{{ code }}" href="{{ switch_url(code) }}">{{ LANGUAGES[code] }}</a>
{% endfor %}<i>{{ csrf_token() }}</i></html>"""
ERROR = (
    '<html lang="{{ lang }}"><h1>{{ code }} {{ title }}</h1><p>{{ message }}</p><p>{{ what_next }}</p>'
    "<b>{{ reference or '' }}</b></html>"
)
FRENCH = {
    "We cannot find this page": "Cette page est introuvable",
    "%(first)s to %(last)s": "du %(first)s au %(last)s",
    ("CER", "CERs"): ("URCE", "URCE"),
    ("%(number)s tonne of CO₂ equivalent", "%(number)s tonnes of CO₂ equivalent"): (
        "%(number)s tonne d’équivalent CO₂",
        "%(number)s tonnes d’équivalent CO₂",
    ),
    "Wind power": "Énergie éolienne",
    "first commitment period (2008–2012)": "première période d’engagement (2008–2012)",
    "This is a demonstration: no payment is real and no unit was cancelled in any United Nations registry.": (
        "Ceci est une démonstration : aucun paiement n’est réel et aucune unité n’a été annulée "
        "dans un registre des Nations Unies."
    ),
}

SiteMaker = Callable[..., Flask]


class Form(FlaskForm):
    """One field, and the token that the form checks itself."""

    number = StringField()


def page(words: str) -> str:
    return render_template("page.html", words=words)


def catalog_room() -> Blueprint:
    room = Blueprint("catalog", __name__, url_prefix="/<lang>")

    @room.get("/")
    def projects() -> str:
        return page("projects")

    @room.get("/projects/<reference>")
    def project(reference: str) -> str:
        return page(f"project {reference}")

    return room


def checkout_room() -> Blueprint:
    room = Blueprint("checkout", __name__, url_prefix="/<lang>")

    @room.get("/basket")
    def basket() -> str:
        return page("basket")

    @room.post("/basket/add")
    def add() -> tuple[str, int]:
        if "project" in request.form:
            shows_page("catalog.project", reference=request.form["project"])
        return page("not added"), 422

    @room.route("/checkout/review", methods=["GET", "POST"])
    @limit_checkout
    def review() -> str:
        return page("review")

    @room.route("/checkout", methods=["GET", "POST"])
    @limit_checkout
    def details() -> str:
        return page("details")

    @room.get("/orders/<token>")
    def order(token: str) -> str:
        return page(f"order {token}")

    @room.post("/orders/<token>/resend")
    @limit_resend
    def resend(token: str) -> str:
        return page(f"sent {token}")

    return room


def certificates_room() -> Blueprint:
    room = Blueprint("certificates", __name__, url_prefix="/<lang>")

    @room.route("/verify", methods=["GET", "POST"])
    @form_checks_token
    @limit_verify
    def verify() -> Any:
        form = Form()
        if form.validate_on_submit():
            return redirect(f"/en/verify/{form.number.data}")
        return page(f"number {form.number.data} {form.errors}")

    @room.get("/verify/<slug>")
    @limit_verify
    def show(slug: str) -> str:
        return page(f"certificate {slug}")

    return room


def testpay_room() -> Blueprint:
    room = Blueprint("testpay", __name__)

    @room.route("/testpay/<reference>", methods=["GET", "POST"])
    def pay(reference: str) -> str:
        use_language("es")
        return page(f"pay {reference}")

    return room


def other_room() -> Blueprint:
    room = Blueprint("other", __name__)

    @room.get("/broken")
    def broken() -> str:
        raise RuntimeError("sk_test_abc of jane@example.org broke")

    @room.get("/busy")
    def busy() -> str:
        raise OperationalError("SELECT 1", {"email": "jane@example.org"}, Exception("database is locked"))

    @room.get("/away")
    def away() -> str:
        raise Outage("the registry")

    @room.get("/status/<int:code>")
    def status(code: int) -> str:
        abort(code)

    @room.post("/notices")
    @no_form_token
    def notices() -> Response:
        return jsonify(kept=True)

    @room.get("/file")
    def file() -> Response:
        return Response(b"%PDF", mimetype="application/pdf", headers={"Referrer-Policy": "origin"})

    @room.get("/who")
    def who() -> Response:
        return jsonify(address=request.remote_addr, secure=request.is_secure, host=request.host)

    return room


ROOMS = (catalog_room, checkout_room, certificates_room, testpay_room, other_room)


def write_catalogue(directory: Path, language: str, texts: dict[Any, Any]) -> None:
    """A compiled catalogue as Flask-Babel reads it."""
    catalogue = Catalog(locale=language)
    for source, target in texts.items():
        catalogue.add(source, target, flags=["python-format"] if "%(" in str(source) else [])
    path = directory / "translations" / language / "LC_MESSAGES" / "messages.mo"
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        write_mo(file, catalogue)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def make_site(tmp_path: Path, clock: FixedClock) -> Iterator[SiteMaker]:
    """Make a site; keyword arguments are settings."""
    write_catalogue(tmp_path, "fr", FRENCH)
    templates = tmp_path / "templates"
    (templates / "errors").mkdir(parents=True)
    (templates / "page.html").write_text(PAGE)
    (templates / "errors" / "error.html").write_text(ERROR)
    made: list[Flask] = []

    def make(**changes: str) -> Flask:
        settings = Settings.from_environment(
            {
                "ENVIRONMENT": "testing",
                "SECRET_KEY": SECRET,
                "TESTPAY_SECRET": SECRET,
                "INSTANCE_PATH": str(tmp_path),
                **changes,
            }
        )
        site = Flask("site", root_path=str(tmp_path), static_folder="static")
        site.config["SQLALCHEMY_DATABASE_URI"] = settings.database_url
        site.extensions["tonne.settings"] = settings
        site.extensions["tonne.clock"] = clock
        init_database(site)
        init_migrations(site)
        web.init_app(site)
        labels.init_app(site)
        for room in ROOMS:
            site.register_blueprint(room())
        with site.app_context():
            RateLimit.__table__.create(db.engine, checkfirst=True)  # type: ignore[attr-defined]  # every table has it
        made.append(site)
        return site

    yield make
    for site in made:
        with site.app_context():
            db.session.remove()
            db.engine.dispose()


@pytest.fixture
def site(make_site: SiteMaker) -> Flask:
    return make_site()


@pytest.fixture
def visitor(site: Flask) -> FlaskClient:
    return site.test_client()
