"""Batches and their lines, answers, every file that came or went, and what registries state that accounts hold."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import BigKey
from app.kernel.columns import Base, UTCDateTime, state_column
from app.registry.batch.states import BatchState, LineState


class Batch(Base):
    """Lines that are handed to a registry's administrator together. A registry has one open batch at most.

    `lines`, `units` (tonnes) and `lines_sha256`, the hash of the file of its lines, are fixed when it is closed.
    """

    __tablename__ = "registry_batch"
    __table_args__ = (
        CheckConstraint("(state = 'open') = (closed_at IS NULL)", name="frozen"),
        Index(
            "uq_registry_batch_open",
            "registry_code",
            unique=True,
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    registry_code: Mapped[str] = mapped_column(String(24))
    code: Mapped[str] = mapped_column(String(24), unique=True)
    state: Mapped[BatchState] = mapped_column(state_column(BatchState, "batch_state"), index=True)
    opened_at: Mapped[datetime] = mapped_column(UTCDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    exported_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    acknowledged_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    acknowledgement: Mapped[str] = mapped_column(String(120), default="")  # the administrator's reference
    lines: Mapped[int] = mapped_column(Integer, default=0)
    units: Mapped[int] = mapped_column(BigInteger, default=0)
    lines_sha256: Mapped[str] = mapped_column(String(64), default="")


class BatchBlock(Base):
    """Serial numbers that the registry says it cancelled for a line."""

    __tablename__ = "registry_batch_block"
    __table_args__ = (
        CheckConstraint("first <= last", name="order"),
        Index("ix_registry_batch_block_serials", "space", "first"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    line_id: Mapped[int] = mapped_column(ForeignKey("registry_batch_line.id"), index=True)
    space: Mapped[str] = mapped_column(String(24))
    first: Mapped[int] = mapped_column(BigInteger)
    last: Mapped[int] = mapped_column(BigInteger)


class BatchLine(Base):
    """One cancellation in a batch. Its reference is unique over all batches: nothing is ever handed over twice.

    `number` is given when the batch is closed; a line that was withdrawn before has none.
    """

    __tablename__ = "registry_batch_line"
    __table_args__ = (
        UniqueConstraint("batch_id", "number"),
        CheckConstraint("units > 0", name="positive"),
        CheckConstraint("(state = 'processed') = (registry_transaction IS NOT NULL)", name="processed"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("registry_batch.id"), index=True)
    number: Mapped[int | None] = mapped_column(Integer)
    reference: Mapped[str] = mapped_column(String(32), unique=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    account: Mapped[str] = mapped_column(String(60), index=True)
    project_reference: Mapped[str] = mapped_column(String(24))
    unit_type: Mapped[str] = mapped_column(String(12))
    commitment_period: Mapped[int | None] = mapped_column(Integer)
    vintage_year: Mapped[int | None] = mapped_column(Integer)
    space: Mapped[str] = mapped_column(String(24))
    serial_first: Mapped[int] = mapped_column(BigInteger)
    serial_last: Mapped[int] = mapped_column(BigInteger)
    units: Mapped[int] = mapped_column(BigInteger)
    beneficiary_name: Mapped[str] = mapped_column(String(200), default="")
    purpose: Mapped[str] = mapped_column(String(500), default="")
    added_at: Mapped[datetime] = mapped_column(UTCDateTime)
    state: Mapped[LineState] = mapped_column(state_column(LineState, "batch_line_state"))
    reason: Mapped[str] = mapped_column(String(300), default="")  # the registry's own words, or who took it out
    registry_transaction: Mapped[str | None] = mapped_column(String(60))
    completed_at: Mapped[datetime | None] = mapped_column(UTCDateTime, index=True)
    answer_id: Mapped[int | None] = mapped_column(ForeignKey("registry_message.id"))

    batch: Mapped[Batch] = relationship()
    blocks: Mapped[list[BatchBlock]] = relationship(order_by="BatchBlock.first")


class RegistryMessage(Base):
    """A file that went to a registry or came from it, byte for byte. Nothing is ever taken out of this table.

    `kind` is `package`, `response`, `attestation` or `statement`; `applied_at` is when what it says became part of
    our books, and stays empty for a file that was refused.
    """

    __tablename__ = "registry_message"
    __table_args__ = (CheckConstraint("direction IN ('in', 'out')", name="direction"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    registry_code: Mapped[str] = mapped_column(String(24))
    direction: Mapped[str] = mapped_column(String(3))
    kind: Mapped[str] = mapped_column(String(24))
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    media_type: Mapped[str] = mapped_column(String(80))
    size: Mapped[int] = mapped_column(Integer)  # bytes
    body: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    received_at: Mapped[datetime] = mapped_column(UTCDateTime)
    is_signed: Mapped[bool] = mapped_column(Boolean, default=False)
    applied_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("registry_batch.id"), index=True)


class Attestation(Base):
    """A line that an attestation of cancellation is about; one file may be about many."""

    __tablename__ = "registry_attestation"

    line_id: Mapped[int] = mapped_column(ForeignKey("registry_batch_line.id"), primary_key=True)
    message_id: Mapped[int] = mapped_column(ForeignKey("registry_message.id"), primary_key=True)


class StatedHolding(Base):
    """Consecutive serial numbers of one issuance in a statement."""

    __tablename__ = "stated_holding"
    __table_args__ = (CheckConstraint("first <= last", name="order"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    statement_id: Mapped[int] = mapped_column(ForeignKey("account_statement.id"), index=True)
    project_reference: Mapped[str] = mapped_column(String(24))
    unit_type: Mapped[str] = mapped_column(String(12))
    commitment_period: Mapped[int | None] = mapped_column(Integer)
    vintage_year: Mapped[int | None] = mapped_column(Integer)
    space: Mapped[str] = mapped_column(String(24))
    first: Mapped[int] = mapped_column(BigInteger)
    last: Mapped[int] = mapped_column(BigInteger)


class AccountStatement(Base):
    """What a registry states to lie in one of its accounts at one instant."""

    __tablename__ = "account_statement"
    __table_args__ = (UniqueConstraint("registry_code", "account", "as_of"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    registry_code: Mapped[str] = mapped_column(String(24))
    account: Mapped[str] = mapped_column(String(60))
    as_of: Mapped[datetime] = mapped_column(UTCDateTime)
    message_id: Mapped[int] = mapped_column(ForeignKey("registry_message.id"))

    holdings: Mapped[list[StatedHolding]] = relationship(order_by="StatedHolding.id")
