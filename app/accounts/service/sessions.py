"""The browsers that somebody is signed in with."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select, update

from app.accounts.access import token_hash
from app.accounts.errors import NoSuchThing
from app.accounts.models import Person, SignIn
from app.db import db, rows_changed, transaction
from app.kernel.references import unguessable_token
from app.kernel.text import clean_line

OPERATORS_LIFE = timedelta(hours=12)
LIFE = timedelta(days=30)


def begin(person: Person, method: str, *, is_strong: bool, user_agent: str, now: datetime) -> str:
    """Sign a browser in, in the caller's transaction; gives the token for its cookie.

    It ends after 12 hours for operators and 30 days for others, or when it was not used for a while
    (`app.accounts.access.IDLE`). `method` is `password` or `passkey`.
    """
    token = unguessable_token()
    db.session.add(
        SignIn(
            person_id=person.id,
            token_hash=token_hash(token),
            method=method,
            user_agent=clean_line(user_agent)[:200],
            created_at=now,
            last_seen_at=now,
            expires_at=now + (OPERATORS_LIFE if person.is_operator else LIFE),
            strong_at=now if is_strong else None,
        )
    )
    return token


def strengthen(sign_in_id: int, now: datetime) -> str:
    """Note that the second factor was shown, and change the token; in the caller's transaction."""
    token = unguessable_token()
    db.session.execute(
        update(SignIn)
        .where(SignIn.id == sign_in_id)
        .values(strong_at=now, token_hash=token_hash(token))
        .execution_options(synchronize_session=False)
    )
    return token


def end(person_id: int, sign_in_id: int, now: datetime) -> None:
    """Sign one of a person's browsers out. Raises NoSuchThing for somebody else's."""
    with transaction() as session:
        ended = session.execute(
            update(SignIn)
            .where(SignIn.id == sign_in_id, SignIn.person_id == person_id)
            .values(ended_at=now)
            .execution_options(synchronize_session=False)
        )
        if rows_changed(ended) == 0:
            raise NoSuchThing


def end_others(person_id: int, kept: int, now: datetime) -> int:
    """Sign every browser of a person out but one; gives how many."""
    with transaction():
        return end_all(person_id, now, but=kept)


def end_all(person_id: int, now: datetime, *, but: int | None = None) -> int:
    """The same in the caller's transaction, without one that stays unless it is named."""
    open_ones = select(SignIn.id).where(
        SignIn.person_id == person_id, SignIn.ended_at.is_(None), SignIn.expires_at > now, SignIn.id != (but or 0)
    )
    ended = db.session.execute(
        update(SignIn).where(SignIn.id.in_(open_ones)).values(ended_at=now).execution_options(synchronize_session=False)
    )
    return rows_changed(ended)
