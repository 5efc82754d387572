"""Mails that are due, and those that went out."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db import BigKey
from app.kernel.columns import Base, UTCDateTime, state_column
from app.notifications.states import MailState


class Mail(Base):
    """One mail, written in the transaction of its cause. `key` makes a repeat impossible."""

    __tablename__ = "mail"
    __table_args__ = (Index("ix_mail_due", "state", "next_action_at"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    order_id: Mapped[int | None] = mapped_column(ForeignKey("purchase_order.id"), index=True)
    key: Mapped[str] = mapped_column(String(80), unique=True)
    kind: Mapped[str] = mapped_column(String(40))
    recipient: Mapped[str] = mapped_column(String(254))
    locale: Mapped[str] = mapped_column(String(8))
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[MailState] = mapped_column(state_column(MailState, "mail_state"))
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    next_action_at: Mapped[datetime] = mapped_column(UTCDateTime)
    lease_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    last_message: Mapped[str] = mapped_column(String(500), default="")
