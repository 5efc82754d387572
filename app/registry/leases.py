"""One writer for each registry account: a lease with a fencing number.

Real registries lose updates that arrive at the same time, and their calls cannot be made inside a transaction
that would hold a lock. So whoever writes takes a lease that ends by itself, later than all time limits of an
adapter's call together, and its number tells afterwards whether somebody took over.

Leases are written and compared by one clock, whatever the clocks of the machines say (`app.db.common_now`). Still, it
may be set while a lease lasts: one whose end lies further ahead than one lasts was taken while the clock was wrong, or
is looked at while it is. Nobody knows which, so only time that this process itself has measured ends it: it is void
once it has stood unchanged for as long as a lease lasts.
"""

from __future__ import annotations

import os
import socket
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, cast

from sqlalchemy import Row, Table, and_, bindparam, or_, select, update

from app.db import insert_once, rows_changed, write
from app.registry.models import RegistryLease

LENGTH = timedelta(seconds=60)
# A call that begins later than this may still write when the lease is over: adapters take up to half of it.
LATEST_CALL = LENGTH / 2

_LEASES = cast(Table, RegistryLease.__table__)
_OF_ACCOUNT = and_(_LEASES.c.registry_code == bindparam("code"), _LEASES.c.account == bindparam("of"))
_TAKEN = (
    update(_LEASES)
    .values(fence=_LEASES.c.fence + 1, holder=bindparam("me"), expires_at=bindparam("until"))
    .returning(_LEASES.c.fence)
)
_TAKE = _TAKEN.where(_OF_ACCOUNT, or_(_LEASES.c.holder.is_(None), _LEASES.c.expires_at <= bindparam("now")))
_TAKE_OVER = _TAKEN.where(_OF_ACCOUNT, _LEASES.c.fence == bindparam("seen"))
_HELD = select(_LEASES).where(_OF_ACCOUNT)
_GIVE_BACK = (
    update(_LEASES).where(_OF_ACCOUNT, _LEASES.c.fence == bindparam("mine")).values(holder=None, expires_at=None)
)
# By account: the lease that ends too far ahead, as it stood, and when this process first saw it so.
_watched: dict[tuple[str, str], tuple[tuple[Any, ...], float]] = {}


@dataclass(frozen=True)
class Lease:
    """The right to write to one account of one registry."""

    registry_code: str
    account: str
    fence: int


def take(registry_code: str, account: str, now: datetime) -> Lease | None:
    """Take the lease on an account for `LENGTH`, inside the caller's transaction; None while somebody has it.

    `now` is `common_now`: other machines compare with what is written.
    """
    wanted = {"code": registry_code, "of": account}
    taken = {**wanted, "me": _me(), "until": now + LENGTH}
    fence = write(_TAKE, {**taken, "now": now}).scalar()
    if fence is None:
        held = write(_HELD, wanted).one_or_none()
        if held is None:
            insert_once(
                RegistryLease, registry_code=registry_code, account=account, fence=0, holder=None, expires_at=None
            )
            fence = write(_TAKE, {**taken, "now": now}).scalar()
        elif _is_void(held, now):
            fence = write(_TAKE_OVER, {**taken, "seen": held.fence}).scalar()
    return None if fence is None else Lease(registry_code, account, fence)


def _is_void(held: Row[Any], now: datetime) -> bool:
    if held.expires_at is None or held.expires_at <= now + LENGTH:
        return False
    place, lease = (held.registry_code, held.account), tuple(held)
    if place not in _watched or _watched[place][0] != lease:
        _watched[place] = lease, monotonic()
    return monotonic() - _watched[place][1] >= LENGTH.total_seconds()


def give_back(lease: Lease) -> bool:
    """End a lease, inside the caller's transaction. False if somebody had taken over when it ran out."""
    given_back = write(_GIVE_BACK, {"code": lease.registry_code, "of": lease.account, "mine": lease.fence})
    return rows_changed(given_back) == 1


def _me() -> str:
    return f"{socket.gethostname()[:40]}:{os.getpid()}:{threading.get_ident()}"
