"""Cancellations that are not final: what the registry said, another look now, and an outcome stated by hand."""

from __future__ import annotations

from flask import abort, render_template, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from app.accounts.access import get_me, operators_only
from app.current import clock, now
from app.desk.acting import ActPage, act, blueprint, press, proposed
from app.desk.forms import SettleForm
from app.desk.orders import Talk, open_proposals
from app.desk.queries import CancellationRow, find_cancellation, open_cancellations
from app.desk.timeline import answer_words
from app.registry import inspection, settlement
from app.registry.ports import current_registries
from app.web.security import form_checks_token


@blueprint.get("/cancellations")
@operators_only
def cancellations() -> str:
    """Every cancellation that is not final, the oldest first."""
    return render_template("desk/cancellations.html", rows=open_cancellations(now()), at=now())


@blueprint.get("/cancellations/<reference>")
@operators_only
def cancellation(reference: str) -> str:
    """One cancellation with every question to the registry and every answer."""
    row, talk = _cancellation(reference)
    return render_template(
        "desk/cancellation.html",
        row=row,
        talk=talk,
        is_stuck=settlement.is_stuck(row.cancellation, now()),
        proposals=open_proposals(("cancellation", [row.cancellation.id])),
        answer_words=answer_words,
    )


@blueprint.post("/cancellations/<reference>/again")
@operators_only
def look_again(reference: str) -> Response:
    """Ask the registry now."""
    row, _talk = _cancellation(reference)
    cancellation_id = row.cancellation.id

    def do() -> str:
        inspection.look_again(cancellation_id, get_me().actor, current_registries(), clock())
        return gettext("The registry was asked again, or will be within the minute.")

    return press(do, url_for("desk.cancellation", reference=reference))


@blueprint.route("/cancellations/<reference>/settle", methods=["GET", "POST"])
@operators_only
@form_checks_token
def settle(reference: str) -> Response:
    """Propose what became of a cancellation, with the evidence."""
    row, _talk = _cancellation(reference)
    cancellation_id, form = row.cancellation.id, SettleForm()
    page = ActPage(
        title=gettext("State the outcome of cancellation %(reference)s", reference=reference),
        words=[
            gettext(
                "Only when the registry has told you by another way. It counts as the registry’s own answer: "
                "certificates or refunds follow, and nobody can undo it. Another operator has to agree."
            )
        ],
        facts=[
            (gettext("Reference at the registry"), reference),
            (gettext("Project"), row.cancellation.project_reference),
            (gettext("Units"), str(row.cancellation.units)),
        ],
        button=gettext("Propose this outcome"),
        back=url_for("desk.cancellation", reference=reference),
        is_serious=True,
    )

    def do() -> str:
        evidence = form.evidence.data or ""
        if form.outcome.data == "refused":
            settlement.propose_refused(cancellation_id, get_me().actor, evidence=evidence, now=now())
        else:
            settlement.propose_confirmed(
                cancellation_id,
                get_me().actor,
                registry_transaction=form.registry_transaction.data or "",
                completed_at=form.completed(),
                serials=form.serials.data or "",
                evidence=evidence,
                now=now(),
            )
        return proposed()

    return act(form, page, do)


def _cancellation(reference: str) -> tuple[CancellationRow, Talk]:
    found = find_cancellation(reference, now())
    if found is None:
        abort(404)
    return found
