"""Calm pages for everything that can go wrong, in the reader's language."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass

from flask import Flask, Response, jsonify, make_response, render_template, request
from flask_babel import LazyString, lazy_gettext, ngettext
from flask_wtf.csrf import CSRFError
from markupsafe import Markup
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.wrappers import Response as BaseResponse

from app.db import db
from app.kernel.errors import Outage
from app.kernel.security_log import Event, Outcome, tell
from app.web import i18n, limits, logs

SECONDS_UNTIL_BACK = 30
# Refusals that somebody may have tried to pass.
TOLD = {413: Event.SIZE, 429: Event.LIMIT}

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Words:
    """What an error page says: what happened, why, and what to do."""

    title: LazyString
    message: LazyString
    what_next: LazyString


class UnknownOrder(NotFound):
    """Raised for an address of an order that leads to none; whoever sees it most often lost a part of the link."""


UNREADABLE = Words(
    lazy_gettext("We could not read that"),
    lazy_gettext("Your browser sent something that this page does not understand."),
    lazy_gettext("Go back and try again. If that does not help, start from the first page."),
)
FORM_REFUSED = Words(
    lazy_gettext("Please send that again"),
    lazy_gettext("The form was open in another session, or your browser does not keep cookies from this site."),
    lazy_gettext("Go back, reload the page and send the form again. What you sent just now was not carried out."),
)
ORDER_UNKNOWN = Words(
    lazy_gettext("We cannot find this order"),
    lazy_gettext("There is no order at this address. Links to orders are long, and every letter counts."),
    lazy_gettext("Copy the whole link from the mail. If that does not help, write to us."),
)
BROKEN = Words(
    lazy_gettext("Something went wrong on our side"),
    lazy_gettext("The fault is ours and has been recorded."),
    lazy_gettext(
        "Try again in a minute. If you have just paid, do not pay again: your order page shows where things stand."
    ),
)
WORDS = {
    400: UNREADABLE,
    403: Words(
        lazy_gettext("This page is not open to you"),
        lazy_gettext("You may not see this page or do what you tried."),
        lazy_gettext("Go back, or start from the first page."),
    ),
    404: Words(
        lazy_gettext("We cannot find this page"),
        lazy_gettext("The address may be mistyped or incomplete, or the page is no longer there."),
        lazy_gettext("Check the address. If it came in a mail, copy the whole link."),
    ),
    405: Words(
        lazy_gettext("This address works differently"),
        lazy_gettext("It only takes what a form sends, and no form was sent."),
        lazy_gettext("Go back to the page with the form, or start from the first page."),
    ),
    413: Words(
        lazy_gettext("That is too much at once"),
        lazy_gettext("What you sent is larger than one megabyte."),
        lazy_gettext("Go back, shorten it and send it again."),
    ),
    429: Words(
        lazy_gettext("Too many tries"),
        lazy_gettext("Many requests came from your address in a short time."),
        lazy_gettext("Wait a moment and try again."),
    ),
    500: BROKEN,
    503: Words(
        lazy_gettext("We are not available for a moment"),
        lazy_gettext("The site is busy or being looked after."),
        lazy_gettext(
            "Try again in a minute. If you have just paid, do not pay again: your order page shows where things stand."
        ),
    ),
}


def init_app(app: Flask) -> None:
    """Answer every refusal and every fault with a page, or with RFC 9457 JSON for programs."""
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(CSRFError, form_refused)
    for outage in (OperationalError, InterfaceError, PoolTimeout, Outage):
        app.register_error_handler(outage, _away)


def _http_error(error: HTTPException) -> BaseResponse:
    code = error.code or 500
    words = WORDS.get(code) or (BROKEN if code >= 500 else UNREADABLE)
    if isinstance(error, UnknownOrder):
        words = ORDER_UNKNOWN
    if code in TOLD:
        tell(TOLD[code], Outcome.REFUSED, endpoint=request.endpoint or "")
    headers = dict(error.get_headers())
    headers.pop("Content-Type", None)
    what_next = str(words.what_next)
    if code == 429:
        seconds = limits.seconds_to_wait()
        headers["Retry-After"] = str(seconds)
        what_next = _wait(seconds)
        own = None if wants_json() else limits.page_when_limited(what_next)
        if own is not None:
            own.status_code = code
            own.headers.update(headers)
            return own
    if code == 503:
        headers.setdefault("Retry-After", str(SECONDS_UNTIL_BACK))
    reference = logs.request_id() if code >= 500 else None
    return _answer(code, words, what_next, headers, reference)


def form_refused(error: CSRFError) -> Response:
    """What became of a form that cannot be traced to a page of this session: nothing."""
    tell(Event.FORM, Outcome.REFUSED, reason=str(error.description), endpoint=request.endpoint or "")
    return _answer(400, FORM_REFUSED, str(FORM_REFUSED.what_next), {}, None)


def _away(error: Exception) -> Response:
    _log.error("%s unavailable", "registry or gateway" if isinstance(error, Outage) else "database", exc_info=error)
    headers = {"Retry-After": str(SECONDS_UNTIL_BACK)}
    return _answer(503, WORDS[503], str(WORDS[503].what_next), headers, logs.request_id())


def _wait(seconds: int) -> str:
    if seconds < 60:
        return str(ngettext("Try again in %(num)s second.", "Try again in %(num)s seconds.", seconds))
    minutes = math.ceil(seconds / 60)
    return str(ngettext("Try again in %(num)s minute.", "Try again in %(num)s minutes.", minutes))


def _answer(code: int, words: Words, what_next: str, headers: dict[str, str], reference: str | None) -> Response:
    if wants_json():
        body = {"type": "about:blank", "title": str(words.title), "status": code, "detail": str(words.message)}
        response = jsonify(body | ({"reference": reference} if reference else {}))
        response.mimetype = "application/problem+json"
    else:
        context = {
            "code": code,
            "title": str(words.title),
            "message": str(words.message),
            "what_next": what_next,
            "reference": reference,
        }
        response = make_response(_page(context))
    response.status_code = code
    response.headers.update(headers)
    if i18n.is_negotiated():
        i18n.vary_by_reader(response)
    return response


def wants_json() -> bool:
    """Whether the client takes JSON and no HTML. One that names nothing gets a page, or JSON at an address of data."""
    accepted = request.accept_mimetypes
    if request.path.endswith(".json") and "text/html" not in accepted.values():
        return True
    return not accepted.accept_html and (accepted.accept_json or accepted.quality("application/problem+json") > 0)


def _page(context: dict[str, object]) -> str:
    try:
        # Whatever failed may have left the session in a state that the page's header cannot read from.
        db.session.rollback()
        return render_template("errors/error.html", **context)
    except Exception:  # noqa: BLE001 - what broke the page must not break the page that says so
        _log.exception("error page failed")
        return Markup(
            '<!doctype html><html lang="{lang}"><meta charset="utf-8"><title>{title}</title>'
            "<h1>{title}</h1><p>{message}</p><p>{what_next}</p><p>{reference}</p></html>"
        ).format(lang=i18n.current_language(), **{**context, "reference": context["reference"] or ""})
