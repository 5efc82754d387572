"""Why the outcome of a cancellation cannot be settled by hand."""

from app.kernel.errors import Refusal


class CancellationNotStuck(Refusal):
    """The cancellation has its outcome, or its registry may still give one by itself: its `state`."""

    code = "cancellation_not_stuck"


class OutcomeUnfit(Refusal):
    """What was stated does not add up with what was asked for: `field`, and `problem` in English where there is one."""

    code = "outcome_unfit"


class UnknownHolder(Refusal):
    """No project participant has this code: `provider`."""

    code = "unknown_holder"


class AccountTaken(Refusal):
    """The account `account` belongs to another participant, or another registry keeps it."""

    code = "account_taken"
