"""Where a cancellation stands."""

from __future__ import annotations

from enum import StrEnum

from app.kernel.states import Transitions


class CancellationState(StrEnum):
    """`confirmed` and `refused` are final: nothing undoes a cancellation."""

    PLANNED = "planned"
    SENDING = "sending"
    WAITING = "waiting"
    UNKNOWN = "unknown"
    MANUAL = "manual"
    CONFIRMED = "confirmed"
    REFUSED = "refused"


_S = CancellationState

CANCELLATION = Transitions(
    "cancellation",
    {
        # A sender that was given up may report success after all, or something that needs a person.
        # What nobody sent yet, or what was proven absent, can be taken back for good.
        # After a restore what is planned may have been sent before.
        _S.PLANNED: {_S.SENDING, _S.CONFIRMED, _S.MANUAL, _S.REFUSED, _S.UNKNOWN},
        # not_sent is an outcome that returns to planned; a crash in sending becomes unknown.
        # Something else under our reference is nothing that a rule can act on.
        _S.SENDING: {_S.CONFIRMED, _S.WAITING, _S.REFUSED, _S.UNKNOWN, _S.PLANNED, _S.MANUAL},
        # A registry that accepted and then contradicts itself is a matter for a person.
        _S.WAITING: {_S.CONFIRMED, _S.REFUSED, _S.MANUAL},
        _S.UNKNOWN: {_S.CONFIRMED, _S.REFUSED, _S.WAITING, _S.PLANNED, _S.MANUAL},
        _S.MANUAL: {_S.CONFIRMED, _S.REFUSED},
        _S.CONFIRMED: set(),
        _S.REFUSED: set(),
    },
)
