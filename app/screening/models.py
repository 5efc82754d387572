"""Sanctions lists as imported, and likenesses that a person has to look at."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import BigKey
from app.kernel.columns import Base, UTCDateTime, state_column
from app.screening.states import MatchState


class SanctionsList(Base):
    """One imported edition of a list; of each source the newest one counts."""

    __tablename__ = "sanctions_list"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    source: Mapped[str] = mapped_column(String(24), index=True)  # ofac, eu, un
    published: Mapped[str] = mapped_column(String(40), default="")  # as the file says
    sha256: Mapped[str] = mapped_column(String(64))
    entries: Mapped[int] = mapped_column(Integer)
    is_current: Mapped[bool] = mapped_column(Boolean)
    imported_at: Mapped[datetime] = mapped_column(UTCDateTime)


class SanctionsName(Base):
    """One name of one listed person or entity; `folded` is what names are compared by."""

    __tablename__ = "sanctions_name"
    __table_args__ = (Index("ix_sanctions_name_list", "list_id", "reference"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    list_id: Mapped[int] = mapped_column(ForeignKey("sanctions_list.id"))
    reference: Mapped[str] = mapped_column(String(80))  # of the entry, in its list
    kind: Mapped[str] = mapped_column(String(24))  # person, entity or other
    name: Mapped[str] = mapped_column(String(400))
    folded: Mapped[str] = mapped_column(String(400))
    is_primary: Mapped[bool] = mapped_column(Boolean)
    # Programme, countries, birth: for the person who looks.
    facts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)


class ScreeningMatch(Base):
    """A name of ours that is like a name on a list. `subject_kind` and `subject_id` say whose it is."""

    __tablename__ = "screening_match"
    __table_args__ = (
        UniqueConstraint("subject_kind", "subject_id", "name", "source", "reference"),
        Index("ix_screening_match_state", "state", "id"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    subject_kind: Mapped[str] = mapped_column(String(24))  # order, application, provider, direct_cancellation
    subject_id: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(String(300))
    source: Mapped[str] = mapped_column(String(24))
    reference: Mapped[str] = mapped_column(String(80))
    listed_name: Mapped[str] = mapped_column(String(400))
    score: Mapped[int] = mapped_column(Integer)  # per cent
    facts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    state: Mapped[MatchState] = mapped_column(state_column(MatchState, "screening_match_state"))
    reason: Mapped[str] = mapped_column(String(1000), default="")
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
