"""Pages over several projects: the map, and a comparison of up to four."""

from __future__ import annotations

from flask import make_response, render_template, request
from flask_babel import gettext
from werkzeug.wrappers import Response

from app.catalog.world import whole_map
from app.current import now, settings
from app.offers.comparison import MOST, Chosen, all_references, choose, compare
from app.offers.places import Country, places
from app.offers.views import blueprint

__all__ = ["blueprint"]

# Five sizes of points, by how many units are left beside the country with the most.
SIZES = ((0.5, 5), (0.25, 4), (0.1, 3), (0.03, 2), (0.0, 1))


@blueprint.get("/map")
def map() -> Response:  # noqa: A001 - the name that other pages link to
    """Every project on offer at its host Party, as a drawing and as a list that says the same."""
    regions = places()
    countries = {country.code: country for region in regions for country in region.countries}
    drawing = whole_map(list(countries))
    return make_response(
        render_template("catalog/map.html", regions=regions, countries=countries, map=drawing, sizes=_sizes(countries))
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
    return make_response(page, 422 if chosen.problem else 200)


def _error(chosen: Chosen) -> str | None:
    if chosen.problem == "unknown":
        return gettext("We have no project with the reference %(typed)s.", typed=chosen.typed)
    if chosen.problem == "too_many":
        return gettext(
            "No more than %(most)s projects fit beside each other. Take one out before you add %(typed)s.",
            most=MOST,
            typed=chosen.typed,
        )
    return None


def _sizes(countries: dict[str, Country]) -> dict[str, int]:
    most = max((country.units_left for country in countries.values()), default=1)
    return {
        code: next(size for share, size in SIZES if country.units_left >= share * most)
        for code, country in countries.items()
    }
