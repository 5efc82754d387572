"""Direct cancellations that wait for an operator, on the desk."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from app import jobs
from app.accounts.access import get_me, operators_only
from app.current import now, settings
from app.direct import service
from app.direct.queries import find_id, held_cancellations
from app.kernel.errors import Refusal
from app.providers.messages import OWN_ORGANISATION
from app.registry.ports import current_registries

blueprint = Blueprint("desk_direct", __name__, url_prefix="/<lang>/desk/direct-cancellations")


@blueprint.get("")
@operators_only
def held() -> str:
    """Those that are held, the longest first."""
    return render_template("desk/direct.html", lines=held_cancellations(), problem=None)


@blueprint.post("/<reference>")
@operators_only
def decide(reference: str) -> Response | tuple[str, int]:
    """Let one go, or refuse it, with the reason."""
    direct_id = find_id(reference)
    if direct_id is None:
        abort(404)
    reason, actor = request.form.get("reason", ""), get_me().actor
    try:
        if request.form.get("decision") == "refuse":
            service.refuse(direct_id, actor, reason, settings=settings(), now=now())
        else:
            service.let_go(direct_id, actor, reason, registries=current_registries(), now=now())
    except Refusal as refusal:
        problem = {"reference": reference, "reason": reason, "sentence": _sentence(refusal)}
        return render_template("desk/direct.html", lines=held_cancellations(), problem=problem), 422
    jobs.wake()
    flash(gettext("Decided about %(reference)s.", reference=reference), "info")
    return redirect(url_for("desk_direct.held"), 303)


def _sentence(refusal: Refusal) -> str:
    if refusal.code == "reason_missing":
        return gettext("Enter the reason.")
    if refusal.code == "match_open":
        return gettext("A name is like one on a sanctions list, and nobody has cleared it. Look at the likeness first.")
    if refusal.code == "registry_lost":
        return gettext("The registry of its units is not connected any more. Connect it again first, or refuse it.")
    if refusal.code == "own_organisation":
        return str(OWN_ORGANISATION)
    return gettext("It is not held any more.")
