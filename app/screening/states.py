"""Where a likeness with a name on a sanctions list stands."""

from __future__ import annotations

from enum import StrEnum

from app.kernel.states import Transitions


class MatchState(StrEnum):
    """A person looks at each likeness: `cleared` is somebody else, `confirmed` is the one on the list."""

    PENDING = "pending"
    CLEARED = "cleared"
    CONFIRMED = "confirmed"


_S = MatchState

MATCH = Transitions("screening_match", {_S.PENDING: {_S.CLEARED, _S.CONFIRMED}, _S.CLEARED: set(), _S.CONFIRMED: set()})
