"""Receive a complaint, answer it, take it back."""

from __future__ import annotations

import hashlib
import logging
from datetime import datetime, timedelta

from sqlalchemy import select, update

from app.audit.service import Actor, Subject, note_act
from app.complaints import mails
from app.complaints.errors import ComplaintClosed, NoSuchComplaint, ReplyUnfit
from app.complaints.models import Complaint, ComplaintCounter
from app.complaints.states import COMPLAINT, OUTCOMES, ComplaintState
from app.config import Settings
from app.db import advance, db, insert_once, one_at_a_time, record, transaction
from app.kernel.references import complaint_number, unguessable_token
from app.kernel.text import clean_lines, plain_email

log = logging.getLogger(__name__)

_S = ComplaintState
LONGEST_REPLY = 10_000


def receive(
    *, once: str, email: str, about: str, problem: str, wish: str, locale: str, settings: Settings, now: datetime
) -> str:
    """Take a complaint in, give it the next number of the year, and queue the receipt; gives its token.

    `once` is the form's own random text: the same form with the same words, sent again, is the
    complaint that is there already. The deadline is COMPLAINT_DAYS calendar days after the day of
    `now` (aware), in UTC.
    """
    submission = _fingerprint(once, email, about, problem, wish)
    with transaction() as session:
        # Two presses of one button wait for each other here, and so do two numbers of one year.
        one_at_a_time("complaint")
        earlier = session.scalar(select(Complaint.token).where(Complaint.submission == submission))
        if earlier is not None:
            return earlier
        sequence = _next_number(now.year)
        complaint = Complaint(
            token=unguessable_token(),
            submission=submission,
            year=now.year,
            sequence=sequence,
            number=complaint_number(sequence, now.year),
            state=_S.RECEIVED,
            locale=locale,
            is_demonstration=settings.is_demonstration,
            email=plain_email(email),
            about=about,
            problem=problem,
            wish=wish,
            received_at=now,
            due_on=(now + timedelta(days=settings.complaint_days)).date(),
        )
        session.add(complaint)
        session.flush()
        record(COMPLAINT.machine, complaint.id, None, _S.RECEIVED, at=now)
        mails.received(complaint, settings, now)
        token, number = complaint.token, complaint.number
    log.info("complaint received", extra={"facts": {"number": number}})
    return token


def answer(
    number: str, outcome: ComplaintState, reply: str, settings: Settings, now: datetime, actor: Actor | None = None
) -> None:
    """Close a complaint with an outcome and a reply, which its page shows and a mail brings.

    A person who is signed in is the `actor` and stands in the trail of acts as well. Raises
    NoSuchComplaint, ReplyUnfit, or ComplaintClosed when it was answered or taken back before; the
    first answer stands. `outcome` is one of OUTCOMES, `now` an aware instant.
    """
    if outcome not in OUTCOMES:
        raise ValueError(f"{outcome} is no outcome")
    words = clean_lines(reply)
    if not 0 < len(words) <= LONGEST_REPLY:
        raise ReplyUnfit(longest=LONGEST_REPLY)
    with transaction() as session:
        complaint = session.scalar(select(Complaint).where(Complaint.number == number))
        if complaint is None:
            raise NoSuchComplaint(number=number)
        if not advance(Complaint, complaint.id, COMPLAINT, outcome, at=now, reply=words, closed_on=now.date()):
            session.refresh(complaint)
            raise ComplaintClosed(number=number, state=complaint.state)
        mails.answered(complaint, settings, now)
        if actor is not None:
            subject = Subject("complaint", complaint.id, number)
            note_act(actor, "complaint_answered", subject, at=now, facts={"outcome": outcome.value})
    log.info("complaint answered", extra={"facts": {"number": number, "outcome": outcome.value}})


def withdraw(token: str, now: datetime) -> bool:
    """Take a complaint back on the wish of whoever has its link; False when it was closed before.

    Raises NoSuchComplaint. `now` is an aware instant.
    """
    with transaction() as session:
        complaint_id = session.scalar(select(Complaint.id).where(Complaint.token == token))
        if complaint_id is None:
            raise NoSuchComplaint
        return advance(Complaint, complaint_id, COMPLAINT, _S.WITHDRAWN, at=now, closed_on=now.date())


def _next_number(year: int) -> int:
    insert_once(ComplaintCounter, year=year, last=0)
    return db.session.execute(
        update(ComplaintCounter)
        .where(ComplaintCounter.year == year)
        .values(last=ComplaintCounter.last + 1)
        .returning(ComplaintCounter.last)
        .execution_options(synchronize_session=False)
    ).scalar_one()


def _fingerprint(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
