"""The tables of the embedded registry. Nothing outside this package touches them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import BigKey
from app.kernel.columns import Base, UTCDateTime


class LedgerAccount(Base):
    """An account of the embedded registry; `type_code` is the Kyoto account type."""

    __tablename__ = "ledger_account"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    identifier: Mapped[str] = mapped_column(String(60), unique=True)
    type_code: Mapped[int] = mapped_column(Integer)
    holder: Mapped[str] = mapped_column(String(200))
    provider_id: Mapped[int | None] = mapped_column(ForeignKey("provider.id"))


class LedgerBlock(Base):
    """Consecutive serial numbers that lie in one account. No two blocks of a Party overlap."""

    __tablename__ = "ledger_block"
    __table_args__ = (
        CheckConstraint("first <= last", name="order"),
        Index("ix_ledger_block_account_issuance", "account_id", "issuance_id", "first"),
        Index("ix_ledger_block_serials", "space", "first"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("ledger_account.id"))
    issuance_id: Mapped[int] = mapped_column(ForeignKey("issuance.id"))
    space: Mapped[str] = mapped_column(String(2))  # originating Party: one counter each
    first: Mapped[int] = mapped_column(BigInteger)
    last: Mapped[int] = mapped_column(BigInteger)


class LedgerTransaction(Base):
    """A transaction of the embedded registry, with the Kyoto codes for type and state.

    A refusal is kept too (state 5, terminated): a late repeat of a refused request must never
    take effect after its money went back.
    """

    __tablename__ = "ledger_transaction"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    identifier: Mapped[str | None] = mapped_column(String(40), unique=True)
    reference: Mapped[str | None] = mapped_column(String(32), unique=True)
    fingerprint: Mapped[str] = mapped_column(String(64), default="")
    type_code: Mapped[int] = mapped_column(Integer)
    state_code: Mapped[int] = mapped_column(Integer)
    from_account_id: Mapped[int | None] = mapped_column(ForeignKey("ledger_account.id"))
    to_account_id: Mapped[int] = mapped_column(ForeignKey("ledger_account.id"))
    commitment_period: Mapped[int] = mapped_column(Integer)
    units: Mapped[int] = mapped_column(BigInteger)
    beneficiary_name: Mapped[str] = mapped_column(String(200), default="")
    purpose: Mapped[str] = mapped_column(String(500), default="")
    refusal_code: Mapped[str | None] = mapped_column(String(24))
    refusal_message: Mapped[str] = mapped_column(String(300), default="")
    completed_at: Mapped[datetime] = mapped_column(UTCDateTime)

    blocks: Mapped[list[LedgerTransactionBlock]] = relationship(order_by="LedgerTransactionBlock.first")


class LedgerTransactionBlock(Base):
    """The serial numbers one transaction moved."""

    __tablename__ = "ledger_transaction_block"
    __table_args__ = (UniqueConstraint("transaction_id", "space", "first"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    transaction_id: Mapped[int] = mapped_column(ForeignKey("ledger_transaction.id"), index=True)
    issuance_id: Mapped[int] = mapped_column(ForeignKey("issuance.id"))
    space: Mapped[str] = mapped_column(String(2))
    first: Mapped[int] = mapped_column(BigInteger)
    last: Mapped[int] = mapped_column(BigInteger)
