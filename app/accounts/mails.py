"""The mails about accounts, written in the transaction of their cause."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from app.accounts.models import Person
from app.accounts.roles import Role
from app.config import Settings
from app.kernel.references import unguessable_token
from app.notifications.messages.accounts import (
    AccountConfirm,
    AccountKnown,
    AccountRecover,
    EmailChange,
    EmailChanged,
    FactorChange,
    FactorChanged,
    OrganisationInvitation,
    PasswordChanged,
)
from app.notifications.messages.facts import Facts
from app.notifications.service import queue_mail

REFERENCE = "account"


def confirm_address(email: str, locale: str, token: str, settings: Settings, now: datetime) -> None:
    """The link that makes an account."""
    link = f"{_account(locale, settings)}/join/{token}"
    _queue(email, locale, AccountConfirm(**_common(settings), link_url=link), now)


def already_registered(person: Person, _token: str, settings: Settings, now: datetime) -> None:
    """Somebody wanted an account for an address that has one. The link that was written is never sent."""
    account = _account(person.locale, settings)
    facts = AccountKnown(**_common(settings), sign_in_url=f"{account}/sign-in", recover_url=f"{account}/recover")
    _queue(person.email, person.locale, facts, now)


def recover(person: Person, token: str, life: timedelta, settings: Settings, now: datetime) -> None:
    """The link that sets a password."""
    facts = AccountRecover(
        **_common(settings),
        link_url=recovery_url(person.locale, token, settings),
        hours=life // timedelta(hours=1),
    )
    _queue(person.email, person.locale, facts, now)


def recovery_url(locale: str, token: str, settings: Settings) -> str:
    """Where a password is set."""
    return f"{_account(locale, settings)}/recover/{token}"


def password_changed(person: Person, settings: Settings, now: datetime) -> None:
    """The notice that a password was changed, with the way back for whoever did not do it."""
    facts = PasswordChanged(**_common(settings), at=now, recover_url=f"{_account(person.locale, settings)}/recover")
    _queue(person.email, person.locale, facts, now)


def confirm_new_address(person: Person, email: str, token: str, settings: Settings, now: datetime) -> None:
    """The link that makes a new address the account's."""
    link = f"{_account(person.locale, settings)}/email/{token}"
    _queue(email, person.locale, EmailChange(**_common(settings), link_url=link), now)


def email_changed(person: Person, old: str, settings: Settings, now: datetime) -> None:
    """The notice to the old address."""
    facts = EmailChanged(**_common(settings), at=now, contact_url=f"{settings.public_base_url}/{person.locale}/contact")
    _queue(old, person.locale, facts, now)


def factor_changed(person: Person, change: FactorChange, settings: Settings, now: datetime) -> None:
    """The notice that a way to sign in was added, taken away or used up."""
    facts = FactorChanged(
        **_common(settings),
        at=now,
        change=change,
        security_url=f"{_account(person.locale, settings)}/security",
    )
    _queue(person.email, person.locale, facts, now)


def invitation(
    email: str,
    locale: str,
    token: str,
    organisation: str,
    role: Role,
    invited_by: str,
    settings: Settings,
    now: datetime,
) -> None:
    """The invitation to an organisation."""
    facts = OrganisationInvitation(
        **_common(settings),
        link_url=f"{_account(locale, settings)}/invitation/{token}",
        organisation=organisation,
        role=role.value,
        invited_by=invited_by,
    )
    _queue(email, locale, facts, now)


def _account(locale: str, settings: Settings) -> str:
    return f"{settings.public_base_url}/{locale}/account"


def _common(settings: Settings) -> dict[str, Any]:
    return {"reference": REFERENCE, "is_demonstration": settings.is_demonstration}


def _queue(email: str, locale: str, facts: Facts, now: datetime) -> None:
    # Each is a mail of its own; what must not happen twice is decided by who writes it.
    key = f"{facts.kind}:{unguessable_token()}"
    queue_mail(key=key, recipient=email, locale=locale, facts=facts, order_id=None, now=now)
