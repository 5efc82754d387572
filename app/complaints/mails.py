"""The mails about a complaint, written in the transaction of their cause."""

from __future__ import annotations

from datetime import datetime

from app.complaints.models import Complaint
from app.config import Settings
from app.notifications.messages.complaints import ComplaintAnswered, ComplaintOutcome, ComplaintReceived
from app.notifications.messages.facts import Facts
from app.notifications.service import queue_mail


def received(complaint: Complaint, settings: Settings, now: datetime) -> None:
    """The receipt. It repeats nothing that was typed: anybody can type the address of a stranger."""
    facts = ComplaintReceived(
        reference=complaint.number,
        is_demonstration=complaint.is_demonstration,
        complaint_url=complaint_url(complaint, settings),
        answer_by=complaint.due_on,
    )
    _queue(complaint, facts, now)


def answered(complaint: Complaint, settings: Settings, now: datetime) -> None:
    """The reply, word for word."""
    facts = ComplaintAnswered(
        reference=complaint.number,
        is_demonstration=complaint.is_demonstration,
        complaint_url=complaint_url(complaint, settings),
        outcome=ComplaintOutcome(complaint.state),
        reply=complaint.reply,
    )
    _queue(complaint, facts, now)


def complaint_url(complaint: Complaint, settings: Settings) -> str:
    """The complaint's page, in its language, behind its unguessable token."""
    return f"{settings.public_base_url}/{complaint.locale}/complaint/{complaint.token}"


def _queue(complaint: Complaint, facts: Facts, now: datetime) -> None:
    queue_mail(
        key=f"{facts.kind}:{complaint.number}",
        recipient=complaint.email,
        locale=complaint.locale,
        facts=facts,
        order_id=None,
        now=now,
    )
