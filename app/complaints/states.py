"""Where a complaint stands."""

from __future__ import annotations

from enum import StrEnum

from app.kernel.states import Transitions


class ComplaintState(StrEnum):
    """A complaint waits until it is answered, in one of three ways, or taken back."""

    RECEIVED = "received"
    UPHELD = "upheld"
    ANSWERED = "answered"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


_S = ComplaintState

# The ways in which an operator closes a complaint: right, neither, or not right.
OUTCOMES = (_S.UPHELD, _S.ANSWERED, _S.REJECTED)

# A reply is a promise: it is not taken back. Whoever is not content complains again and names the number.
COMPLAINT = Transitions(
    "complaint",
    {
        _S.RECEIVED: {*OUTCOMES, _S.WITHDRAWN},
        _S.UPHELD: set(),
        _S.ANSWERED: set(),
        _S.REJECTED: set(),
        _S.WITHDRAWN: set(),
    },
)
