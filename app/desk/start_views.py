"""The first page of the desk: search, what waits, today."""

from __future__ import annotations

from flask import current_app, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.accounts.access import operators_only
from app.current import now, settings
from app.desk.acting import blueprint
from app.desk.queries import today
from app.desk.search import Hit, search
from app.desk.waiting import queues
from app.kernel.references import certificate_slug
from app.kernel.text import clean_line

# Where each queue is worked through.
QUEUE_PAGES = {
    "orders": "desk.orders",
    "refunds": "desk.refunds",
    "disputes": "desk.disputes",
    "cancellations": "desk.cancellations",
    "proposals": "desk.proposals",
    "applications": "desk_sellers.applications",
    "offers": "desk_offers.offers",
    "matches": "desk_screening.matches",
    "wordings": "desk.wordings",
    "complaints": "desk.complaints",
    "findings": "desk_reconciliation.books",
}


@blueprint.get("")
@operators_only
def start() -> Response:
    """Search everything with one box; the only exact hit is opened at once."""
    typed = clean_line(request.args.get("q", ""))
    hits = search(typed) if typed else []
    if len(hits) == 1:
        return redirect(address_of(hits[0]), 303)
    at = now()
    oldest_first = sorted(
        (queue for queue in queues().values() if queue.number),
        key=lambda queue: (queue.oldest is None, queue.oldest or at),
    )
    page = render_template(
        "desk/start.html",
        typed=typed,
        hits=[(hit, address_of(hit)) for hit in hits],
        queues=oldest_first,
        queue_address={name: _address(endpoint) for name, endpoint in QUEUE_PAGES.items()},
        today=today(at, settings().currency),
        at=at,
    )
    return make_response(page)


def address_of(hit: Hit) -> str:
    """The page on which a thing stands."""
    if hit.page == "order":
        return url_for("desk.order", reference=hit.key)
    if hit.page == "cancellation":
        return url_for("desk.cancellation", reference=hit.key)
    if hit.page == "complaint":
        return url_for("desk.complaint", slug=certificate_slug(hit.key))
    if hit.page == "person":
        return url_for("desk.person", person_id=int(hit.key))
    if hit.page == "participant":
        return url_for("desk.payout", code=hit.key)
    if hit.page == "offer":
        return url_for("desk_offers.offer", code=hit.key)
    return url_for("catalog.project", reference=hit.key)


def _address(endpoint: str) -> str:
    return url_for(endpoint) if endpoint in current_app.view_functions else ""
