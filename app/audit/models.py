"""The trail of acts, proposals that wait for a second person, notes, and the rules of the house."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.audit.states import ProposalState
from app.db import BigKey
from app.kernel.columns import Base, UTCDateTime, state_column


class Act(Base):
    """One thing that somebody did: appended, never changed.

    `actor` is the person's e-mail address at that time, or the name of a command; `subject` is what a
    reader calls the thing (an order's reference, an offer's code), `subject_kind` and `subject_id` find it.
    """

    __tablename__ = "act"
    __table_args__ = (Index("ix_act_subject", "subject_kind", "subject_id", "id"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    actor: Mapped[str] = mapped_column(String(254))
    what: Mapped[str] = mapped_column(String(60), index=True)
    subject_kind: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[int | None] = mapped_column(BigInteger)
    subject: Mapped[str] = mapped_column(String(200), default="")
    reason: Mapped[str] = mapped_column(String(1000), default="")
    facts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)


class Proposal(Base):
    """A decision about money, identity or a registry's outcome: one person proposes, another carries it out."""

    __tablename__ = "proposal"
    __table_args__ = (
        CheckConstraint("decided_by <> proposed_by OR state = 'withdrawn'", name="two_people"),
        Index(
            "uq_proposal_open",
            "kind",
            "subject_kind",
            "subject_id",
            unique=True,
            sqlite_where=text("state = 'proposed'"),
            postgresql_where=text("state = 'proposed'"),
        ),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    subject_kind: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[int] = mapped_column(BigInteger)
    subject: Mapped[str] = mapped_column(String(200), default="")
    facts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    state: Mapped[ProposalState] = mapped_column(state_column(ProposalState, "proposal_state"), index=True)
    proposed_by: Mapped[int] = mapped_column(ForeignKey("person.id"))
    proposed_at: Mapped[datetime] = mapped_column(UTCDateTime)
    reason: Mapped[str] = mapped_column(String(1000))
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    decision_reason: Mapped[str] = mapped_column(String(1000), default="")


class Note(Base):
    """What operators tell each other about a thing. Nobody else ever sees it."""

    __tablename__ = "note"
    __table_args__ = (Index("ix_note_subject", "subject_kind", "subject_id", "id"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    subject_kind: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[int] = mapped_column(BigInteger)
    text: Mapped[str] = mapped_column(Text)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime] = mapped_column(UTCDateTime)


class HouseRule(Base):
    """A rule that operators change while the house is open, such as the bounds of prices."""

    __tablename__ = "house_rule"

    key: Mapped[str] = mapped_column(String(60), primary_key=True)
    value: Mapped[Any] = mapped_column(JSON)
    changed_at: Mapped[datetime] = mapped_column(UTCDateTime)
