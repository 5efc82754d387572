"""Organisations, the people in them, and invitations."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select

from app.accounts import mails
from app.accounts.access import token_hash
from app.accounts.adapters import passwords
from app.accounts.errors import (
    AlreadyMember,
    InvitedOften,
    LastOwner,
    LinkGone,
    NoSuchThing,
    OtherPerson,
    TooManyInvitations,
)
from app.accounts.models import Invitation, Membership, Organisation, Person
from app.accounts.ports import Purchases
from app.accounts.queries import IS_BY_AN_OWNER
from app.accounts.roles import Role
from app.accounts.service import links, sessions
from app.accounts.service.entering import claim
from app.accounts.service.joining import add_person, check_password
from app.audit.service import Actor, Subject, note_act
from app.config import Settings
from app.db import db, insert_once, transaction
from app.kernel.references import organisation_code, unguessable_token
from app.kernel.security_log import Event, Outcome, tell
from app.kernel.text import plain_email

INVITATION_LIFE = timedelta(days=7)
MOST_INVITATIONS = 50


def found(person_id: int, name: str, actor: Actor, now: datetime) -> str:
    """Make an organisation whose owner the person is; gives its code."""
    with transaction() as session:
        organisation = Organisation(code=organisation_code(), name=name, created_at=now)
        session.add(organisation)
        session.flush()
        session.add(Membership(organisation_id=organisation.id, person_id=person_id, role=Role.OWNER, created_at=now))
        note_act(actor, "organisation_made", _subject(organisation), at=now)
        return organisation.code


def invite(
    organisation_id: int, email: str, role: Role, actor: Actor, settings: Settings, locale: str, now: datetime
) -> None:
    """Mail an invitation; an open one to the same address is withdrawn.

    Raises AlreadyMember, TooManyInvitations or InvitedOften.
    """
    address = plain_email(email)
    with transaction() as session:
        organisation = _locked(organisation_id)
        is_member = session.scalar(
            select(Membership.id)
            .join(Person, Person.id == Membership.person_id)
            .where(Membership.organisation_id == organisation_id, Person.email == address)
        )
        if is_member is not None:
            raise AlreadyMember
        for earlier in _open_invitations(organisation_id, now):
            if earlier.email == address:
                earlier.withdrawn_at = now
        session.flush()
        if len(_open_invitations(organisation_id, now)) >= MOST_INVITATIONS:
            raise TooManyInvitations(most=MOST_INVITATIONS)
        _send(organisation, address, role, actor, settings, locale, now)
        note_act(actor, "member_invited", _subject(organisation), at=now, facts={"email": address, "role": role.value})


def resend(
    organisation_id: int, invitation_id: int, actor: Actor, settings: Settings, locale: str, now: datetime
) -> None:
    """Mail an invitation again with a new link, for seven days from now; the old link ends.

    Raises NoSuchThing or InvitedOften.
    """
    with transaction():
        organisation = _locked(organisation_id)
        invitation = _find_invitation(organisation_id, invitation_id)
        invitation.withdrawn_at = now
        _send(organisation, invitation.email, invitation.role, actor, settings, locale, now)
        facts = {"email": invitation.email, "role": invitation.role.value}
        note_act(actor, "invitation_sent_again", _subject(organisation), at=now, facts=facts)


def withdraw(organisation_id: int, invitation_id: int, actor: Actor, now: datetime) -> None:
    """Take an invitation back; its link ends. Raises NoSuchThing."""
    with transaction():
        organisation = _locked(organisation_id)
        invitation = _find_invitation(organisation_id, invitation_id)
        invitation.withdrawn_at = now
        note_act(actor, "invitation_withdrawn", _subject(organisation), at=now, facts={"email": invitation.email})


def accept(token: str, person_id: int, actor: Actor, now: datetime) -> str:
    """Join the organisation of an invitation; gives its code.

    Raises LinkGone, or OtherPerson when the person's address is not the invited one.
    """
    with transaction() as session:
        invitation = _by_token(token, now)
        person = session.get_one(Person, person_id)
        if person.email != invitation.email:
            raise OtherPerson
        return _enter(invitation, person, actor, now)


def accept_with_new_account(
    token: str,
    *,
    name: str,
    password: str,
    locale: str,
    user_agent: str,
    purchases: Purchases,
    settings: Settings,
    now: datetime,
) -> tuple[str, str]:
    """Make the account of the invited address, which the link proves, and join.

    Gives the organisation's code and the browser's token. Raises LinkGone, WeakPassword or AddressTaken.
    """
    email = find_invitation(token, now).email
    check_password(password, email, name, settings)
    hashed = passwords.hash_password(password, settings)
    with transaction():
        invitation = _by_token(token, now)
        person = add_person(email, name=name, locale=locale, now=now, password_hash=hashed)
        claim(person, purchases)
        code = _enter(invitation, person, Actor(person.id, person.email), now)
        tell(Event.SIGN_IN, Outcome.GOOD, person=person.id, kind="link of an invitation")
        return code, sessions.begin(person, "password", is_strong=False, user_agent=user_agent, now=now)


def change_role(organisation_id: int, person_id: int, role: Role, actor: Actor, now: datetime) -> None:
    """Give a member another role. Raises NoSuchThing or LastOwner."""
    with transaction() as session:
        organisation = _locked(organisation_id)
        membership = _member(organisation_id, person_id)
        if membership.role is role:
            return
        if membership.role is Role.OWNER:
            _check_another_owner(organisation_id)
        facts = {"from": membership.role.value, "to": role.value, "email": session.get_one(Person, person_id).email}
        membership.role = role
        note_act(actor, "member_role_changed", _subject(organisation), at=now, facts=facts)


def remove(organisation_id: int, person_id: int, actor: Actor, now: datetime) -> None:
    """Take a member out of an organisation. Raises NoSuchThing or LastOwner."""
    with transaction() as session:
        organisation = _locked(organisation_id)
        membership = _member(organisation_id, person_id)
        if membership.role is Role.OWNER:
            _check_another_owner(organisation_id)
        session.delete(membership)
        facts = {"role": membership.role.value, "email": session.get_one(Person, person_id).email}
        note_act(actor, "member_removed", _subject(organisation), at=now, facts=facts)


def find_invitation(token: str, now: datetime) -> Invitation:
    """The open invitation behind a mailed token, of somebody who is an owner still. Raises LinkGone."""
    invitation = db.session.scalar(
        select(Invitation).where(
            Invitation.token_hash == token_hash(token),
            Invitation.accepted_at.is_(None),
            Invitation.withdrawn_at.is_(None),
            Invitation.expires_at > now,
            IS_BY_AN_OWNER,
        )
    )
    if invitation is None:
        raise LinkGone
    return invitation


def _by_token(token: str, now: datetime) -> Invitation:
    # The organisation's row makes two presses of one button wait for each other.
    _locked(find_invitation(token, now).organisation_id)
    db.session.expire_all()
    return find_invitation(token, now)


def _enter(invitation: Invitation, person: Person, actor: Actor, now: datetime) -> str:
    invitation.accepted_at = now
    organisation = db.session.get_one(Organisation, invitation.organisation_id)
    insert_once(Membership, organisation_id=organisation.id, person_id=person.id, role=invitation.role, created_at=now)
    facts = {"email": person.email, "role": invitation.role.value}
    note_act(actor, "invitation_accepted", _subject(organisation), at=now, facts=facts)
    return organisation.code


def _send(
    organisation: Organisation,
    address: str,
    role: Role,
    actor: Actor,
    settings: Settings,
    locale: str,
    now: datetime,
) -> None:
    # Nobody fills a stranger's mailbox, from one organisation or from many.
    recent = select(func.count()).where(Invitation.email == address, Invitation.created_at > now - links.WITHIN)
    if (db.session.scalar(recent) or 0) >= links.MOST_FOR_ONE_ADDRESS:
        raise InvitedOften
    token = unguessable_token()
    db.session.add(
        Invitation(
            organisation_id=organisation.id,
            email=address,
            role=role,
            token_hash=token_hash(token),
            invited_by=actor.person_id,
            created_at=now,
            expires_at=now + INVITATION_LIFE,
        )
    )
    known = db.session.scalar(select(Person.locale).where(Person.email == address))
    mails.invitation(address, known or locale, token, organisation.name, role, actor.name, settings, now)


def _locked(organisation_id: int) -> Organisation:
    return db.session.get_one(Organisation, organisation_id, with_for_update=True)


def _open_invitations(organisation_id: int, now: datetime) -> list[Invitation]:
    return list(
        db.session.scalars(
            select(Invitation).where(
                Invitation.organisation_id == organisation_id,
                Invitation.accepted_at.is_(None),
                Invitation.withdrawn_at.is_(None),
                Invitation.expires_at > now,
            )
        )
    )


def _find_invitation(organisation_id: int, invitation_id: int) -> Invitation:
    found = db.session.scalar(
        select(Invitation).where(
            Invitation.id == invitation_id,
            Invitation.organisation_id == organisation_id,
            Invitation.accepted_at.is_(None),
            Invitation.withdrawn_at.is_(None),
        )
    )
    if found is None:
        raise NoSuchThing
    return found


def _member(organisation_id: int, person_id: int) -> Membership:
    member = db.session.scalar(
        select(Membership).where(Membership.organisation_id == organisation_id, Membership.person_id == person_id)
    )
    if member is None:
        raise NoSuchThing
    return member


def _check_another_owner(organisation_id: int) -> None:
    owners = db.session.scalar(
        select(func.count()).where(Membership.organisation_id == organisation_id, Membership.role == Role.OWNER)
    )
    if (owners or 0) < 2:
        raise LastOwner


def _subject(organisation: Organisation) -> Subject:
    return Subject("organisation", organisation.id, organisation.name)
