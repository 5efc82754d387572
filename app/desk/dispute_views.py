"""Disputes at the desk: the list, and one with everything that an answer to the bank needs."""

from __future__ import annotations

from flask import abort, render_template

from app.accounts.access import operators_only
from app.checkout.models import Order
from app.db import db
from app.desk.acting import blueprint
from app.desk.orders import order_file
from app.desk.queries import dispute_rows, find_dispute
from app.payments.disputes import lost, orders_of


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
    # What was bought with the same money instead of units that a registry refused is evidence as well.
    files = [order_file(db.session.get_one(Order, order_id)) for order_id in orders_of(payment.id)]
    return render_template("desk/dispute.html", dispute=dispute, order=order, payment=payment, files=files)
