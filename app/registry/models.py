"""What we asked registries to cancel, and what they answered."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import BigKey
from app.kernel.columns import Base, UTCDateTime, state_column
from app.registry.states import CancellationState


class CancelledBlock(Base):
    """Serial numbers a registry confirmed as cancelled.

    The migration adds the last line of defence: an exclusion constraint on PostgreSQL, triggers
    on SQLite, so that no serial number can be recorded twice.
    """

    __tablename__ = "cancelled_block"
    __table_args__ = (
        CheckConstraint("first <= last", name="order"),
        Index("ix_cancelled_block_serials", "space", "first"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    cancellation_id: Mapped[int] = mapped_column(ForeignKey("cancellation.id"), index=True)
    space: Mapped[str] = mapped_column(String(60))  # registry and originating Party: one number space
    first: Mapped[int] = mapped_column(BigInteger)
    last: Mapped[int] = mapped_column(BigInteger)
    text_first: Mapped[str] = mapped_column(String(80))
    text_last: Mapped[str] = mapped_column(String(80))


class Cancellation(Base):
    """The intent to cancel the units of one order line, or of one direct cancellation.

    It is written before the registry is asked. `reference` belongs to that cause, never to an attempt, and
    goes into every field the registry offers; `fingerprint` is the hash of what was asked under it.
    """

    __tablename__ = "cancellation"
    __table_args__ = (
        CheckConstraint("units > 0", name="positive"),
        CheckConstraint(
            "(order_line_id IS NULL) = (order_id IS NULL) AND (order_id IS NULL) <> (direct_cancellation_id IS NULL)",
            name="one_cause",
        ),
        Index("ix_cancellation_due", "state", "next_action_at"),
        Index("ix_cancellation_completed", "state", "completed_at", "id"),
        Index("ix_cancellation_transaction", "registry_transaction"),
        # What is cancelled of a pool is added up from the index alone.
        Index("ix_cancellation_pool", "account", "state", "issuance_id", "units"),
        Index("ix_cancellation_issuance", "issuance_id", "state"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    order_id: Mapped[int | None] = mapped_column(ForeignKey("purchase_order.id"), index=True)
    order_line_id: Mapped[int | None] = mapped_column(ForeignKey("order_line.id"), unique=True)
    direct_cancellation_id: Mapped[int | None] = mapped_column(ForeignKey("direct_cancellation.id"), unique=True)
    issuance_id: Mapped[int] = mapped_column(ForeignKey("issuance.id"))
    registry_code: Mapped[str] = mapped_column(String(24))
    account: Mapped[str] = mapped_column(String(60))
    reference: Mapped[str] = mapped_column(String(32), unique=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    project_reference: Mapped[str] = mapped_column(String(24))
    unit_type: Mapped[str] = mapped_column(String(12))
    commitment_period: Mapped[int | None] = mapped_column(Integer)
    vintage_year: Mapped[int | None] = mapped_column(Integer)
    units: Mapped[int] = mapped_column(BigInteger)
    beneficiary_name: Mapped[str] = mapped_column(String(200), default="")
    purpose: Mapped[str] = mapped_column(String(500), default="")
    state: Mapped[CancellationState] = mapped_column(state_column(CancellationState, "cancellation_state"))
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    first_sent_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    lease_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    withdrawal_wanted_at: Mapped[datetime | None] = mapped_column(UTCDateTime)  # its buyer waited long enough
    next_action_at: Mapped[datetime] = mapped_column(UTCDateTime)
    registry_transaction: Mapped[str | None] = mapped_column(String(60))
    completed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    refusal_code: Mapped[str | None] = mapped_column(String(24))
    last_message: Mapped[str] = mapped_column(String(500), default="")
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)

    blocks: Mapped[list[CancelledBlock]] = relationship(order_by="CancelledBlock.first")


class StrayCancellation(Base):
    """A cancellation from one of our accounts that a registry knows and we do not: asked for elsewhere, or forgotten.

    Its serial numbers can never be sold or cancelled again.
    """

    __tablename__ = "stray_cancellation"
    __table_args__ = (
        UniqueConstraint("registry_code", "registry_transaction"),
        CheckConstraint("units > 0", name="positive"),
        Index("ix_stray_cancellation_account", "registry_code", "account"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    registry_code: Mapped[str] = mapped_column(String(24))
    account: Mapped[str] = mapped_column(String(60))
    reference: Mapped[str | None] = mapped_column(String(80))
    registry_transaction: Mapped[str] = mapped_column(String(200))
    units: Mapped[int] = mapped_column(BigInteger)
    completed_at: Mapped[datetime] = mapped_column(UTCDateTime)
    found_at: Mapped[datetime] = mapped_column(UTCDateTime)


class StrayBlock(Base):
    """Serial numbers of a stray cancellation. The migration forbids overlaps, as for `cancelled_block`."""

    __tablename__ = "stray_block"
    __table_args__ = (
        CheckConstraint("first <= last", name="order"),
        Index("ix_stray_block_serials", "space", "first"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    stray_id: Mapped[int] = mapped_column(ForeignKey("stray_cancellation.id"), index=True)
    space: Mapped[str] = mapped_column(String(60))
    first: Mapped[int] = mapped_column(BigInteger)
    last: Mapped[int] = mapped_column(BigInteger)
    text_first: Mapped[str] = mapped_column(String(80))
    text_last: Mapped[str] = mapped_column(String(80))


class ForgottenSubmission(Base):
    """A reference that the journal says was handed over in a package, and that a restored backup forgot.

    A registry whose books are our own rows cannot prove its absence any more.
    """

    __tablename__ = "forgotten_submission"

    reference: Mapped[str] = mapped_column(String(32), primary_key=True)
    registry_code: Mapped[str] = mapped_column(String(24))
    package: Mapped[str] = mapped_column(String(24))


class RegistryAccount(Base):
    """An account of a project participant, and the registry that keeps it."""

    __tablename__ = "registry_account"

    identifier: Mapped[str] = mapped_column(String(60), primary_key=True)
    registry_code: Mapped[str] = mapped_column(String(24))
    provider_id: Mapped[int] = mapped_column(ForeignKey("provider.id"), index=True)
    holder: Mapped[str] = mapped_column(String(200))


class RegistryLease(Base):
    """Who may write to a registry account at the moment: one worker, until `expires_at`.

    `fence` grows with each taking, so that an outcome can be told from that of a writer who took over.
    """

    __tablename__ = "registry_lease"

    registry_code: Mapped[str] = mapped_column(String(24), primary_key=True)
    account: Mapped[str] = mapped_column(String(60), primary_key=True)
    fence: Mapped[int] = mapped_column(BigInteger, default=0)
    holder: Mapped[str | None] = mapped_column(String(80))
    expires_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class RegistryAttempt(Base):
    """One conversation with a registry about one cancellation."""

    __tablename__ = "registry_attempt"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    cancellation_id: Mapped[int] = mapped_column(ForeignKey("cancellation.id"), index=True)
    kind: Mapped[str] = mapped_column(String(12))  # submit, lookup, advance, withdraw or stated
    started_at: Mapped[datetime] = mapped_column(UTCDateTime)
    ended_at: Mapped[datetime] = mapped_column(UTCDateTime)
    outcome: Mapped[str] = mapped_column(String(24))
    answer: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
