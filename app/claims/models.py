"""Wordings that a person must look at before they are public."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.claims.states import WordingState
from app.db import BigKey
from app.kernel.columns import Base, UTCDateTime, state_column


class WordingReview(Base):
    """Name and purpose of one beneficiary, held back from public pages while the state is not `released`.

    The text itself stays where it is; `rules` are the codes of `expressions.csv` that it touches.
    """

    __tablename__ = "wording_review"
    __table_args__ = (Index("ix_wording_review_state", "state", "id"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    beneficiary_id: Mapped[int] = mapped_column(ForeignKey("beneficiary.id"), unique=True)
    state: Mapped[WordingState] = mapped_column(state_column(WordingState, "wording_state"))
    rules: Mapped[str] = mapped_column(String(200))  # "neutral;zero"
    reason: Mapped[str] = mapped_column(String(500), default="")
    decided_by: Mapped[str] = mapped_column(String(120), default="")
    decided_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
