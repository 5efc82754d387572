"""Closing an account to whoever has it, and opening it again."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import update

from app.accounts.errors import OwnAccount
from app.accounts.models import Invitation, Person
from app.accounts.service import links, sessions
from app.audit.errors import NoLongerPossible
from app.audit.service import Actor, Subject, note_act, required_reason
from app.db import transaction


def suspend(person_id: int, actor: Actor, *, reason: str, now: datetime) -> None:
    """Sign every browser of a person out, end their mailed links, and let nobody in until an operator reinstates them.

    Raises ReasonMissing, OwnAccount, or NoLongerPossible for one that is suspended already.
    """
    kept = required_reason(reason)
    if person_id == actor.person_id:
        raise OwnAccount
    with transaction() as session:
        person = session.get_one(Person, person_id, with_for_update=True)
        if person.suspended_at is not None:
            raise NoLongerPossible
        person.suspended_at = now
        sessions.end_all(person_id, now)
        links.void(person_id, now)
        note_act(actor, "person_suspended", Subject("person", person_id, person.email), at=now, reason=kept)


def reinstate(person_id: int, actor: Actor, *, reason: str, now: datetime) -> None:
    """Let a person in again. The invitations that they wrote have ended: somebody else may have written them.

    Raises ReasonMissing, or NoLongerPossible for one that is not suspended.
    """
    kept = required_reason(reason)
    with transaction() as session:
        person = session.get_one(Person, person_id, with_for_update=True)
        if person.suspended_at is None:
            raise NoLongerPossible
        person.suspended_at = None
        session.execute(
            update(Invitation)
            .where(Invitation.invited_by == person_id, Invitation.accepted_at.is_(None), Invitation.expires_at > now)
            .values(expires_at=now)
        )
        note_act(actor, "person_reinstated", Subject("person", person_id, person.email), at=now, reason=kept)
