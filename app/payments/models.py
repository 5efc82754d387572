"""Payments, refunds, and what gateways told us."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, Date, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import BigKey
from app.kernel.columns import Base, UTCDateTime, state_column
from app.kernel.money import Money
from app.payments.states import DisputeState, PaymentState, RefundState


class Payment(Base):
    """One attempt to pay one order. Written and committed before the gateway is called."""

    __tablename__ = "payment"
    __table_args__ = (
        UniqueConstraint("order_id", "attempt"),
        CheckConstraint("amount > 0", name="positive"),
        Index("ix_payment_due", "state", "next_check_at"),
        Index("ix_payment_charge", "charge_reference"),
        Index("ix_payment_drawn", "drawn_from_id"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("purchase_order.id"), index=True)
    attempt: Mapped[int] = mapped_column(Integer)
    gateway: Mapped[str] = mapped_column(String(16))
    idempotency_key: Mapped[str] = mapped_column(String(80), unique=True)
    state: Mapped[PaymentState] = mapped_column(state_column(PaymentState, "payment_state"))
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    gateway_reference: Mapped[str | None] = mapped_column(String(120), unique=True)
    gateway_url: Mapped[str | None] = mapped_column(String(2000))
    charge_reference: Mapped[str | None] = mapped_column(String(120))
    method: Mapped[str | None] = mapped_column(String(40))
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
    next_check_at: Mapped[datetime] = mapped_column(UTCDateTime)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    succeeded_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # Money of an earlier payment that buys other units than those it was for: no gateway is asked.
    drawn_from_id: Mapped[int | None] = mapped_column(ForeignKey("payment.id"))

    @property
    def money(self) -> Money:
        """What this payment asks for."""
        return Money(self.amount, self.currency)


class Refund(Base):
    """Money that goes back for a stated cause: one decision, however many tries it takes."""

    __tablename__ = "refund"
    __table_args__ = (
        CheckConstraint("amount > 0", name="positive"),
        Index("ix_refund_due", "state", "next_action_at"),
        Index("ix_refund_created", "created_at"),
        Index("ix_refund_gateway", "gateway_reference"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    payment_id: Mapped[int] = mapped_column(ForeignKey("payment.id"), index=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("purchase_order.id"), index=True)
    order_line_id: Mapped[int | None] = mapped_column(ForeignKey("order_line.id"))
    cause: Mapped[str] = mapped_column(String(24))  # a RefundCause of app/notifications/messages/orders.py
    key: Mapped[str] = mapped_column(String(80), unique=True)
    state: Mapped[RefundState] = mapped_column(state_column(RefundState, "refund_state"))
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    gateway_reference: Mapped[str | None] = mapped_column(String(120))
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    next_action_at: Mapped[datetime] = mapped_column(UTCDateTime)
    last_message: Mapped[str] = mapped_column(String(500), default="")
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)

    @property
    def money(self) -> Money:
        """What goes back."""
        return Money(self.amount, self.currency)


class Dispute(Base):
    """A buyer who asks their bank for the money of a payment back, beside the payment, which stays succeeded.

    Everything but the times of ours is what the gateway said when it was last asked. `taken` is what the bank has of
    the money now, in minor units.
    """

    __tablename__ = "dispute"
    __table_args__ = (
        CheckConstraint("amount > 0", name="positive"),
        CheckConstraint("taken IN (0, amount)", name="taken"),
        Index("ix_dispute_due", "state", "next_check_at"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    payment_id: Mapped[int] = mapped_column(ForeignKey("payment.id"), index=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("purchase_order.id"), index=True)
    gateway_reference: Mapped[str] = mapped_column(String(120), unique=True)
    state: Mapped[DisputeState] = mapped_column(state_column(DisputeState, "dispute_state"))
    reason: Mapped[str] = mapped_column(String(80))
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    taken: Mapped[int] = mapped_column(BigInteger)
    opened_at: Mapped[datetime] = mapped_column(UTCDateTime)
    evidence_due_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    next_check_at: Mapped[datetime] = mapped_column(UTCDateTime)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)

    @property
    def money(self) -> Money:
        """What the buyer wants back."""
        return Money(self.amount, self.currency)

    @property
    def taken_money(self) -> Money:
        """What the bank has of it."""
        return Money(self.taken, self.currency)


class Payout(Base):
    """Money that was sent to a participant, written down after two operators agreed on it."""

    __tablename__ = "payout"
    __table_args__ = (CheckConstraint("amount > 0", name="positive"), UniqueConstraint("provider_id", "reference"))

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    provider_id: Mapped[int] = mapped_column(ForeignKey("provider.id"))
    payee_id: Mapped[int] = mapped_column(ForeignKey("payee.id"))
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    reference: Mapped[str] = mapped_column(String(80))  # of the bank transfer
    paid_on: Mapped[date] = mapped_column(Date)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)

    @property
    def money(self) -> Money:
        """What was sent."""
        return Money(self.amount, self.currency)


class WebhookDelivery(Base):
    """A gateway's notice, kept before anything is done about it. It is a hint, never the truth."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        UniqueConstraint("gateway", "event_id"),
        Index("ix_webhook_delivery_due", "processed_at", "next_action_at"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    gateway: Mapped[str] = mapped_column(String(16))
    event_id: Mapped[str] = mapped_column(String(120))
    event_type: Mapped[str] = mapped_column(String(80))
    object_reference: Mapped[str] = mapped_column(String(120))
    order_hint: Mapped[str | None] = mapped_column(String(80))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    received_at: Mapped[datetime] = mapped_column(UTCDateTime)
    processed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    next_action_at: Mapped[datetime] = mapped_column(UTCDateTime)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
