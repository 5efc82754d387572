"""The test gateway's own tables: the rest of the product never reads them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, CheckConstraint, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import BigKey
from app.kernel.columns import Base, UTCDateTime
from app.kernel.money import Money


class TestpaySession(Base):
    """The test gateway's own record of a hosted payment page. State names are Stripe's."""

    __tablename__ = "testpay_session"
    __table_args__ = (
        CheckConstraint("refunded >= 0 AND refunded <= amount", name="refunded_within_amount"),
        Index("ix_testpay_session_due", "status", "payment_status"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    reference: Mapped[str] = mapped_column(String(80), unique=True)
    idempotency_key: Mapped[str] = mapped_column(String(80), unique=True)
    request: Mapped[dict[str, Any]] = mapped_column(JSON)
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    refunded: Mapped[int] = mapped_column(BigInteger, default=0)
    status: Mapped[str] = mapped_column(String(16))  # open, complete, expired
    payment_status: Mapped[str] = mapped_column(String(16))  # unpaid, paid
    method: Mapped[str | None] = mapped_column(String(16))  # card, bank
    failed: Mapped[bool] = mapped_column(Boolean, default=False)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
    settles_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    @property
    def money(self) -> Money:
        """What the page asks for."""
        return Money(self.amount, self.currency)


@dataclass(frozen=True, slots=True)
class HostedPage:
    """What is read of a hosted payment page at once, with the names of the table's columns."""

    reference: str
    request: dict[str, Any]
    amount: int
    currency: str
    refunded: int
    status: str
    payment_status: str
    method: str | None
    failed: bool
    expires_at: datetime
    settles_at: datetime | None

    @property
    def money(self) -> Money:
        """What the page asks for."""
        return Money(self.amount, self.currency)


class TestpayRefund(Base):
    """The test gateway's own record of money that went back."""

    __tablename__ = "testpay_refund"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    reference: Mapped[str] = mapped_column(String(80), unique=True)
    idempotency_key: Mapped[str] = mapped_column(String(80), unique=True)
    session_reference: Mapped[str] = mapped_column(String(80), index=True)
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    status: Mapped[str] = mapped_column(String(16))  # pending, succeeded, failed
    settles_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    @property
    def money(self) -> Money:
        """What goes back."""
        return Money(self.amount, self.currency)


class TestpayDispute(Base):
    """The test gateway's own record of a buyer who asks their bank for the money back. State names are Stripe's."""

    __tablename__ = "testpay_dispute"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    reference: Mapped[str] = mapped_column(String(80), unique=True)
    session_reference: Mapped[str] = mapped_column(String(80), unique=True)
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    reason: Mapped[str] = mapped_column(String(40))
    status: Mapped[str] = mapped_column(String(16))  # needs_response, under_review, won, lost
    opened_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    due_at: Mapped[datetime] = mapped_column(UTCDateTime)

    @property
    def money(self) -> Money:
        """What the buyer wants back."""
        return Money(self.amount, self.currency)


class TestpayEvent(Base):
    """An event the test gateway has to post to our webhook route."""

    __tablename__ = "testpay_event"
    __table_args__ = (Index("ix_testpay_event_due", "sent_at", "send_at"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    event_id: Mapped[str] = mapped_column(String(80))
    body: Mapped[str] = mapped_column(Text)
    send_at: Mapped[datetime] = mapped_column(UTCDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
