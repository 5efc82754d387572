"""The restoration hold: after a restore nothing irreversible is done before people have looked.

Whoever is about to do something that cannot be taken back asks `stands()` first: submitting to a registry, issuing
a certificate, opening a payment page, paying back. `app.reconciliation` compares and lets two operators lift it.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import exists, func, select

from app.db import db, write
from app.jobs.models import RestorationHold

_HOLDS = RestorationHold.__table__
IS_STANDING = exists().where(_HOLDS.c.lifted_at.is_(None))  # part of a query that reads more
_STANDING = select(IS_STANDING)
_NEWEST = (
    select(RestorationHold)
    .where(RestorationHold.lifted_at.is_(None))
    .order_by(RestorationHold.id.desc())
    .limit(1)
    .execution_options(populate_existing=True)
)
_LAST_RESTORED = select(func.max(RestorationHold.restored_at))


def stands() -> bool:
    """Whether a hold stands now."""
    return bool(write(_STANDING).scalar_one())


def find_standing() -> RestorationHold | None:
    """The hold that stands, the newest one of several; None in a copy that may do everything."""
    return db.session.scalar(_NEWEST)


def was_ever_put_up() -> bool:
    """Whether this database ever came back from a backup."""
    return write(_LAST_RESTORED).scalar() is not None


def may_have_been_done(caused_at: datetime) -> bool:
    """Whether what was caused at an instant (aware) may have been done by what a restored backup forgot.

    True for ever for whatever was there when the backup was made: it may be begun again weeks later.
    """
    newest: datetime | None = write(_LAST_RESTORED).scalar()
    return newest is not None and caused_at <= newest
