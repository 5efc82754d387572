"""Pages over several projects: the map, and a comparison of up to four."""

from __future__ import annotations

from flask import make_response, render_template, request
from flask_babel import gettext, ngettext
from werkzeug.wrappers import Response

from app.catalog.world import whole_map
from app.current import now, settings
from app.offers.comparison import MOST, Chosen, all_references, choose, compare
from app.offers.map_points import spread
from app.offers.places import places
from app.offers.views import blueprint

__all__ = ["blueprint"]


@blueprint.get("/map")
def map() -> Response:  # noqa: A001 - the name that other pages link to
    """Every project on offer at its host Party, as a drawing and as a list that says the same."""
    regions = places()
    countries = {country.code: country for region in regions for country in region.countries}
    drawing = whole_map(list(countries))
    points = spread(drawing, {code: country.units_left for code, country in countries.items()})
    return make_response(
        render_template("catalog/map.html", regions=regions, countries=countries, map=drawing, points=points)
    )


@blueprint.get("/compare", endpoint="compare")
def comparison() -> Response:
    """Up to four projects, fact by fact; `p` names each one, the address is the whole list."""
    chosen = choose(request.args.getlist("p"))
    columns = compare(chosen.references, settings().payment_minimum, now().date())
    page = render_template(
        "catalog/compare.html",
        columns=columns,
        chosen=chosen,
        error=_error(chosen),
        choices=[choice for choice in all_references() if choice[0] not in chosen.references],
        most=MOST,
    )
    return make_response(page, 422 if chosen.refused else 200)


def _error(chosen: Chosen) -> str | None:
    """A sentence for what does not exist and one for what does not fit."""
    sentences = []
    if chosen.unknown:
        sentences.append(
            ngettext(
                "We have no project with the reference %(typed)s.",
                "We have no projects with the references %(typed)s.",
                len(chosen.unknown),
                typed=", ".join(chosen.unknown),
            )
        )
    if chosen.surplus:
        sentences.append(
            gettext(
                "No more than %(most)s projects fit beside each other. Take one out before you add %(typed)s.",
                most=MOST,
                typed=", ".join(chosen.surplus),
            )
        )
    return " ".join(sentences) or None
