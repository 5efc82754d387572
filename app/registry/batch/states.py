"""Where a batch and each of its lines stand."""

from __future__ import annotations

from enum import StrEnum

from app.kernel.states import Transitions


class BatchState(StrEnum):
    """What is in an open batch may still be taken out; from `exported` on the registry may have acted on it."""

    OPEN = "open"
    CLOSED = "closed"
    EXPORTED = "exported"
    ACKNOWLEDGED = "acknowledged"
    ANSWERED = "answered"
    SETTLED = "settled"


class LineState(StrEnum):
    """A line is answered once, and for good."""

    PENDING = "pending"
    PROCESSED = "processed"
    NOT_PROCESSED = "not_processed"
    WITHDRAWN = "withdrawn"


_B, _L = BatchState, LineState

BATCH = Transitions(
    "batch",
    {
        _B.OPEN: {_B.CLOSED},
        _B.CLOSED: {_B.EXPORTED},
        # An administrator who answers at once acknowledges nothing before.
        _B.EXPORTED: {_B.ACKNOWLEDGED, _B.ANSWERED},
        _B.ACKNOWLEDGED: {_B.ANSWERED},
        _B.ANSWERED: {_B.SETTLED},
        _B.SETTLED: set(),
    },
)

BATCH_LINE = Transitions(
    "batch_line",
    {
        _L.PENDING: {_L.PROCESSED, _L.NOT_PROCESSED, _L.WITHDRAWN},
        _L.PROCESSED: set(),
        _L.NOT_PROCESSED: set(),
        _L.WITHDRAWN: set(),
    },
)

# The administrator has it, and has not answered every line.
HANDED_OVER = (_B.EXPORTED, _B.ACKNOWLEDGED)
