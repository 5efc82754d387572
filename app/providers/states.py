"""Where an application, a participant, an authority for a project and a payee stand."""

from __future__ import annotations

from enum import StrEnum

from app.kernel.states import Transitions


class ApplicationState(StrEnum):
    """`returned` asks for more; `approved`, `refused` and `withdrawn` are final."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class ProviderState(StrEnum):
    """Only an approved participant sells."""

    APPROVED = "approved"
    SUSPENDED = "suspended"


class AuthorityState(StrEnum):
    """Whether a participant may offer units of a project: it is its focal point, or acts for it."""

    CLAIMED = "claimed"
    APPROVED = "approved"
    REFUSED = "refused"


class PayeeState(StrEnum):
    """Where money goes: one `current` payee for each participant, after a second person agreed."""

    REQUESTED = "requested"
    CURRENT = "current"
    REPLACED = "replaced"
    REFUSED = "refused"


_A = ApplicationState
_P = ProviderState
_U = AuthorityState
_Y = PayeeState

APPLICATION = Transitions(
    "application",
    {
        _A.DRAFT: {_A.SUBMITTED, _A.WITHDRAWN},
        _A.SUBMITTED: {_A.APPROVED, _A.REFUSED, _A.RETURNED, _A.WITHDRAWN},
        _A.RETURNED: {_A.SUBMITTED, _A.WITHDRAWN},
        _A.APPROVED: set(),
        _A.REFUSED: set(),
        _A.WITHDRAWN: set(),
    },
)
PROVIDER = Transitions("provider", {_P.APPROVED: {_P.SUSPENDED}, _P.SUSPENDED: {_P.APPROVED}})
AUTHORITY = Transitions(
    "project_authority", {_U.CLAIMED: {_U.APPROVED, _U.REFUSED}, _U.APPROVED: {_U.REFUSED}, _U.REFUSED: set()}
)
PAYEE = Transitions(
    "payee",
    {
        _Y.REQUESTED: {_Y.CURRENT, _Y.REFUSED},
        _Y.CURRENT: {_Y.REPLACED},
        _Y.REPLACED: set(),
        _Y.REFUSED: set(),
    },
)
