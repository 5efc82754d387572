"""Runs, what each saw of every account, what they found, and closed sums that must never change again."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, Boolean, Date, ForeignKey, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import BigKey
from app.kernel.columns import Base, UTCDateTime, state_column
from app.reconciliation.states import FindingKind, FindingState, RunCause, RunState


class ReconciliationRun(Base):
    """One comparison of all books. `night` is the night (UTC) of a nightly one: each night has one that counts."""

    __tablename__ = "reconciliation_run"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    cause: Mapped[RunCause] = mapped_column(state_column(RunCause, "reconciliation_cause"))
    state: Mapped[RunState] = mapped_column(state_column(RunState, "reconciliation_run_state"), index=True)
    night: Mapped[date | None] = mapped_column(Date, unique=True)
    is_thorough: Mapped[bool] = mapped_column(Boolean)
    started_at: Mapped[datetime] = mapped_column(UTCDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    registries: Mapped[str] = mapped_column(String(200), default="")  # names, as people know them
    accounts: Mapped[int] = mapped_column(Integer, default=0)
    unread: Mapped[int] = mapped_column(Integer, default=0)  # accounts whose registry did not answer
    cancellations: Mapped[int] = mapped_column(Integer, default=0)
    sums: Mapped[int] = mapped_column(Integer, default=0)  # sums of money and units that were checked
    differences: Mapped[int] = mapped_column(Integer, default=0)


class ReconciledAccount(Base):
    """What one run saw of one account, in units (tonnes).

    `opening` is what lay there before anything was cancelled: what is held and what is gone add up to it.
    """

    __tablename__ = "reconciled_account"
    __table_args__ = (UniqueConstraint("run_id", "registry_code", "account"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("reconciliation_run.id"), index=True)
    registry_code: Mapped[str] = mapped_column(String(24))
    account: Mapped[str] = mapped_column(String(60), index=True)
    opening: Mapped[int] = mapped_column(BigInteger)
    held: Mapped[int] = mapped_column(BigInteger)
    confirmed: Mapped[int] = mapped_column(BigInteger)
    strays: Mapped[int] = mapped_column(BigInteger)
    pending: Mapped[int] = mapped_column(BigInteger)
    level: Mapped[int] = mapped_column(Integer)  # how deep it was compared: 1 totals, 2 blocks, 3 transactions


class ReconciliationFinding(Base):
    """One difference. The same one, seen again, is the same row; `key` is the hash of all that it says."""

    __tablename__ = "reconciliation_finding"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[FindingKind] = mapped_column(state_column(FindingKind, "reconciliation_kind"), index=True)
    state: Mapped[FindingState] = mapped_column(state_column(FindingState, "reconciliation_finding_state"), index=True)
    registry_code: Mapped[str] = mapped_column(String(24), default="")  # empty: about money
    account: Mapped[str] = mapped_column(String(60), default="")
    subject: Mapped[str] = mapped_column(String(200), default="")
    ours: Mapped[str] = mapped_column(String(500), default="")
    theirs: Mapped[str] = mapped_column(String(500), default="")
    first_run_id: Mapped[int] = mapped_column(ForeignKey("reconciliation_run.id"))
    last_run_id: Mapped[int] = mapped_column(ForeignKey("reconciliation_run.id"), index=True)
    found_at: Mapped[datetime] = mapped_column(UTCDateTime)
    reason: Mapped[str] = mapped_column(String(1000), default="")


class ClosedSum(Base):
    """A sum in minor units of what is final, up to an event. Nothing final changes, so neither may this.

    The newest event that the last check saw, and when, say how far the next one may go.
    """

    __tablename__ = "closed_sum"

    name: Mapped[str] = mapped_column(String(120), primary_key=True)
    currency: Mapped[str] = mapped_column(String(3), primary_key=True)
    amount: Mapped[int] = mapped_column(BigInteger)
    through_event: Mapped[int] = mapped_column(BigInteger)
    seen_event: Mapped[int] = mapped_column(BigInteger)
    seen_at: Mapped[datetime] = mapped_column(UTCDateTime)
