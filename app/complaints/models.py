"""Complaints. What a person wrote stands in columns and nowhere else, so that it can be erased."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Boolean, Date, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.complaints.states import ComplaintState
from app.db import BigKey
from app.kernel.columns import Base, UTCDateTime, state_column


class Complaint(Base):
    """One complaint. `token` opens its page and cannot be guessed; days count in UTC."""

    __tablename__ = "complaint"
    __table_args__ = (UniqueConstraint("year", "sequence"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    token: Mapped[str] = mapped_column(String(40), unique=True)
    submission: Mapped[str] = mapped_column(String(64), unique=True)  # the same form sent twice is one complaint
    year: Mapped[int] = mapped_column(Integer)
    sequence: Mapped[int] = mapped_column(Integer)
    number: Mapped[str] = mapped_column(String(24), unique=True)
    state: Mapped[ComplaintState] = mapped_column(state_column(ComplaintState, "complaint_state"), index=True)
    locale: Mapped[str] = mapped_column(String(8))
    is_demonstration: Mapped[bool] = mapped_column(Boolean)
    email: Mapped[str] = mapped_column(String(254))
    about: Mapped[str] = mapped_column(String(24), default="")  # an order, a certificate, an earlier complaint
    problem: Mapped[str] = mapped_column(Text)
    wish: Mapped[str] = mapped_column(Text)
    reply: Mapped[str] = mapped_column(Text, default="")
    received_at: Mapped[datetime] = mapped_column(UTCDateTime)
    due_on: Mapped[date] = mapped_column(Date)  # the last day of an answer in time
    closed_on: Mapped[date | None] = mapped_column(Date)


class ComplaintCounter(Base):
    """The last number given out in a year; numbers have no gaps because they are taken with the complaint."""

    __tablename__ = "complaint_counter"

    year: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    last: Mapped[int] = mapped_column(Integer)
