"""Whoever lost every second factor: the house takes it away after it has made sure who asks (`docs/security.md`)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select

from app.accounts import mails
from app.accounts.errors import NoSuchPerson
from app.accounts.models import Passkey, Person
from app.accounts.service import links, sessions
from app.accounts.service.joining import subject_of
from app.accounts.service.links import Purpose
from app.accounts.service.operators import COMMAND, LINK_LIFE
from app.accounts.service.second_factor import take_away
from app.audit.service import note_act, required_reason
from app.config import Settings
from app.db import transaction
from app.kernel.text import plain_email
from app.notifications.messages.accounts import FactorChange


def reset(email: str, reason: str, settings: Settings, now: datetime) -> None:
    """Take app, recovery codes and passkeys away, sign every browser out, and mail the link of a new password.

    The mailbox is told what happened, and is one half of the proof; `reason` says how the other half was made, and
    by which two people. Raises NoSuchPerson or ReasonMissing.
    """
    kept = required_reason(reason)
    with transaction() as session:
        person = session.scalar(select(Person).where(Person.email == plain_email(email)).with_for_update())
        if person is None:
            raise NoSuchPerson
        take_away(person)
        session.execute(delete(Passkey).where(Passkey.person_id == person.id))
        # Whoever took the device may know the password too.
        person.password_hash = None
        sessions.end_all(person.id, now)
        links.void(person.id, now)
        token = links.issue(Purpose.RECOVER, person.email, person.id, now, life=LINK_LIFE, is_counted=False)
        mails.factor_changed(person, FactorChange.REMOVED, settings, now)
        mails.recover(person, str(token), LINK_LIFE, settings, now)
        note_act(COMMAND, "factors_reset", subject_of(person), at=now, reason=kept)
