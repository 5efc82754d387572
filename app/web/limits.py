"""How often one address may try: counted in the database, so it holds across processes and restarts.

Fixed windows by Flask-Limiter. A counter that cannot be read never stops a sale: the request goes
through, and the log says so.
"""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, TypeVar

from flask import Flask, current_app, request
from flask_limiter import Limiter
from limits.storage import Storage
from sqlalchemy import Connection, Integer, bindparam, case, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response

from app import current
from app.db import db
from app.dialects import taking_the_write_lock
from app.web.models import RateLimit
from app.web.security import SAFE_METHODS

SECONDS_TO_WAIT_FOR_A_LOCK = 2
ROWS_PURGED_AT_ONCE = 500
# Requests at once look at the clock in another order than they are counted in, and machines have clocks of their own.
CLOCKS_APART = timedelta(minutes=1)
# One household or server usually has a whole network of this size to itself.
IPV6_PREFIX = 64
SEE_OTHER = 303

View = TypeVar("View", bound=Callable[..., Any])

_log = logging.getLogger(__name__)


def _count(insert: Callable[..., Any]) -> Any:
    """The statement that counts on, or begins to count anew when the window is over."""
    amount, ends_at = bindparam("amount", type_=Integer()), bindparam("ends_at", type_=RateLimit.expires_at.type)
    # A window that ends well after one that begins now was begun while the clock was wrong.
    too_late = bindparam("too_late", type_=RateLimit.expires_at.type)
    is_over = (RateLimit.expires_at <= bindparam("now")) | (RateLimit.expires_at > too_late)
    return (
        insert(RateLimit)
        .values(key=bindparam("of"), hits=amount, expires_at=ends_at)
        .on_conflict_do_update(
            index_elements=[RateLimit.key],
            set_={
                "hits": case((is_over, amount), else_=RateLimit.hits + amount),
                "expires_at": case((is_over, ends_at), else_=RateLimit.expires_at),
            },
        )
        .returning(RateLimit.hits)
    )


# Said once: each form that is sent asks.
_COUNT = {"postgresql": _count(postgresql.insert), "sqlite": _count(sqlite.insert)}


class DatabaseStorage(Storage):
    """Counters in the table `rate_limit`, each change one statement in a short transaction of its own."""

    STORAGE_SCHEME = ["tonne"]

    @property
    def base_exceptions(self) -> type[Exception]:
        """What may go wrong here."""
        return SQLAlchemyError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count `amount` more uses in the window of `expiry` seconds; returns the uses so far."""
        now = current.now()
        ends_at = now + timedelta(seconds=expiry)
        facts = {"of": key, "amount": amount, "now": now, "ends_at": ends_at, "too_late": ends_at + CLOCKS_APART}
        try:
            with _own_transaction() as connection:
                hits: int = connection.execute(_COUNT[connection.dialect.name], facts).scalar_one()
            if hits == amount:
                self._purge()
        except SQLAlchemyError as error:
            _log.warning("limit not counted", extra={"facts": {"error": type(error).__name__}})
            return 0
        return hits

    def get(self, key: str) -> int:
        """Uses so far in the present window."""
        row = self._find(key)
        return row[0] if row else 0

    def get_expiry(self, key: str) -> float:
        """When the present window ends, in seconds since 1970 by the application's clock."""
        row = self._find(key)
        return row[1] if row else current.now().timestamp()

    def check(self) -> bool:
        """Whether the table can be read."""
        try:
            with db.engine.connect() as connection:
                connection.execute(select(RateLimit.key).limit(1))
        except SQLAlchemyError:
            return False
        return True

    def reset(self) -> int:
        """Forget every counter; returns how many there were."""
        with _own_transaction() as connection:
            return connection.execute(delete(RateLimit)).rowcount

    def clear(self, key: str) -> None:
        """Forget one counter."""
        with _own_transaction() as connection:
            connection.execute(delete(RateLimit).where(RateLimit.key == key))

    def _find(self, key: str) -> tuple[int, float] | None:
        now = current.now()
        wanted = select(RateLimit.hits, RateLimit.expires_at).where(RateLimit.key == key, RateLimit.expires_at > now)
        try:
            with db.engine.connect() as connection:
                row = connection.execute(wanted).one_or_none()
        except SQLAlchemyError as error:
            _log.warning("limit not read", extra={"facts": {"error": type(error).__name__}})
            return None
        return (row.hits, row.expires_at.timestamp()) if row else None

    def _purge(self) -> None:
        # Rows that another process is counting on at this moment are left to it.
        over = (
            select(RateLimit.key)
            .where(RateLimit.expires_at <= current.now())
            .limit(ROWS_PURGED_AT_ONCE)
            .with_for_update(skip_locked=True)
        )
        with _own_transaction() as connection:
            connection.execute(delete(RateLimit).where(RateLimit.key.in_(over)))


@contextmanager
def _own_transaction() -> Iterator[Connection]:
    """A connection beside the session's, that gives up soon when the database is busy, and waits for no disk."""
    with db.engine.connect() as connection, taking_the_write_lock(lasting=False):
        if connection.dialect.name == "postgresql":
            with connection.begin():
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{SECONDS_TO_WAIT_FOR_A_LOCK}s'")
                yield connection
            return
        # Outside SQLAlchemy, which would begin a transaction for it, and that waits already.
        driver: Any = connection.connection.dbapi_connection
        patience = driver.execute("PRAGMA busy_timeout").fetchone()[0]
        driver.execute(f"PRAGMA busy_timeout = {SECONDS_TO_WAIT_FOR_A_LOCK * 1000}")
        try:
            with connection.begin():
                yield connection
        finally:
            driver.execute(f"PRAGMA busy_timeout = {patience}")


def remote_address() -> str:
    """Who asks: an IPv4 address, or the network of an IPv6 one."""
    try:
        address = ip_address(request.remote_addr or "")
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ip_network((address, IPV6_PREFIX), strict=False))
    return str(address)


def _order_page() -> str:
    # Hashed: whoever reads the table must not be able to open the page.
    token = str((request.view_args or {}).get("token", remote_address()))
    return hashlib.sha256(token.encode()).hexdigest()[:32]


def _is_only_looking() -> bool:
    return request.method in SAFE_METHODS


def _is_no_lookup() -> bool:
    return request.method in SAFE_METHODS and not request.view_args


class OfViews(Limiter):
    """Counts where a view with a limit begins.

    Flask-Limiter looks before every request too, for limits of the whole application, its default ones and those of
    its blueprints: there are none.
    """

    def _check_request_limit(self, callable_name: str | None = None, in_middleware: bool = True) -> None:
        if not in_middleware:
            super()._check_request_limit(callable_name, in_middleware)


limiter = OfViews(key_func=remote_address, storage_uri="tonne://database", strategy="fixed-window")

limit_checkout = limiter.shared_limit(
    lambda: current.settings().limit_checkout, scope="checkout", exempt_when=_is_only_looking
)
limit_verify = limiter.shared_limit(lambda: current.settings().limit_verify, scope="verify", exempt_when=_is_no_lookup)
limit_resend = limiter.shared_limit(
    lambda: current.settings().limit_resend, scope="resend", key_func=_order_page, exempt_when=_is_only_looking
)
limit_files = limiter.shared_limit(lambda: current.settings().limit_files, scope="files")
# A mistake in the form costs nothing: only what was taken in counts.
limit_complaint = limiter.shared_limit(
    lambda: current.settings().limit_complaint,
    scope="complaint",
    exempt_when=_is_only_looking,
    deduct_when=lambda response: response.status_code == SEE_OTHER,
)
# Passwords, codes and passkeys alike: right or wrong, each is a try.
limit_sign_in = limiter.shared_limit(
    lambda: current.settings().limit_sign_in, scope="sign_in", exempt_when=_is_only_looking
)
limit_account_mail = limiter.shared_limit(
    lambda: current.settings().limit_account_mail,
    scope="account_mail",
    exempt_when=_is_only_looking,
    deduct_when=lambda response: response.status_code == SEE_OTHER,
)


def when_limited(page: Callable[..., Response]) -> Callable[[View], View]:
    """Mark a view that answers a request over the limit with a page of its own, so that nothing typed is lost.

    `page` is called with the arguments of the view and `try_again`, a sentence; status and header are
    set by whoever calls it.
    """

    def marked(view: View) -> View:
        view.when_limited = page  # type: ignore[attr-defined]  # functions take attributes
        return view

    return marked


def page_when_limited(try_again: str) -> Response | None:
    """The page of its own that the present view has for a request over the limit."""
    page = getattr(current_app.view_functions.get(request.endpoint or ""), "when_limited", None)
    return page(**(request.view_args or {}), try_again=try_again) if page else None


def init_app(app: Flask) -> None:
    """Bind the limiter; views take the limits above."""
    limiter.init_app(app)
    # It would write the reader's address for every refusal; the request's own line has the status.
    limiter.logger.setLevel(logging.WARNING)


def seconds_to_wait() -> int:
    """Whole seconds until the limit that stopped this request lets it through, at least 1."""
    stopped = limiter.current_limit
    if stopped is None:
        return 60
    return max(1, math.ceil(limiter.storage.get_expiry(stopped.key) - current.now().timestamp()))
