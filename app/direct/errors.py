"""Why units cannot be cancelled directly."""

from app.kernel.errors import Refusal


class NotYourUnits(Refusal):
    """The account is not the participant's, or there is no such issuance."""

    code = "not_your_units"


class ParticipantCannotAct(Refusal):
    """The participant is suspended, or nobody has proved to act for it."""

    code = "participant_cannot_act"


class WishUnfit(Refusal):
    """What was asked for is incomplete or contradicts itself: `field`."""

    code = "wish_unfit"


class NotHeld(Refusal):
    """The direct cancellation does not wait for a person (any more): its `state`."""

    code = "not_held"


class MatchOpen(Refusal):
    """A name is like one on a sanctions list, and nobody has cleared it: `standing`."""

    code = "match_open"


class RegistryLost(Refusal):
    """Units lie in a registry that this copy is not connected to any more: nobody here can cancel them."""

    code = "registry_lost"


class RegistryClosed(Refusal):
    """The registry of the units has closed: nothing can be cancelled there any more."""

    code = "registry_closed"
