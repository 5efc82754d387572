"""What keeps a page from being turned against its reader: headers, cookies, form tokens, host check."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

from flask import Flask, Response, abort, current_app, g, request
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response as WerkzeugResponse

from app import current
from app.config import Settings
from app.kernel.security_log import Event, Outcome, tell
from app.web import signing

View = TypeVar("View", bound=Callable[..., Any])
R = TypeVar("R", bound=WerkzeugResponse)

MAXIMUM_BYTES = 1_048_576
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
# Two years, as browsers' preload lists ask for.
STRICT_TRANSPORT = "max-age=63072000; includeSubDomains"
UNUSED_FEATURES = (
    "accelerometer", "autoplay", "camera", "display-capture", "encrypted-media", "geolocation", "gyroscope",
    "magnetometer", "microphone", "midi", "payment", "screen-wake-lock", "usb", "xr-spatial-tracking",
)  # fmt: skip
# Only pages with a form for them may ask for passkeys; `uses_passkeys` marks those.
PASSKEY_FEATURES = ("publickey-credentials-create", "publickey-credentials-get")
NO_STORE = "no-store"
NO_FEATURES = ", ".join(f"{feature}=()" for feature in (*UNUSED_FEATURES, *PASSKEY_FEATURES))
PASSKEYS_ONLY = ", ".join(
    (*(f"{feature}=()" for feature in UNUSED_FEATURES), *(f"{feature}=(self)" for feature in PASSKEY_FEATURES))
)
# Baskets, orders and payments are nobody else's business, whatever page of theirs is shown.
PRIVATE_BLUEPRINTS = frozenset({"account", "checkout", "testpay"})

csrf = CSRFProtect()


def init_app(app: Flask) -> None:
    """Set cookies and limits, check every request before its view, give every answer its headers."""
    settings: Settings = app.extensions["tonne.settings"]
    base = urlsplit(settings.public_base_url)
    is_https = base.scheme == "https"
    app.config.update(
        # Copies beside each other on one machine share cookies whatever their port is.
        SESSION_COOKIE_NAME="__Host-tonne" if is_https else f"tonne_{base.port or 80}",
        SESSION_COOKIE_PATH="/",
        SESSION_COOKIE_SECURE=is_https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PREFERRED_URL_SCHEME=base.scheme,
        MAX_CONTENT_LENGTH=MAXIMUM_BYTES,
        MAX_FORM_MEMORY_SIZE=MAXIMUM_BYTES,
        # A form that was open for hours is sent as it is; the token lives as long as the session.
        WTF_CSRF_TIME_LIMIT=None,
        # Order pages send no referrer; the browser's own word on the origin is checked instead.
        WTF_CSRF_SSL_STRICT=False,
    )
    signing.init_app(app, settings)
    if settings.trusted_proxies:
        count = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)  # type: ignore[method-assign]  # Flask's own way
    app.before_request(_note_privacy)
    app.before_request(_refuse_nul)
    app.before_request(_check_host)
    app.before_request(_check_size)
    app.before_request(_check_origin)
    csrf.init_app(app)
    app.after_request(_add_headers)


def form_checks_token(view: View) -> View:
    """Mark a view whose FlaskForm checks the token itself.

    Instead of the page for a refused form, the view shows its own again: with the error, and with
    everything that was typed.
    """
    view.shows_form_again = True  # type: ignore[attr-defined]  # functions take attributes
    return cast(View, csrf.exempt(view))


def shows_form_again(view: Callable[..., Any] | None) -> bool:
    """Whether a view carries the mark `form_checks_token`."""
    return hasattr(view, "shows_form_again")


def no_form_token(view: View) -> View:
    """Mark a view that other programs call and that checks a signature instead of a form token."""
    return cast(View, csrf.exempt(view))


def uses_passkeys(view: View) -> View:
    """Mark a view whose page may ask the browser for a passkey."""
    view.uses_passkeys = True  # type: ignore[attr-defined]  # functions take attributes
    return view


def takes_up_to(maximum: int) -> Callable[[View], View]:
    """Mark a view that takes larger uploads than others: `maximum` bytes of a whole request."""

    def marked(view: View) -> View:
        view.maximum_bytes = maximum  # type: ignore[attr-defined]  # functions take attributes
        return view

    return marked


def any_host(view: View) -> View:
    """Mark a view for machines beside this one: it makes no link, so the name it is called by does not matter."""
    view.is_for_any_host = True  # type: ignore[attr-defined]  # functions take attributes
    return view


def forget_pages(response: R) -> R:
    """Tell the browser to throw away what it kept of our pages: somebody signed out."""
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


def is_private() -> bool:
    """Whether the present page belongs to one person: no cache, no search engine, no alternates.

    Pages that ask who somebody is (`app.accounts.access`) carry the mark `access`.
    """
    return request.blueprint in PRIVATE_BLUEPRINTS or hasattr(_view(), "access") or is_secret_address()


def _view() -> Callable[..., Any] | None:
    return current_app.view_functions.get(request.endpoint or "")


def is_secret_address() -> bool:
    """Whether knowing the present address is all it takes to see the page."""
    return "token" in (request.view_args or {}) or "code" in request.args or request.blueprint == "testpay"


def _refuse_nul() -> None:
    # PostgreSQL has no text with U+0000, and nobody types one.
    if "\x00" in request.path:
        abort(404)
    arguments = (text for pair in request.args.items(multi=True) for text in pair)
    if any("\x00" in text for text in (*arguments, *request.cookies.values())):
        abort(400)


def _check_host() -> None:
    settings = current.settings()
    if _is_ours(request.host, settings.public_base_url, settings.is_production) or hasattr(_view(), "is_for_any_host"):
        return
    tell(Event.HOST, Outcome.REFUSED, endpoint=request.endpoint or "")
    abort(400)


@lru_cache(maxsize=64)
def _is_ours(host: str, public_base_url: str, is_production: bool) -> bool:
    allowed = {urlsplit(public_base_url).hostname}
    if not is_production:
        allowed |= LOOPBACK
    return urlsplit(f"//{host}").hostname in allowed


def _check_size() -> None:
    maximum = getattr(_view(), "maximum_bytes", MAXIMUM_BYTES)
    request.max_content_length = maximum
    request.max_form_memory_size = maximum
    # Werkzeug refuses only what a view reads.
    if (request.content_length or 0) > maximum:
        abort(413)


def _note_privacy() -> None:
    g.is_private = is_private()


def _check_origin() -> None:
    # Sent by every browser of today on https and loopback, and not to be forged by a page.
    if request.method not in SAFE_METHODS and request.headers.get("Sec-Fetch-Site") in {"cross-site", "same-site"}:
        raise CSRFError("sent from another site")


def form_without_token(view: View) -> View:
    """Mark a view whose form stands on pages that visitors share, so that it carries no token of one of them.

    The browser's own word on the origin is checked instead: `Sec-Fetch-Site` on every form, and here
    also `Origin`, for browsers that send only that. Cookies are SameSite=Lax and do not travel with a
    form of another site, so the view must do nothing that a stranger without cookies may not do.
    """

    @wraps(view)
    def checked(*args: Any, **kwargs: Any) -> Any:
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).hostname != urlsplit(f"//{request.host}").hostname:
            raise CSRFError("sent from another site")
        return view(*args, **kwargs)

    return cast(View, csrf.exempt(checked))


def _add_headers(response: Response) -> Response:
    private = is_private()
    headers = _headers_for(
        form_targets=_form_targets(),
        uses_passkeys=hasattr(_view(), "uses_passkeys"),
        is_secret=is_secret_address(),
        is_https=current.settings().public_base_url.startswith("https://"),
        is_private=private,
        is_file=request.endpoint == "static" and response.status_code < 400,
    )
    # All at once: werkzeug looks through what is there for each that is set alone.
    said = {name.lower() for name, _value in response.headers}
    if private and "cache-control" in said:
        response.headers["Cache-Control"] = NO_STORE
    # Whatever else a view said itself stays.
    response.headers.extend([(name, value) for name, value in headers if name.lower() not in said])
    return response


@lru_cache(maxsize=64)
def _headers_for(
    form_targets: tuple[str, ...],
    *,
    uses_passkeys: bool,
    is_secret: bool,
    is_https: bool,
    is_private: bool,
    is_file: bool,
) -> tuple[tuple[str, str], ...]:
    """What keeps one kind of answer from being turned against its reader."""
    headers = {
        "Content-Security-Policy": _content_policy(form_targets),
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": PASSKEYS_ONLY if uses_passkeys else NO_FEATURES,
        "Referrer-Policy": "no-referrer" if is_secret else "same-origin",
    }
    if is_https:
        headers["Strict-Transport-Security"] = STRICT_TRANSPORT
    if is_private:
        headers |= {"Cache-Control": NO_STORE, "X-Robots-Tag": "noindex"}
    elif not is_file:
        # Units left are never older than a second, and the basket in the header is the reader's own.
        headers["Cache-Control"] = "private, no-cache"
    return tuple(headers.items())


def _form_targets() -> tuple[str, ...]:
    # A form answered by a redirect to the payment page is blocked unless that origin is listed.
    gateway = current_app.extensions.get("tonne.gateway") if request.blueprint == "checkout" else None
    return tuple(gateway.hosted_page_origins()) if gateway else ()


def _content_policy(form_targets: tuple[str, ...]) -> str:
    form_action = " ".join(("'self'", *form_targets))
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; manifest-src 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; "
        f"form-action {form_action}"
    )
