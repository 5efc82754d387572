"""The project page. The blueprint is `catalog`: what a visitor browses is the catalogue."""

from __future__ import annotations

import re

from flask import Blueprint, abort, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.catalog.quality import quality_facts
from app.catalog.queries import find_project
from app.catalog.world import locator
from app.current import now, settings
from app.offers.drawings import draw
from app.offers.history import price_lines
from app.offers.price_file import price_file
from app.offers.queries import ProjectPage, project_page
from app.web.i18n import shows_page
from app.web.shared_pages import may_be_shared, shared_but_for_the_corner

blueprint = Blueprint("catalog", __name__, url_prefix="/<lang>")

MOST_WANTED = 1_000_000_000


@blueprint.get("/projects/<reference>")
@shared_but_for_the_corner
def project(reference: str) -> Response:
    """A project with its offers. A reference in other capitals is sent to the one address."""
    page = project_page(reference, settings().payment_minimum)
    if page is None:
        abort(404)
    if reference != page.project.reference:
        return redirect(url_for("catalog.project", reference=page.project.reference), code=301)
    may_be_shared()
    return make_response(render_project(page, wanted=_wanted()))


@blueprint.get("/projects/<reference>/prices.csv")
def prices(reference: str) -> Response:
    """The price history of a project's offers as a CSV file, one row for each price."""
    project = find_project(reference)
    if project is None:
        abort(404)
    response = make_response(price_file(project.reference, price_lines(project.id)))
    response.headers["Content-Type"] = "text/csv; charset=utf-8"
    response.headers["Content-Disposition"] = f'attachment; filename="{project.reference}-prices.csv"'
    return response


def render_project(
    page: ProjectPage,
    error_offer_id: int | None = None,
    error: str | None = None,
    typed: str = "",
    wanted: int | None = None,
) -> str:
    """The project page as HTML.

    `error` stands at the quantity field of `error_offer_id`, with what was typed. `wanted` units
    stand in every other quantity field.
    """
    shows_page("catalog.project", reference=page.project.reference)
    shown = [offer for offer in page.offers if offer.is_for_sale] or page.offers
    return render_template(
        "catalog/project.html",
        page=page,
        error_offer_id=error_offer_id,
        error=error,
        typed=typed,
        wanted=wanted,
        today=now().date(),
        quality=quality_facts(page.project, (offer.monitoring_ends_on for offer in shown), now().date()),
        drawings=draw(page.history, now(), settings().currency),
        locator=locator(page.project.host_parties),
        compared=[reference for reference in request.args.getlist("compare") if reference != page.project.reference],
    )


def _wanted() -> int | None:
    """The units that a link asked for, 1 to 1,000,000,000; anything else is ignored."""
    text = request.args.get("units", "")
    units = int(text) if re.fullmatch("[0-9]{1,10}", text) else 0
    return units if 1 <= units <= MOST_WANTED else None
