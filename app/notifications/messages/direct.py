"""What mails to holders who cancel units of their own say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.notifications.messages.facts import Facts
from app.notifications.messages.kinds import MailKind


@dataclass(frozen=True, kw_only=True)
class DirectFacts(Facts):
    """A mail to the person who asked for a direct cancellation; `units` in tonnes."""

    page_url: str
    project_reference: str
    project_title: str
    unit_type: str
    units: int


@dataclass(frozen=True, kw_only=True)
class DirectCertified(DirectFacts):
    """A holder's own units are cancelled and certified; nothing that was typed is in it. Instants are UTC."""

    kind = MailKind.DIRECT_CERTIFIED

    number: str
    verify_url: str
    requested_at: datetime
    sent_at: datetime | None  # None where nobody remembers
    cancelled_at: datetime
    certified_at: datetime


@dataclass(frozen=True, kw_only=True)
class DirectRefused(DirectFacts):
    """None of the units were cancelled: the registry refused, or an operator did before it was asked."""

    kind = MailKind.DIRECT_REFUSED

    is_by_registry: bool
    is_off_sale: bool = True  # of before, offers of the units were whenever the registry refused
