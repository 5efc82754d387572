"""Signatures of the session and of form tokens: HMAC-SHA256, under SECRET_KEY and its former values.

Flask and Flask-WTF take HMAC-SHA1, itsdangerous' default. No attack on that is known; it is not approved any more.
"""

from __future__ import annotations

import hashlib

from flask import Flask, Response
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from itsdangerous import Signer, URLSafeTimedSerializer

from app.config import Settings


class SessionOfSha256(SecureCookieSessionInterface):
    """The session in a cookie, signed with HMAC-SHA256; former values of SECRET_KEY are read (Flask does it)."""

    digest_method = staticmethod(hashlib.sha256)

    def __init__(self, app: Flask) -> None:
        self._serializer = super().get_signing_serializer(app)

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """The one of the application, whose secrets do not change while it runs."""
        return self._serializer

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """As Flask's; a session that was only looked into, as most are, says so without the header being read anew."""
        if session.accessed and not (session.modified or session.permanent or "Vary" in response.headers):
            response.headers["Vary"] = "Cookie"
        else:
            super().save_session(app, session, response)


def init_app(app: Flask, settings: Settings) -> None:
    """Sign what browsers keep. It changes itsdangerous for the whole process."""
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SECRET_KEY_FALLBACKS=list(settings.secret_key_fallbacks),
        # The last of a list signs, the others are read: a form that was open survives a new secret.
        WTF_CSRF_SECRET_KEY=[*reversed(settings.secret_key_fallbacks), settings.secret_key],
    )
    app.session_interface = SessionOfSha256(app)
    # Flask-WTF makes its signer without a choice of digest.
    Signer.default_digest_method = staticmethod(hashlib.sha256)
