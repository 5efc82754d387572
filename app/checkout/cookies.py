"""The basket's cookie: a random token, nothing else."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Response, request

from app.current import settings

LIFE = 60 * 60 * 24 * 30  # seconds


def basket_token() -> str | None:
    """The token the browser sent, if any."""
    return request.cookies.get(_name())


def keep_basket(response: Response, token: str) -> Response:
    """Give the browser the token: not readable by scripts, not sent from other sites."""
    response.set_cookie(_name(), token, max_age=LIFE, httponly=True, secure=_is_secure(), samesite="Lax", path="/")
    return response


def _is_secure() -> bool:
    return settings().public_base_url.startswith("https://")


def _name() -> str:
    # Copies beside each other on one machine share cookies whatever their port is.
    return "__Host-basket" if _is_secure() else f"basket_{urlsplit(settings().public_base_url).port or 80}"
