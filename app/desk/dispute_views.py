"""Disputes at the desk: the list, and one with everything that an answer to the bank needs."""

from __future__ import annotations

from flask import abort, render_template

from app.accounts.access import operators_only
from app.desk.acting import blueprint
from app.desk.orders import order_file
from app.desk.queries import dispute_rows, find_dispute
from app.payments.disputes import lost


@blueprint.get("/disputes")
@operators_only
def disputes() -> str:
    """Disputes that are not decided, the one that is to be answered first at the top; then those that are."""
    return render_template(
        "desk/disputes.html",
        open_ones=dispute_rows(are_open=True),
        decided=dispute_rows(are_open=False),
        borne=lost(),
    )


@blueprint.get("/disputes/<int(max=9223372036854775807):dispute_id>")
@operators_only
def dispute(dispute_id: int) -> str:
    """One dispute: what the gateway says, and the evidence."""
    found = find_dispute(dispute_id)
    if found is None:
        abort(404)
    dispute, order, payment = found
    return render_template("desk/dispute.html", dispute=dispute, order=order, payment=payment, file=order_file(order))
