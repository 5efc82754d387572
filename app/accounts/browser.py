"""What a view puts into the browser's session, and takes out of it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import after_this_request, make_response, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from app.accounts.access import SESSION_KEY, forget_me, known_token
from app.accounts.adapters import webauthn
from app.accounts.adapters.webauthn import Question
from app.accounts.errors import AddressTaken
from app.accounts.service.sessions import KNOWN_FOR
from app.accounts.words import describe
from app.current import settings
from app.kernel.errors import Refusal
from app.kernel.sealing import SealBroken, SealFor, seal_text, unseal_text

_STATE = "passkey"
_CODES = "recovery_codes"


def enter(token: str) -> None:
    """Give the browser the token of its sign-in. Whatever was in its session before is gone: nobody can plant one."""
    session.clear()
    session[SESSION_KEY] = token
    session.permanent = False
    forget_me()
    _keep_known(known_token(token))


def _keep_known(known: str) -> None:
    # Stays when the sign-in is over: whoever guesses passwords elsewhere does not lock this browser out.
    @after_this_request
    def _set(response: Response) -> Response:
        response.set_cookie(
            _known_cookie(), known, max_age=KNOWN_FOR, httponly=True, secure=_is_https(), samesite="Lax", path="/"
        )
        return response


def known() -> str:
    """What this browser keeps of an earlier sign-in; empty where there was none."""
    return request.cookies.get(_known_cookie(), "")


def _known_cookie() -> str:
    # Copies beside each other on one machine share cookies whatever their port is.
    base = urlsplit(settings().public_base_url)
    return "__Host-known" if _is_https() else f"known_{base.port or 80}"


def _is_https() -> bool:
    return settings().public_base_url.startswith("https://")


def leave() -> None:
    """Forget the sign-in and everything else in the session."""
    session.clear()
    forget_me()


def user_agent() -> str:
    """What the browser says it is."""
    return request.headers.get("User-Agent", "")


def ask_for_passkey() -> Question | None:
    """A question for a passkey, its state kept in the session; None where browsers have none."""
    if not webauthn.are_possible(settings()):
        return None
    return keep(webauthn.ask_for_known(settings()))


def keep(question: Question) -> Question:
    """Keep the state of a question until its answer comes."""
    session[_STATE] = question.state
    return question


def take_state() -> dict[str, Any] | None:
    """The state of the last question, once."""
    state = session.pop(_STATE, None)
    return state if isinstance(state, dict) else None


def keep_codes(codes: tuple[str, ...]) -> None:
    """Carry new recovery codes to the page that shows them, sealed: the cookie can be read."""
    session[_CODES] = seal_text(" ".join(codes), settings().keyring, SealFor.RECOVERY_CODES)


def take_codes() -> list[str]:
    """The codes to be shown, once."""
    try:
        return unseal_text(str(session.pop(_CODES, "")), settings().keyring, SealFor.RECOVERY_CODES).split()
    except SealBroken:
        return []


def to(endpoint: str, **values: Any) -> Response:
    """Lead to a page after a form."""
    return redirect(url_for(endpoint, **values), 303)


def add_error(field: Any, refusal: Refusal) -> None:
    """Say beside a field why it cannot be taken."""
    field.errors = [*field.errors, describe(refusal)]


def link_gone(refusal: Refusal) -> Response:
    """The page for a link that no longer works, with the ways on."""
    is_taken = isinstance(refusal, AddressTaken)
    page = render_template("account/link_gone.html", message=describe(refusal), is_taken=is_taken)
    return make_response(page, 410)
