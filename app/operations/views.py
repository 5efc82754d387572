"""Numbers for the machine that watches over this one."""

from __future__ import annotations

import hmac
from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, request
from prometheus_client import CONTENT_TYPE_LATEST

from app import current
from app.operations.metrics import text_of_metrics
from app.web.security import LOOPBACK, any_host

bp = Blueprint("operations", __name__)

# A request that has one of these came through somebody else, whoever the peer is.
PROXY_HEADERS = ("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Forwarded", "Via")


@bp.get("/metrics")
@any_host
def metrics() -> Response:
    """All numbers, for whoever shows the token; without a token in the settings, for programs on this machine."""
    token = current.settings().metrics_token
    if token:
        if not _shows(token):
            refusal = Response("This needs the token of METRICS_TOKEN.\n", status=401, mimetype="text/plain")
            refusal.headers["WWW-Authenticate"] = 'Bearer realm="metrics"'
            return refusal
    elif not _is_from_this_machine():
        abort(404)
    response = Response(text_of_metrics(), content_type=CONTENT_TYPE_LATEST)
    response.headers["Cache-Control"] = "no-store"
    return response


def _shows(token: str) -> bool:
    kind, _, shown = request.headers.get("Authorization", "").partition(" ")
    return kind.lower() == "bearer" and hmac.compare_digest(shown.strip().encode(), token.encode())


def _is_from_this_machine() -> bool:
    # A page of a stranger can make a browser on this machine ask, but only under the stranger's name.
    if urlsplit(f"//{request.host}").hostname not in LOOPBACK or any(name in request.headers for name in PROXY_HEADERS):
        return False
    try:
        return ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False
