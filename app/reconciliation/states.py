"""Where a comparison and what it found stand."""

from __future__ import annotations

from enum import StrEnum

from app.kernel.states import Transitions


class RunState(StrEnum):
    """A run waits for the worker until it begins; one that nobody finishes was abandoned: its worker died."""

    WANTED = "wanted"
    RUNNING = "running"
    FINISHED = "finished"
    ABANDONED = "abandoned"


class RunCause(StrEnum):
    """Why books were compared."""

    NIGHTLY = "nightly"
    DEMAND = "demand"
    RESTORED = "restored"


class FindingState(StrEnum):
    """A finding is open until an operator says what it is."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"


class FindingKind(StrEnum):
    """What may differ. `shared/registries.md` 7.7; the last two are about money and about nothing being known."""

    OURS_NOT_THEIRS = "ours_not_theirs"
    THEIRS_NOT_OURS = "theirs_not_ours"
    REFERENCE_TWICE = "reference_twice"
    CONTENT_DIFFERS = "content_differs"
    TOTALS_DIFFER = "totals_differ"
    PENDING_LONG = "pending_long"
    POOL_SHORT = "pool_short"
    BALANCE_DIFFERS = "balance_differs"
    NOT_READ = "not_read"


RUN = Transitions(
    "reconciliation_run",
    {
        RunState.WANTED: {RunState.RUNNING},
        RunState.RUNNING: {RunState.FINISHED, RunState.ABANDONED},
        RunState.FINISHED: set(),
        RunState.ABANDONED: set(),
    },
)
FINDING = Transitions(
    "reconciliation_finding",
    {FindingState.OPEN: {FindingState.ACKNOWLEDGED}, FindingState.ACKNOWLEDGED: set()},
)
