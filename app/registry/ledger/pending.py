"""What of an issuance lies in the pending account, and how much of it may leave. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from app.catalog.models import Project
from app.db import db
from app.kernel.serials import Span
from app.registry.ledger import codes
from app.registry.ledger.books import Held
from app.registry.ledger.levies import LevyRules, read_rules
from app.registry.ledger.models import LedgerAccount, LedgerBlock, LedgerIssuance, LedgerTransaction
from app.registry.ledger.rules import released_units


@dataclass(frozen=True)
class Pending:
    """Units of one issuance, in tonnes.

    `available` would be everybody's after full payment, `released` is what the payments so far let go of it;
    `parts` are the blocks that still wait, lowest first, without what the mechanism takes.
    """

    available: int
    released: int
    parts: tuple[tuple[Held, Span], ...]

    @property
    def units(self) -> int:
        """How many of the available units are still there."""
        return sum(span.units for _block, span in self.parts)

    @property
    def releasable(self) -> int:
        """How many may leave now."""
        return max(0, self.units - (self.available - self.released))


def pending_of(issuance: LedgerIssuance, rules: LevyRules | None = None) -> Pending:
    """What of an issuance waits. An imported issuance still holds its shares; they are nobody's to forward."""
    free_from = issuance.first + _taken(issuance, rules or read_rules())
    available = issuance.last - free_from + 1
    parts = [
        (block, Span(block.span.space, max(block.span.first, free_from), block.span.last))
        for block in _blocks(issuance)
        if block.span.last >= free_from
    ]
    return Pending(available, released_units(available, issuance.fee_due, issuance.fee_paid), tuple(parts))


def _taken(issuance: LedgerIssuance, rules: LevyRules) -> int:
    """How many of its lowest numbers the mechanism takes; of a project that nobody knows, as of any other."""
    issued_at = db.session.scalar(
        select(LedgerTransaction.completed_at).where(LedgerTransaction.id == issuance.issued_in_id)
    )
    if issued_at is None:
        return 0
    is_least_developed = db.session.scalar(
        select(Project.is_least_developed).where(Project.reference == issuance.project_reference)
    )
    return rules.of(
        issuance.mechanism_code,
        issued_at.date(),
        units=issuance.units,
        is_least_developed=bool(is_least_developed),
    ).taken


def _blocks(issuance: LedgerIssuance) -> Sequence[Held]:
    rows = db.session.execute(
        select(LedgerBlock.id, LedgerBlock.account_id, LedgerBlock.first, LedgerBlock.last)
        .join(LedgerAccount, LedgerAccount.id == LedgerBlock.account_id)
        .where(
            LedgerBlock.space == issuance.space,
            LedgerBlock.first.between(issuance.first, issuance.last),
            LedgerAccount.type_code == codes.PENDING_ACCOUNT,
        )
        .order_by(LedgerBlock.first)
    ).all()
    return [Held(row.id, row.account_id, issuance.id, Span(issuance.space, row.first, row.last)) for row in rows]
