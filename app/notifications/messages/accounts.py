"""What mails about an account or an organisation say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.notifications.messages.facts import Facts
from app.notifications.messages.kinds import MailKind


class FactorChange(StrEnum):
    """What happened to the ways of signing in that count as a second factor."""

    SET = "set"
    REMOVED = "removed"
    CODES = "codes"
    CODE_USED = "code_used"
    PASSKEY_ADDED = "passkey_added"
    PASSKEY_REMOVED = "passkey_removed"


@dataclass(frozen=True, kw_only=True)
class AccountConfirm(Facts):
    """The link that makes an account, for 24 hours. Nothing that was typed is in it."""

    kind = MailKind.ACCOUNT_CONFIRM

    link_url: str


@dataclass(frozen=True, kw_only=True)
class AccountKnown(Facts):
    """Somebody asked for an account for an address that has one."""

    kind = MailKind.ACCOUNT_KNOWN

    sign_in_url: str
    recover_url: str


@dataclass(frozen=True, kw_only=True)
class AccountRecover(Facts):
    """The link that sets a password; it works for `hours`."""

    kind = MailKind.ACCOUNT_RECOVER

    link_url: str
    hours: int


@dataclass(frozen=True, kw_only=True)
class PasswordChanged(Facts):
    """The notice that the password is another one since `at`."""

    kind = MailKind.PASSWORD_CHANGED

    at: datetime
    recover_url: str


@dataclass(frozen=True, kw_only=True)
class EmailChange(Facts):
    """The link that makes this address the account's, for 24 hours."""

    kind = MailKind.EMAIL_CHANGE

    link_url: str


@dataclass(frozen=True, kw_only=True)
class EmailChanged(Facts):
    """The notice to the address that an account had until `at`; the new one is not in it."""

    kind = MailKind.EMAIL_CHANGED

    at: datetime
    contact_url: str


@dataclass(frozen=True, kw_only=True)
class FactorChanged(Facts):
    """The notice that a second factor, its codes or a passkey changed."""

    kind = MailKind.FACTOR_CHANGED

    at: datetime
    change: FactorChange
    security_url: str


@dataclass(frozen=True, kw_only=True)
class OrganisationInvitation(Facts):
    """An invitation to work for an organisation, for seven days. `role` is owner, seller or viewer."""

    kind = MailKind.ORGANISATION_INVITATION

    link_url: str
    organisation: str
    role: str
    invited_by: str
