"""Why a decision about a wording cannot be taken."""

from app.kernel.errors import Refusal


class UnknownReview(Refusal):
    """There is no review with this number."""

    code = "unknown_review"


class AlreadyDecided(Refusal):
    """The review already has the state that was asked for."""

    code = "already_decided"
