"""The catalogue and the project page. The blueprint is `catalog`: what a visitor browses is the catalogue."""

from __future__ import annotations

from flask import Blueprint, Flask, abort, make_response, redirect, render_template, url_for
from werkzeug.wrappers import Response

from app.current import settings
from app.offers.queries import ProjectPage, catalogue, project_page
from app.web.i18n import shows_page

blueprint = Blueprint("catalog", __name__, url_prefix="/<lang>")


def init_app(app: Flask) -> None:
    """Register the catalogue's pages."""
    app.register_blueprint(blueprint)


@blueprint.get("/")
def projects() -> Response:
    """The list of projects with what is for sale at this moment."""
    listed = catalogue()
    return _fresh(
        render_template(
            "catalog/projects.html",
            rows=listed.rows,
            units_on_offer=listed.units_on_offer,
            price_low=listed.price_low,
            price_high=listed.price_high,
        )
    )


@blueprint.get("/projects/<reference>")
def project(reference: str) -> Response:
    """A project with its offers. A reference in other capitals is sent to the one address."""
    page = project_page(reference, settings().payment_minimum)
    if page is None:
        abort(404)
    if reference != page.project.reference:
        return redirect(url_for("catalog.project", reference=page.project.reference), code=301)
    return _fresh(render_project(page))


def render_project(
    page: ProjectPage, error_offer_id: int | None = None, error: str | None = None, typed: str = ""
) -> str:
    """The project page as HTML; `error` stands at the quantity field of `error_offer_id`, with what was typed."""
    shows_page("catalog.project", reference=page.project.reference)
    return render_template("catalog/project.html", page=page, error_offer_id=error_offer_id, error=error, typed=typed)


def _fresh(html: str) -> Response:
    """A page whose numbers no cache may answer for: units left are never older than the request."""
    response = make_response(html)
    response.headers["Cache-Control"] = "private, no-cache"
    return response
