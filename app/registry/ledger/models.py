"""The tables of the embedded registry. Nothing outside this package touches them."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, Date, ForeignKey, Index, Integer, String, UniqueConstraint
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


class LedgerIssuance(Base):
    """What the registry issued in one go: consecutive numbers of one project, unit type and period.

    `issued_in_id` is the transaction that issued them; None where the books open with units whose issuance is
    not in them. `fee_due` and `fee_paid` are the share of proceeds for administration in minor units: units are
    released to participants in proportion to what is paid.
    """

    __tablename__ = "ledger_issuance"
    __table_args__ = (
        UniqueConstraint("space", "first"),
        CheckConstraint("first <= last", name="order"),
        CheckConstraint("(commitment_period IS NULL) <> (vintage_year IS NULL)", name="period_or_vintage"),
        CheckConstraint("fee_paid >= 0 AND fee_paid <= fee_due", name="fee"),
        Index("ix_ledger_issuance_project", "project_reference"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    mechanism_code: Mapped[str] = mapped_column(ForeignKey("mechanism.code"))
    project_reference: Mapped[str] = mapped_column(String(24))
    unit_type: Mapped[str] = mapped_column(ForeignKey("unit_type.code"))
    commitment_period: Mapped[int | None] = mapped_column(Integer)
    vintage_year: Mapped[int | None] = mapped_column(Integer)
    party: Mapped[str] = mapped_column(String(2))
    space: Mapped[str] = mapped_column(String(24))
    first: Mapped[int] = mapped_column(BigInteger)
    last: Mapped[int] = mapped_column(BigInteger)
    issued_in_id: Mapped[int | None] = mapped_column(ForeignKey("ledger_transaction.id"), index=True)
    fee_currency: Mapped[str | None] = mapped_column(String(3))
    fee_due: Mapped[int] = mapped_column(BigInteger, default=0)
    fee_paid: Mapped[int] = mapped_column(BigInteger, default=0)
    expires_on: Mapped[date | None] = mapped_column(Date)  # the last day of temporary units

    @property
    def units(self) -> int:
        """How many units (tonnes) were issued."""
        return self.last - self.first + 1


class LedgerPayment(Base):
    """Money that came for the share of proceeds of one issuance. `reference` is the payer's bank's: one payment."""

    __tablename__ = "ledger_payment"
    __table_args__ = (CheckConstraint("amount > 0", name="positive"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    issuance_id: Mapped[int] = mapped_column(ForeignKey("ledger_issuance.id"), index=True)
    reference: Mapped[str] = mapped_column(String(80), unique=True)
    payer: Mapped[str] = mapped_column(String(200))
    amount: Mapped[int] = mapped_column(BigInteger)  # minor units
    currency: Mapped[str] = mapped_column(String(3))
    booked_at: Mapped[datetime] = mapped_column(UTCDateTime)


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
    issuance_id: Mapped[int] = mapped_column(ForeignKey("ledger_issuance.id"))
    space: Mapped[str] = mapped_column(String(24))  # the number space: one counter for each originating Party
    first: Mapped[int] = mapped_column(BigInteger)
    last: Mapped[int] = mapped_column(BigInteger)


class LedgerTransactionBlock(Base):
    """The serial numbers one transaction moved."""

    __tablename__ = "ledger_transaction_block"
    __table_args__ = (
        UniqueConstraint("transaction_id", "space", "first"),
        Index("ix_ledger_transaction_block_serials", "space", "first"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    transaction_id: Mapped[int] = mapped_column(ForeignKey("ledger_transaction.id"), index=True)
    issuance_id: Mapped[int] = mapped_column(ForeignKey("ledger_issuance.id"))
    space: Mapped[str] = mapped_column(String(24))
    first: Mapped[int] = mapped_column(BigInteger)
    last: Mapped[int] = mapped_column(BigInteger)


class LedgerTransaction(Base):
    """A transaction of the embedded registry, with the Kyoto codes for type and state.

    `origin` tells what was imported from a registry's published ledger from what happened here; `channel` is the
    way a cancellation came: platform, registry (asked for directly), or another marketplace.

    A refusal is kept too (state 5, terminated): a late repeat of a refused request must never
    take effect after its money went back.
    """

    __tablename__ = "ledger_transaction"
    __table_args__ = (
        Index("ix_ledger_transaction_completed", "type_code", "completed_at"),
        Index("ix_ledger_transaction_newest", "completed_at", "id"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    identifier: Mapped[str | None] = mapped_column(String(40), unique=True)
    reference: Mapped[str | None] = mapped_column(String(32), unique=True)
    fingerprint: Mapped[str] = mapped_column(String(64), default="")
    type_code: Mapped[int] = mapped_column(Integer)
    state_code: Mapped[int] = mapped_column(Integer)
    supplementary_code: Mapped[int] = mapped_column(Integer, default=0)
    mechanism_code: Mapped[str] = mapped_column(ForeignKey("mechanism.code"))
    origin: Mapped[str] = mapped_column(String(12), default="own")  # own, imported, opening
    channel: Mapped[str] = mapped_column(String(24), default="platform")
    from_account_id: Mapped[int | None] = mapped_column(ForeignKey("ledger_account.id"))
    to_account_id: Mapped[int] = mapped_column(ForeignKey("ledger_account.id"))
    commitment_period: Mapped[int | None] = mapped_column(Integer)
    vintage_year: Mapped[int | None] = mapped_column(Integer)
    units: Mapped[int] = mapped_column(BigInteger)
    beneficiary_name: Mapped[str] = mapped_column(String(200), default="")
    purpose: Mapped[str] = mapped_column(String(500), default="")
    refusal_code: Mapped[str | None] = mapped_column(String(24))
    refusal_message: Mapped[str] = mapped_column(String(300), default="")
    completed_at: Mapped[datetime] = mapped_column(UTCDateTime)

    blocks: Mapped[list[LedgerTransactionBlock]] = relationship(order_by="LedgerTransactionBlock.first")
