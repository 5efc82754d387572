"""Where a proposal stands."""

from __future__ import annotations

from enum import StrEnum

from app.kernel.states import Transitions


class ProposalState(StrEnum):
    """`carried_out`, `declined` and `withdrawn` are final; only another person carries out or declines."""

    PROPOSED = "proposed"
    CARRIED_OUT = "carried_out"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


_S = ProposalState

PROPOSAL = Transitions(
    "proposal",
    {
        _S.PROPOSED: {_S.CARRIED_OUT, _S.DECLINED, _S.WITHDRAWN},
        _S.CARRIED_OUT: set(),
        _S.DECLINED: set(),
        _S.WITHDRAWN: set(),
    },
)
