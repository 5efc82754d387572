"""Passkeys of somebody who is signed in: add, remove."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select

from app.accounts import mails
from app.accounts.adapters import webauthn
from app.accounts.errors import FactorNeeded, NoSuchThing, PasskeyKnown, WrongPasskey
from app.accounts.models import Passkey, Person
from app.accounts.service import sessions
from app.accounts.service.joining import subject_of
from app.audit.service import Actor, note_act
from app.config import Settings
from app.db import insert_once, transaction
from app.notifications.messages.accounts import FactorChange


def add(
    person_id: int,
    sign_in_id: int,
    *,
    name: str,
    answer: str,
    state: Mapping[str, Any] | None,
    settings: Settings,
    now: datetime,
) -> str:
    """Keep a new passkey; the browser that made it has shown it, and gets a new token.

    Raises WrongPasskey or PasskeyKnown.
    """
    new = webauthn.read_new(answer, state, settings) if state is not None else None
    if new is None:
        raise WrongPasskey
    with transaction() as session:
        person = session.get_one(Person, person_id)
        is_new = insert_once(
            Passkey,
            person_id=person_id,
            credential_id=new.credential_id,
            credential=new.credential,
            sign_count=new.sign_count,
            name=name,
            created_at=now,
        )
        if not is_new:
            raise PasskeyKnown
        note_act(Actor(person.id, person.email), "passkey_added", subject_of(person), at=now, facts={"name": name})
        mails.factor_changed(person, FactorChange.PASSKEY_ADDED, settings, now)
        return sessions.strengthen(sign_in_id, now)


def remove(person_id: int, passkey_id: int, settings: Settings, now: datetime) -> None:
    """Forget a passkey.

    Raises NoSuchThing for somebody else's, and FactorNeeded for the last way to sign in, or an operator's
    last second factor.
    """
    with transaction() as session:
        person = session.get_one(Person, person_id, with_for_update=True)
        passkey = session.scalar(select(Passkey).where(Passkey.id == passkey_id, Passkey.person_id == person_id))
        if passkey is None:
            raise NoSuchThing
        count = session.scalar(select(func.count()).where(Passkey.person_id == person_id)) or 0
        is_last = count == 1
        has_app = person.totp_confirmed_at is not None
        if is_last and (person.password_hash is None or (person.is_operator and not has_app)):
            raise FactorNeeded
        session.execute(delete(Passkey).where(Passkey.id == passkey_id))
        note_act(
            Actor(person.id, person.email), "passkey_removed", subject_of(person), at=now, facts={"name": passkey.name}
        )
        mails.factor_changed(person, FactorChange.PASSKEY_REMOVED, settings, now)
