"""Where a direct cancellation stands."""

from __future__ import annotations

from enum import StrEnum

from app.kernel.states import Transitions


class DirectState(StrEnum):
    """`fulfilled` and `refused` are final: certified, or certainly without effect in the registry."""

    PLACED = "placed"
    RISK_HOLD = "risk_hold"
    FULFILLING = "fulfilling"
    FULFILLED = "fulfilled"
    REFUSED = "refused"


_S = DirectState

DIRECT = Transitions(
    "direct_cancellation",
    {
        _S.PLACED: {_S.FULFILLING, _S.RISK_HOLD},
        _S.RISK_HOLD: {_S.FULFILLING, _S.REFUSED},
        _S.FULFILLING: {_S.FULFILLED, _S.REFUSED},
        _S.FULFILLED: set(),
        _S.REFUSED: set(),
    },
)
