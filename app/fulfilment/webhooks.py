"""Where gateways say that something happened. The notice is kept; what it says is looked up."""

from __future__ import annotations

from flask import Blueprint, Response, abort, request

from app import jobs
from app.current import now
from app.kernel.security_log import Event, Outcome, tell
from app.payments import notices
from app.payments.ports import BadNotice, current_gateway
from app.web.security import no_form_token

blueprint = Blueprint("webhooks", __name__)


@blueprint.post("/webhooks/<gateway_name>")
@no_form_token
def receive(gateway_name: str) -> Response:
    """Verify on the raw bytes, store, answer; 400 for anything unsigned, without a trace in the tables."""
    gateway = current_gateway()
    if gateway.name != gateway_name:
        abort(404)
    try:
        event = gateway.parse_event(request.get_data(cache=False), dict(request.headers))
    except BadNotice as refusal:
        tell(Event.NOTICE, Outcome.REFUSED, reason=str(refusal.facts["reason"]), endpoint="webhooks.receive")
        return Response("bad notice\n", status=400, mimetype="text/plain")
    if event is not None:
        notices.store(gateway.name, event, now())
        jobs.wake()
    return Response("ok\n", mimetype="text/plain")
