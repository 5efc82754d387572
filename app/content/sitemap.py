"""What search engines are told of: every public page, in every language."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Blueprint, Flask, Response, make_response, render_template
from sqlalchemy import select

from app.catalog.models import Project
from app.content import legal, pages
from app.db import db
from app.kernel.languages import DEFAULT_LANGUAGE, LANGUAGES
from app.web.i18n import public_url
from app.web.limits import limit_files

blueprint = Blueprint("sitemap", __name__)

# Pages with nothing more in their address than the language.
PLAIN = (
    "catalog.projects", "catalog.map", "catalog.sorting", "calculator.start", "calculator.budget",
    "register.cancellations", "certificates.verify", "content.index", "content.contact", "content.complaint",
    "complaints.counts", "statistics.overview",
)  # fmt: skip
# The protocol allows 50,000 addresses in a file (sitemaps.org); each page has one for each language.
MOST_PROJECTS = 16_000


def init_app(app: Flask) -> None:
    """Register the address."""
    app.register_blueprint(blueprint)


@blueprint.get("/sitemap.xml")
@limit_files
def sitemap() -> Response:
    """The map of the site as sitemaps.org describes it, each page with its other languages."""
    entries = [_addresses(endpoint, **values) for endpoint, values in _pages()]
    response = make_response(render_template("content/sitemap.xml", entries=entries))
    response.headers["Content-Type"] = "application/xml; charset=utf-8"
    return response


def _pages() -> Iterator[tuple[str, dict[str, str]]]:
    yield from ((endpoint, {}) for endpoint in PLAIN)
    yield from (("content.page", {"name": name}) for name in pages.NAMES)
    yield from (("content.legal", {"name": name}) for name in legal.NAMES)
    references = db.session.scalars(select(Project.reference).order_by(Project.id).limit(MOST_PROJECTS))
    yield from (("catalog.project", {"reference": reference}) for reference in references)


def _addresses(endpoint: str, **values: str) -> dict[str, str]:
    """The page's address in each language, and `x-default`, which asks the reader."""
    addresses = {language: public_url(endpoint, lang=language, **values) for language in LANGUAGES}
    addresses["x-default"] = addresses[DEFAULT_LANGUAGE].replace(f"/{DEFAULT_LANGUAGE}/", "/", 1)
    return addresses
