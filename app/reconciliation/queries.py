"""What pages, the doctor and the statistics show of comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from app.checkout.models import Order
from app.checkout.states import OrderState
from app.db import db
from app.jobs import hold
from app.payments.models import Refund
from app.payments.states import RefundState
from app.reconciliation.models import ReconciledAccount, ReconciliationFinding, ReconciliationRun
from app.reconciliation.states import FindingState, RunState
from app.registry.models import Cancellation, StrayCancellation
from app.registry.states import CANCELLATION

PAGE = 30


@dataclass(frozen=True)
class PublicResult:
    """The last finished comparison, as everybody may see it. `unread` accounts were not compared: no answer."""

    compared_at: datetime
    registries: tuple[str, ...]
    accounts: int
    unread: int
    cancellations: int
    sums: int
    differences: int

    def as_json(self) -> dict[str, Any]:
        """The same for programs; the instant in UTC."""
        return {
            "schema": "tonne-reconciliation-1",
            **asdict(self),
            "registries": list(self.registries),
            "compared_at": self.compared_at.isoformat().replace("+00:00", "Z"),
        }


@dataclass(frozen=True)
class Held:
    """A restoration hold that stands, and what waits for it."""

    id: int
    backup_made_at: datetime
    restored_at: datetime
    is_journal_kept: bool
    is_replayed: bool
    compared_at: datetime | None
    orders: int
    cancellations: int
    refunds: int
    strays: int


def last_public_result() -> PublicResult | None:
    """What everybody may see of the last comparison; None before the first."""
    run = db.session.scalar(
        select(ReconciliationRun)
        .where(ReconciliationRun.state == RunState.FINISHED)
        .order_by(ReconciliationRun.id.desc())
        .limit(1)
    )
    if run is None or run.finished_at is None:
        return None
    return PublicResult(
        run.finished_at,
        tuple(name for name in run.registries.split(", ") if name),
        run.accounts,
        run.unread,
        run.cancellations,
        run.sums,
        run.differences,
    )


def runs() -> Sequence[ReconciliationRun]:
    """The last runs, newest first."""
    return db.session.scalars(select(ReconciliationRun).order_by(ReconciliationRun.id.desc()).limit(PAGE)).all()


def open_findings() -> Sequence[ReconciliationFinding]:
    """Differences that nobody has explained, oldest first."""
    return db.session.scalars(
        select(ReconciliationFinding)
        .where(ReconciliationFinding.state == FindingState.OPEN)
        .order_by(ReconciliationFinding.id)
    ).all()


def explained_findings() -> Sequence[ReconciliationFinding]:
    """Differences that an operator has explained, newest first."""
    return db.session.scalars(
        select(ReconciliationFinding)
        .where(ReconciliationFinding.state == FindingState.ACKNOWLEDGED)
        .order_by(ReconciliationFinding.id.desc())
        .limit(PAGE)
    ).all()


def find_finding(finding_id: int) -> ReconciliationFinding | None:
    """One finding, or None."""
    return db.session.get(ReconciliationFinding, finding_id)


def accounts_of(run_id: int) -> Sequence[ReconciledAccount]:
    """What a run saw of each account."""
    return db.session.scalars(
        select(ReconciledAccount).where(ReconciledAccount.run_id == run_id).order_by(ReconciledAccount.account)
    ).all()


def count_open() -> int:
    """How many differences nobody has explained."""
    return _count(ReconciliationFinding.id, ReconciliationFinding.state == FindingState.OPEN)


def find_hold() -> Held | None:
    """The restoration hold with what waits for it; None in a copy that may do everything."""
    standing = hold.find_standing()
    if standing is None:
        return None
    return Held(
        standing.id,
        standing.backup_made_at,
        standing.restored_at,
        standing.is_journal_kept,
        standing.replayed_at is not None,
        standing.compared_at,
        _count(Order.id, Order.state.in_((OrderState.PAID, OrderState.FULFILLING))),
        _count(Cancellation.id, Cancellation.state.in_(CANCELLATION.unfinished())),
        _count(Refund.id, Refund.state == RefundState.DUE),
        _count(StrayCancellation.id, StrayCancellation.found_at >= standing.restored_at),
    )


def _count(column: Any, *conditions: Any) -> int:
    return db.session.scalar(select(func.count(column)).where(*conditions)) or 0
