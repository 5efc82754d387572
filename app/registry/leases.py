"""One writer for each registry account: a lease with a fencing number.

Real registries lose updates that arrive at the same time, and their calls cannot be made inside a transaction
that would hold a lock. So whoever writes takes a lease that ends by itself, later than all time limits of an
adapter's call together, and its number tells afterwards whether somebody took over.
"""

from __future__ import annotations

import os
import socket
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, update

from app.db import db, insert_once, rows_changed
from app.registry.models import RegistryLease

LENGTH = timedelta(seconds=60)


@dataclass(frozen=True)
class Lease:
    """The right to write to one account of one registry."""

    registry_code: str
    account: str
    fence: int


def take(registry_code: str, account: str, now: datetime) -> Lease | None:
    """Take the lease on an account for `LENGTH`, inside the caller's transaction; None while somebody has it."""
    row = RegistryLease
    of_account = (row.registry_code == registry_code, row.account == account)
    taking = (
        update(row)
        .where(*of_account, or_(row.holder.is_(None), row.expires_at <= now))
        .values(fence=row.fence + 1, holder=_me(), expires_at=now + LENGTH)
        .returning(row.fence)
        .execution_options(synchronize_session=False)
    )
    fence = db.session.scalar(taking)
    if fence is None and insert_once(
        row, registry_code=registry_code, account=account, fence=0, holder=None, expires_at=None
    ):
        fence = db.session.scalar(taking)
    return None if fence is None else Lease(registry_code, account, fence)


def give_back(lease: Lease) -> bool:
    """End a lease, inside the caller's transaction. False if somebody had taken over when it ran out."""
    given_back = db.session.execute(
        update(RegistryLease)
        .where(
            RegistryLease.registry_code == lease.registry_code,
            RegistryLease.account == lease.account,
            RegistryLease.fence == lease.fence,
        )
        .values(holder=None, expires_at=None)
        .execution_options(synchronize_session=False)
    )
    return rows_changed(given_back) == 1


def _me() -> str:
    return f"{socket.gethostname()[:40]}:{os.getpid()}:{threading.get_ident()}"
