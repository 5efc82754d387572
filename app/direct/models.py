"""Direct cancellations: what was asked for, by whom, and what became of it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Boolean, CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import BigKey
from app.direct.states import DirectState
from app.kernel.columns import Base, UTCDateTime, state_column


class DirectCancellation(Base):
    """Units (tonnes) of one issuance in one account of a participant, to be cancelled without a sale.

    `once` is the form's own random text: the same form sent twice is one cancellation. `consent_text`
    is what the person confirmed, word for word.
    """

    __tablename__ = "direct_cancellation"
    __table_args__ = (
        CheckConstraint("units > 0", name="positive"),
        Index("ix_direct_cancellation_pool", "account", "issuance_id"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    reference: Mapped[str] = mapped_column(String(16), unique=True)
    once: Mapped[str] = mapped_column(String(40), unique=True)
    state: Mapped[DirectState] = mapped_column(state_column(DirectState, "direct_cancellation_state"), index=True)
    provider_id: Mapped[int] = mapped_column(ForeignKey("provider.id"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    issuance_id: Mapped[int] = mapped_column(ForeignKey("issuance.id"))
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    account: Mapped[str] = mapped_column(String(60))
    units: Mapped[int] = mapped_column(BigInteger)
    is_for_itself: Mapped[bool] = mapped_column(Boolean)
    locale: Mapped[str] = mapped_column(String(8))
    is_demonstration: Mapped[bool] = mapped_column(Boolean)
    consent_version: Mapped[str] = mapped_column(String(24))
    consent_text: Mapped[str] = mapped_column(Text)
    state_reason: Mapped[str] = mapped_column(String(1000), default="")
    placed_at: Mapped[datetime] = mapped_column(UTCDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
