"""The browsers that somebody is signed in with."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select, update

from app.accounts.access import known_token, token_hash
from app.accounts.errors import NoSuchThing
from app.accounts.models import Passkey, Person, SignIn
from app.db import db, rows_changed, transaction
from app.kernel.references import unguessable_token
from app.kernel.text import clean_line

OPERATORS_LIFE = timedelta(hours=12)
LIFE = timedelta(days=30)
# How long a browser is known after a sign-in; the cookie lasts as long.
KNOWN_FOR = timedelta(days=400)


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
            known_hash=token_hash(known_token(token)),
            method=method,
            user_agent=clean_line(user_agent)[:200],
            created_at=now,
            last_seen_at=now,
            expires_at=now + (OPERATORS_LIFE if person.is_operator else LIFE),
            strong_at=now if is_strong else None,
            proved_at=now if is_strong or not has_second_factor(person) else None,
        )
    )
    return token


def has_second_factor(person: Person) -> bool:
    """Whether a password alone does not do: there is an authenticator app or a passkey."""
    if person.totp_confirmed_at is not None:
        return True
    return db.session.scalar(select(Passkey.id).where(Passkey.person_id == person.id).limit(1)) is not None


def strengthen(sign_in_id: int, now: datetime) -> str:
    """Note that the second factor was shown, and change the token; in the caller's transaction."""
    return _renew(sign_in_id, strong_at=now, proved_at=now)


def prove(sign_in_id: int, now: datetime) -> str:
    """Note that somebody without a second factor showed their password again, and change the token; likewise."""
    return _renew(sign_in_id, proved_at=now)


def _renew(sign_in_id: int, **values: datetime) -> str:
    token = unguessable_token()
    hashes = {"token_hash": token_hash(token), "known_hash": token_hash(known_token(token))}
    db.session.execute(
        update(SignIn)
        .where(SignIn.id == sign_in_id)
        .values(**values, **hashes)
        .execution_options(synchronize_session=False)
    )
    return token


def is_known(person_id: int, known: str, now: datetime) -> bool:
    """Whether this person once signed in wholly with the browser that keeps the token `known`."""
    return (
        db.session.scalar(
            select(SignIn.id).where(
                SignIn.known_hash == token_hash(known),
                SignIn.person_id == person_id,
                SignIn.proved_at.is_not(None),
                SignIn.created_at > now - KNOWN_FOR,
            )
        )
        is not None
    )


def end(person_id: int, sign_in_id: int, now: datetime) -> None:
    """Sign one of a person's browsers out; it stays known. Raises NoSuchThing for somebody else's."""
    _end(person_id, sign_in_id, ended_at=now)


def forget(person_id: int, sign_in_id: int, now: datetime) -> None:
    """The same for a browser that is perhaps in other hands: it is not known any more either."""
    _end(person_id, sign_in_id, ended_at=now, known_hash=None)


def _end(person_id: int, sign_in_id: int, **values: datetime | None) -> None:
    with transaction() as session:
        ended = session.execute(
            update(SignIn)
            .where(SignIn.id == sign_in_id, SignIn.person_id == person_id)
            .values(**values)
            .execution_options(synchronize_session=False)
        )
        if rows_changed(ended) == 0:
            raise NoSuchThing


def end_others(person_id: int, kept: int, now: datetime) -> int:
    """Sign every browser of a person out but one; gives how many."""
    with transaction():
        return end_all(person_id, now, but=kept)


def end_all(person_id: int, now: datetime, *, but: int | None = None) -> int:
    """The same in the caller's transaction, without one that stays unless it is named. None of them stays known."""
    db.session.execute(
        update(SignIn)
        .where(SignIn.person_id == person_id, SignIn.id != (but or 0))
        .values(known_hash=None)
        .execution_options(synchronize_session=False)
    )
    open_ones = select(SignIn.id).where(
        SignIn.person_id == person_id, SignIn.ended_at.is_(None), SignIn.expires_at > now, SignIn.id != (but or 0)
    )
    ended = db.session.execute(
        update(SignIn).where(SignIn.id.in_(open_ones)).values(ended_at=now).execution_options(synchronize_session=False)
    )
    return rows_changed(ended)
