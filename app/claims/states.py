"""Where the review of a risky wording stands."""

from __future__ import annotations

from enum import StrEnum

from app.kernel.states import Transitions


class WordingState(StrEnum):
    """Public only when released. A decision can be taken back: a person may have read too fast."""

    PENDING = "pending"
    RELEASED = "released"
    WITHHELD = "withheld"


_S = WordingState

WORDING = Transitions(
    "wording_review",
    {_S.PENDING: {_S.RELEASED, _S.WITHHELD}, _S.RELEASED: {_S.WITHHELD}, _S.WITHHELD: {_S.RELEASED}},
)
