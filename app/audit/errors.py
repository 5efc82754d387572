"""Why a decision of two people cannot be taken so."""

from app.kernel.errors import Refusal


class ReasonMissing(Refusal):
    """Every act that others must be able to understand needs its reason."""

    code = "reason_missing"


class SamePerson(Refusal):
    """Who proposed something cannot be the one who carries it out."""

    code = "same_person"


class AlreadyProposed(Refusal):
    """The same thing waits for a second person already, as `proposal`."""

    code = "already_proposed"


class ProposalClosed(Refusal):
    """The proposal was carried out, declined or withdrawn before; its `state`."""

    code = "proposal_closed"


class NoLongerPossible(Refusal):
    """What was proposed cannot be done any more, because the thing has moved on."""

    code = "no_longer_possible"


class RuleUnfit(Refusal):
    """A house rule cannot have this value: `key`."""

    code = "rule_unfit"
