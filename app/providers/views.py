"""The public card of a participant."""

from __future__ import annotations

from flask import Blueprint, abort, make_response, render_template
from werkzeug.wrappers import Response

from app.providers import queries
from app.providers.ports import current_surroundings
from app.web.i18n import current_language

blueprint = Blueprint("sellers", __name__, url_prefix="/<lang>/sellers")


@blueprint.get("/<seller>")
def card(seller: str) -> Response:
    """Who sells: legal name, country, since when, in its own words, and the projects on sale."""
    provider = queries.find_provider_by_code(seller)
    if provider is None:
        abort(404)
    return make_response(
        render_template(
            "sellers/card.html",
            provider=provider,
            about=provider.about.get(current_language()) or next(iter(provider.about.values()), ""),
            projects=current_surroundings().on_sale(provider.id),
        )
    )
