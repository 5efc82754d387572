"""Which rows of which published file each imported number comes from."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import BigKey
from app.kernel.columns import Base, UTCDateTime


class LedgerFile(Base):
    """A published file, known by the hash of its bytes.

    `applied_at` is None while its rows are being entered: an import that was stopped is finished by running it
    again. `kept_apart` are its rows of foreign unit types, which the ledger does not take in.
    """

    __tablename__ = "ledger_file"
    __table_args__ = (UniqueConstraint("mechanism_code", "kind", "sha256"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    mechanism_code: Mapped[str] = mapped_column(ForeignKey("mechanism.code"))
    kind: Mapped[str] = mapped_column(String(16))  # issuances, cancellations, channels, opening
    name: Mapped[str] = mapped_column(String(200))
    sha256: Mapped[str] = mapped_column(String(64))
    rows: Mapped[int] = mapped_column(Integer)
    kept_apart: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    imported_at: Mapped[datetime] = mapped_column(UTCDateTime)
    applied_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class LedgerSource(Base):
    """The row of a file that says so: of a transaction's block, or of an issuance that the books open with.

    `row` counts as a spreadsheet does, the header being row 1.
    """

    __tablename__ = "ledger_source"
    __table_args__ = (
        CheckConstraint("(transaction_block_id IS NULL) <> (issuance_id IS NULL)", name="one_thing"),
        Index("ix_ledger_source_transaction_block", "transaction_block_id"),
    )

    file_id: Mapped[int] = mapped_column(ForeignKey("ledger_file.id"), primary_key=True)
    row: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    transaction_block_id: Mapped[int | None] = mapped_column(ForeignKey("ledger_transaction_block.id"))
    issuance_id: Mapped[int | None] = mapped_column(ForeignKey("ledger_issuance.id"))
