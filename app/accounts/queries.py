"""What the pages of an account and of an organisation's people show. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, func, select

from app.accounts.models import Invitation, Membership, Organisation, Passkey, Person, RecoveryCode, SignIn
from app.accounts.roles import Role
from app.db import db


@dataclass(frozen=True)
class BrowserView:
    """One browser that somebody is signed in with."""

    id: int
    method: str
    user_agent: str
    created_at: datetime
    last_seen_at: datetime
    is_strong: bool


@dataclass(frozen=True)
class PasskeyView:
    """One passkey in the list of its person."""

    id: int
    name: str
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True)
class FactorsView:
    """What somebody can prove themselves with."""

    has_password: bool
    has_app: bool
    passkeys: tuple[PasskeyView, ...]
    codes_left: int


@dataclass(frozen=True)
class MemberView:
    """One person of an organisation."""

    person_id: int
    name: str
    email: str
    role: Role
    has_second_factor: bool


@dataclass(frozen=True)
class InvitationView:
    """One invitation that nobody has accepted yet. `is_over`: its link no longer works, or not at the moment."""

    id: int
    email: str
    role: Role
    expires_at: datetime
    is_over: bool


@dataclass(frozen=True)
class MembershipView:
    """One organisation of a person."""

    code: str
    name: str
    role: Role
    people: int


@dataclass(frozen=True)
class OfferedSeat:
    """What an invitation offers. `has_account`: the invited address can sign in."""

    organisation: str
    code: str
    role: Role
    email: str
    has_account: bool


# SQL: whoever wrote an invitation may still let people in. A stolen account leaves no way back.
IS_BY_AN_OWNER = exists().where(
    Membership.organisation_id == Invitation.organisation_id,
    Membership.person_id == Invitation.invited_by,
    Membership.role == Role.OWNER,
    Person.id == Invitation.invited_by,
    Person.suspended_at.is_(None),
)


def browsers_of(person_id: int, now: datetime) -> Sequence[BrowserView]:
    """The browsers that a person is signed in with, the one seen last first."""
    rows = db.session.scalars(
        select(SignIn)
        .where(SignIn.person_id == person_id, SignIn.ended_at.is_(None), SignIn.expires_at > now)
        .order_by(SignIn.last_seen_at.desc(), SignIn.id.desc())
    )
    return [
        BrowserView(row.id, row.method, row.user_agent, row.created_at, row.last_seen_at, row.strong_at is not None)
        for row in rows
    ]


def factors_of(person_id: int) -> FactorsView:
    """What a person can prove themselves with."""
    person = db.session.get_one(Person, person_id)
    passkeys = db.session.scalars(select(Passkey).where(Passkey.person_id == person_id).order_by(Passkey.id))
    codes = db.session.scalar(
        select(func.count()).where(RecoveryCode.person_id == person_id, RecoveryCode.used_at.is_(None))
    )
    return FactorsView(
        has_password=person.password_hash is not None,
        has_app=person.totp_confirmed_at is not None,
        passkeys=tuple(PasskeyView(row.id, row.name, row.created_at, row.last_used_at) for row in passkeys),
        codes_left=codes or 0,
    )


def credentials_of(person_id: int) -> list[bytes]:
    """The person's passkeys as the browser is told them, so that none is registered twice."""
    return list(db.session.scalars(select(Passkey.credential).where(Passkey.person_id == person_id)))


def memberships_of(person_id: int) -> Sequence[MembershipView]:
    """The organisations of a person, by name."""
    people = (
        select(func.count())
        .select_from(Membership)
        .where(Membership.organisation_id == Organisation.id)
        .correlate(Organisation)
        .scalar_subquery()
    )
    own = select(Membership.organisation_id, Membership.role).where(Membership.person_id == person_id).subquery()
    rows = db.session.execute(
        select(Organisation.code, Organisation.name, own.c.role, people)
        .join(own, own.c.organisation_id == Organisation.id)
        .order_by(Organisation.name, Organisation.id)
    )
    return [MembershipView(code, name, role, count) for code, name, role, count in rows]


def members_of(organisation_id: int) -> Sequence[MemberView]:
    """The people of an organisation, by name."""
    has_passkey = select(Passkey.id).where(Passkey.person_id == Person.id).exists()
    rows = db.session.execute(
        select(Person, Membership.role, has_passkey)
        .join(Membership, Membership.person_id == Person.id)
        .where(Membership.organisation_id == organisation_id)
        .order_by(Person.name, Person.id)
    )
    return [
        MemberView(person.id, person.name, person.email, role, person.totp_confirmed_at is not None or with_passkey)
        for person, role, with_passkey in rows
    ]


def invitations_of(organisation_id: int, now: datetime) -> Sequence[InvitationView]:
    """The invitations of an organisation that wait to be accepted, the newest first."""
    rows = db.session.execute(
        select(Invitation, IS_BY_AN_OWNER)
        .where(
            Invitation.organisation_id == organisation_id,
            Invitation.accepted_at.is_(None),
            Invitation.withdrawn_at.is_(None),
        )
        .order_by(Invitation.id.desc())
    )
    return [
        InvitationView(row.id, row.email, row.role, row.expires_at, row.expires_at <= now or not is_by_an_owner)
        for row, is_by_an_owner in rows
    ]


def offered_seat(invitation: Invitation) -> OfferedSeat:
    """What an open invitation offers, and to whom."""
    organisation = db.session.get_one(Organisation, invitation.organisation_id)
    known = db.session.scalar(select(Person.id).where(Person.email == invitation.email))
    return OfferedSeat(organisation.name, organisation.code, invitation.role, invitation.email, known is not None)
