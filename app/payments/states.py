"""Where a payment and a refund stand."""

from __future__ import annotations

from enum import StrEnum

from app.kernel.states import Transitions


class PaymentState(StrEnum):
    """`processing` is a delayed method: the buyer did their part, the bank has not."""

    CREATED = "created"
    OPEN = "open"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    EXPIRED = "expired"


class RefundState(StrEnum):
    """`failed` waits for an operator."""

    DUE = "due"
    REQUESTED = "requested"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class DisputeState(StrEnum):
    """What becomes of a payment whose money the buyer asks their bank for: the gateway's word, whenever it comes."""

    OPEN = "open"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"


_P = PaymentState
_R = RefundState
_D = DisputeState

PAYMENT = Transitions(
    "payment",
    {
        _P.CREATED: {_P.OPEN, _P.PROCESSING, _P.SUCCEEDED, _P.FAILED, _P.EXPIRED},
        _P.OPEN: {_P.PROCESSING, _P.SUCCEEDED, _P.FAILED, _P.EXPIRED},
        _P.PROCESSING: {_P.SUCCEEDED, _P.FAILED, _P.EXPIRED},
        # A session that we thought dead can still turn out to be paid; money is never ignored.
        _P.EXPIRED: {_P.SUCCEEDED, _P.PROCESSING},
        _P.FAILED: {_P.SUCCEEDED},
        _P.SUCCEEDED: set(),
    },
)

REFUND = Transitions(
    "refund",
    {
        _R.DUE: {_R.REQUESTED, _R.SUCCEEDED, _R.FAILED},
        _R.REQUESTED: {_R.SUCCEEDED, _R.FAILED},
        # A bank can send a refund back days after it was reported as done.
        _R.SUCCEEDED: {_R.FAILED},
        _R.FAILED: {_R.REQUESTED, _R.SUCCEEDED},
    },
)

# A bank may ask once more, an inquiry may become more, and what was decided may be appealed: nothing is final.
DISPUTE = Transitions("dispute", {state: set(_D) - {state} for state in _D})
STANDING = (_D.OPEN, _D.UNDER_REVIEW)
