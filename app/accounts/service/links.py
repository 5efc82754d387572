"""Mailed links: each works once, for one purpose, and not for long. The table keeps hashes only."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import func, select, update

from app.accounts.access import token_hash
from app.accounts.errors import LinkGone
from app.accounts.models import MailedLink
from app.db import db
from app.kernel.references import unguessable_token

# Nobody can have a stranger's mailbox filled by asking from many places.
MOST_FOR_ONE_ADDRESS = 4
WITHIN = timedelta(hours=1)


class Purpose(StrEnum):
    """What a mailed link is for."""

    JOIN = "join"
    RECOVER = "recover"
    EMAIL = "email"


LIVES = {
    Purpose.JOIN: timedelta(hours=24),
    Purpose.RECOVER: timedelta(hours=1),
    Purpose.EMAIL: timedelta(hours=24),
}


def issue(
    purpose: Purpose,
    email: str,
    person_id: int | None,
    now: datetime,
    *,
    life: timedelta | None = None,
    is_counted: bool = True,
) -> str | None:
    """A new link's token, in the caller's transaction; None when the address got too many of late."""
    recent = db.session.scalar(
        select(func.count()).where(
            MailedLink.email == email, MailedLink.purpose == purpose.value, MailedLink.created_at > now - WITHIN
        )
    )
    if is_counted and (recent or 0) >= MOST_FOR_ONE_ADDRESS:
        return None
    token = unguessable_token()
    db.session.add(
        MailedLink(
            person_id=person_id,
            email=email,
            purpose=purpose.value,
            token_hash=token_hash(token),
            created_at=now,
            expires_at=now + (life or LIVES[purpose]),
        )
    )
    return token


def find(purpose: Purpose, token: str, now: datetime) -> MailedLink:
    """The link behind a token, if it still works. Raises LinkGone."""
    found = db.session.scalar(select(MailedLink).where(*_is_open(purpose, token, now)))
    if found is None:
        raise LinkGone
    return found


def use(purpose: Purpose, token: str, now: datetime) -> MailedLink:
    """The same, and it works no more: of two presses one wins. In the caller's transaction; raises LinkGone."""
    used = db.session.execute(
        update(MailedLink)
        .where(*_is_open(purpose, token, now))
        .values(used_at=now)
        .returning(MailedLink.id)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if used is None:
        raise LinkGone
    return db.session.get_one(MailedLink, used, populate_existing=True)


def void(person_id: int, now: datetime) -> None:
    """No open link of a person works any more, in the caller's transaction."""
    db.session.execute(
        update(MailedLink)
        .where(MailedLink.person_id == person_id, MailedLink.used_at.is_(None))
        .values(used_at=now)
        .execution_options(synchronize_session=False)
    )


def _is_open(purpose: Purpose, token: str, now: datetime) -> tuple[Any, ...]:
    return (
        MailedLink.token_hash == token_hash(token),
        MailedLink.purpose == purpose.value,
        MailedLink.used_at.is_(None),
        MailedLink.expires_at > now,
    )
