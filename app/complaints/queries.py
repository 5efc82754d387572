"""What the pages and the operator's commands show of complaints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select

from app.complaints.models import Complaint
from app.complaints.states import ComplaintState
from app.db import db

_S = ComplaintState


@dataclass(frozen=True)
class ComplaintView:
    """One complaint as the person who made it may see it. `is_late`: unanswered after its deadline."""

    number: str
    token: str
    locale: str
    state: ComplaintState
    is_demonstration: bool
    email: str
    about: str
    problem: str
    wish: str
    reply: str
    received_at: datetime
    due_on: date
    closed_on: date | None
    is_late: bool

    @property
    def is_open(self) -> bool:
        """Whether it still waits for an answer."""
        return self.state is _S.RECEIVED


@dataclass
class YearCounts:
    """The complaints received in one year; all but `upheld` and `rejected` add up to `received`."""

    year: int
    received: int = 0
    answered_in_time: int = 0
    answered_late: int = 0
    withdrawn: int = 0
    open: int = 0
    upheld: int = 0
    rejected: int = 0


def find_by_token(token: str, today: date) -> ComplaintView | None:
    """The complaint behind a link, or None. `today` is the day in UTC."""
    found = db.session.scalar(select(Complaint).where(Complaint.token == token))
    return _view(found, today) if found else None


def find_by_number(number: str, today: date) -> ComplaintView | None:
    """The complaint with a number such as `C3/2026`, or None. `today` is the day in UTC."""
    found = db.session.scalar(select(Complaint).where(Complaint.number == number))
    return _view(found, today) if found else None


def waiting(today: date) -> list[ComplaintView]:
    """Every complaint that waits for an answer, the most urgent first. `today` is the day in UTC."""
    found = select(Complaint).where(Complaint.state == _S.RECEIVED).order_by(Complaint.due_on, Complaint.id)
    return [_view(complaint, today) for complaint in db.session.scalars(found)]


def yearly_counts(*, is_demonstration: bool, this_year: int) -> Sequence[YearCounts]:
    """Counts for each year from the first complaint's to this one, newest first; one query.

    What happened while a copy was a demonstration is not counted among what is real.
    """
    in_time = Complaint.closed_on <= Complaint.due_on
    rows = db.session.execute(
        select(Complaint.year, Complaint.state, in_time, func.count())
        .where(Complaint.is_demonstration.is_(is_demonstration))
        .group_by(Complaint.year, Complaint.state, in_time)
    ).all()
    first = min((year for year, *_rest in rows), default=this_year)
    counts = {year: YearCounts(year) for year in range(max(this_year, first), first - 1, -1)}
    for year, state, was_in_time, number in rows:
        _add(counts[year], state, number, was_in_time=bool(was_in_time))
    return list(counts.values())


def _add(counts: YearCounts, state: ComplaintState, number: int, *, was_in_time: bool) -> None:
    counts.received += number
    if state is _S.RECEIVED:
        counts.open += number
    elif state is _S.WITHDRAWN:
        counts.withdrawn += number
    elif was_in_time:
        counts.answered_in_time += number
    else:
        counts.answered_late += number
    counts.upheld += number if state is _S.UPHELD else 0
    counts.rejected += number if state is _S.REJECTED else 0


def _view(complaint: Complaint, today: date) -> ComplaintView:
    return ComplaintView(
        number=complaint.number,
        token=complaint.token,
        locale=complaint.locale,
        state=complaint.state,
        is_demonstration=complaint.is_demonstration,
        email=complaint.email,
        about=complaint.about,
        problem=complaint.problem,
        wish=complaint.wish,
        reply=complaint.reply,
        received_at=complaint.received_at,
        due_on=complaint.due_on,
        closed_on=complaint.closed_on,
        is_late=complaint.state is _S.RECEIVED and today > complaint.due_on,
    )
