"""Disputes at the desk: the list, and one with everything that an answer to the bank needs."""

from __future__ import annotations

from flask import abort, render_template

from app.accounts.access import operators_only
from app.current import now
from app.desk.acting import blueprint
from app.desk.orders import order_file
from app.desk.queries import borne_by_the_house, dispute_rows, find_dispute
from app.payments.states import STANDING


@blueprint.get("/disputes")
@operators_only
def disputes() -> str:
    """Disputes that are not decided, the one that is to be answered first at the top; then those that are."""
    rows = dispute_rows()
    return render_template(
        "desk/disputes.html",
        open_ones=[row for row in rows if row[0].state in STANDING],
        decided=[row for row in reversed(rows) if row[0].state not in STANDING],
        borne=borne_by_the_house(),
        at=now(),
    )


@blueprint.get("/disputes/<int(max=9223372036854775807):dispute_id>")
@operators_only
def dispute(dispute_id: int) -> str:
    """One dispute: what the gateway says, and the evidence."""
    found = find_dispute(dispute_id)
    if found is None:
        abort(404)
    dispute, order, payment = found
    file = order_file(order)
    return render_template("desk/dispute.html", dispute=dispute, order=order, payment=payment, file=file, at=now())
