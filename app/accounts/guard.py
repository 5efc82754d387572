"""One guard in front of every view. In the guarded rooms a view that says nothing is closed.

A view says who may see it by a mark (`app/accounts/access.py`); the guard compares the mark with the browser's
sign-in. Somebody without a sign-in is led to it; a page of another organisation, and every page of the operators,
does not exist for others (404); what one's own role does not cover is refused (403).
"""

from __future__ import annotations

from flask import Flask, abort, current_app, g, redirect, request, url_for
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response

from app.accounts.access import Access, Me, find_me, get_me, seats_of_me, seats_where
from app.accounts.kept_form import page_with_what_was_typed
from app.accounts.models import Membership, Organisation
from app.accounts.roles import Role
from app.kernel.security_log import Event, Outcome, tell

# Rooms in which every page must say who may see it.
GUARDED_ROOMS = frozenset({"desk", "sell", "account"})


def init_app(app: Flask) -> None:
    """Put the guard in front of every view, and tell every page who is signed in."""
    app.before_request(_guard)
    app.context_processor(lambda: {"me": _for_the_header(), "seats": seats_of_me, "seat": g.get("seat")})
    app.jinja_env.globals["has_page"] = lambda endpoint: endpoint in app.view_functions


def _for_the_header() -> Me | None:
    try:
        return find_me()
    except SQLAlchemyError:
        # The page that says the database is away has this header too.
        return None


def _guard() -> Response | None:
    # An application context may outlive one request; who asked in it does not.
    g.pop("me", None)
    g.pop("seat", None)
    view = current_app.view_functions.get(request.endpoint or "")
    access: Access | None = getattr(view, "access", None)
    if access is None:
        if view is not None and not hasattr(view, "is_public") and _room() in GUARDED_ROOMS:
            _tell("no mark", None)
            abort(404)
        return None
    me = find_me()
    if me is None:
        _tell("nobody is signed in", None)
        return _lead_to("account.sign_in")
    if access.operator and not me.is_operator:
        _tell("no operator", me)
        abort(404)
    if access.role is not None:
        _take_seat(me, access.role)
    if not (me.is_strong if access.strong else access.half or me.is_whole):
        _tell("second factor missing", me)
        return _lead_to("account.second_factor")
    if access.fresh and not me.is_fresh:
        return ask_again()
    return None


def ask_again() -> Response:
    """Ask for everything anew, and lead back here."""
    _tell("not shown of late", get_me())
    return _lead_to("account.prove")


def _lead_to(endpoint: str) -> Response:
    way_in = url_for(endpoint, next=_here())
    return page_with_what_was_typed(way_in) or redirect(way_in, 303)


def _tell(reason: str, me: Me | None) -> None:
    person = None if me is None else me.id
    tell(Event.ACCESS, Outcome.REFUSED, person=person, reason=reason, endpoint=request.endpoint or "")


def _take_seat(me: Me, role: Role) -> None:
    code = (request.view_args or {}).get("organisation", "")
    found = seats_where(Membership.person_id == me.id, Organisation.code == code)
    if not found:
        _tell("no member", me)
        abort(404)
    g.seat = found[0]
    if not found[0].role.covers(role):
        _tell("role too small", me)
        abort(403)


def _room() -> str:
    parts = request.path.split("/", 3)
    return parts[2] if len(parts) > 2 else ""


def _here() -> str | None:
    """Where somebody wanted to go, to be led back to; a form that was sent is opened again instead, if it can be."""
    if request.method in {"GET", "HEAD"}:
        return request.full_path.removesuffix("?")
    return request.path if request.url_rule is not None and "GET" in (request.url_rule.methods or ()) else None
