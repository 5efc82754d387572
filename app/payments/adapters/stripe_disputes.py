"""What Stripe says of a dispute, in the words of the port (https://docs.stripe.com/api/disputes/object)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from app.kernel.money import Money
from app.payments.ports import DisputeStatus
from app.payments.states import DisputeState

# `warning_…` is an inquiry: the bank asks and takes nothing yet. One that is closed, or prevented, never became more.
STAGES = {
    "needs_response": DisputeState.OPEN,
    "warning_needs_response": DisputeState.OPEN,
    "appeal_needs_response": DisputeState.OPEN,
    "under_review": DisputeState.UNDER_REVIEW,
    "warning_under_review": DisputeState.UNDER_REVIEW,
    "appeal_under_review": DisputeState.UNDER_REVIEW,
    "won": DisputeState.WON,
    "warning_closed": DisputeState.WON,
    "prevented": DisputeState.WON,
    "lost": DisputeState.LOST,
}


def read_dispute(dispute: dict[str, Any]) -> DisputeStatus:
    """A dispute as the API has it. Raises KeyError, TypeError or ValueError for any other shape."""
    due_by = (dispute.get("evidence_details") or {}).get("due_by")
    # In the currency of our account, which need not be the buyer's, at the rate of each day: only the directions count.
    moves = [transaction["amount"] > 0 for transaction in dispute["balance_transactions"]]
    is_taken = moves.count(False) > moves.count(True)
    return DisputeStatus(
        gateway_reference=dispute["id"],
        state=STAGES[dispute["status"]],
        reason=dispute["reason"],
        amount=Money(dispute["amount"], dispute["currency"].upper()),
        taken=dispute["amount"] if is_taken else 0,
        opened_at=datetime.fromtimestamp(dispute["created"], UTC),
        evidence_due_at=datetime.fromtimestamp(due_by, UTC) if due_by else None,
    )
