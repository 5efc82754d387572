"""What mails about a complaint say."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from app.notifications.messages.facts import Facts
from app.notifications.messages.kinds import MailKind


class ComplaintOutcome(StrEnum):
    """How a complaint was answered; the same codes as its states."""

    UPHELD = "upheld"
    ANSWERED = "answered"
    REJECTED = "rejected"


@dataclass(frozen=True, kw_only=True)
class ComplaintReceived(Facts):
    """The receipt of a complaint; nothing that was typed is in it. `answer_by` is a day in UTC."""

    kind = MailKind.COMPLAINT_RECEIVED

    complaint_url: str
    answer_by: date


@dataclass(frozen=True, kw_only=True)
class ComplaintAnswered(Facts):
    """The operator's reply, word for word."""

    kind = MailKind.COMPLAINT_ANSWERED

    complaint_url: str
    outcome: ComplaintOutcome
    reply: str = field(metadata={"has_lines": True})
