"""Why a seller's wish cannot be met."""

from app.kernel.errors import Refusal


class NoSuchOffer(Refusal):
    """There is no such offer, or planned price."""

    code = "no_such_offer"


class OfferMoved(Refusal):
    """What was asked for cannot be done with an offer that is `state` now."""

    code = "offer_moved"


class PlanOver(Refusal):
    """A planned price holds already, or was taken back."""

    code = "plan_over"


class TermsUnfit(Refusal):
    """`field` of the terms cannot be as it is; `reason` says how, the other facts with which bounds.

    Reasons: `unit_price`: bounds (lowest, highest); `units`: not_positive, below_taken (taken);
    `minimum_units`: not_positive, above_units; `tiers`: too_many (most), not_rising, not_falling, bounds
    (lowest, highest); `opens_at`: opened; `expires_at`: past, before_opening; `due_at`: past, after_expiry;
    `texts`: language (language), too_long (language, longest), claims (language, quotes).
    """

    code = "terms_unfit"


class MayNotOffer(Refusal):
    """The participant may not offer units of this project: it is not approved, or has no accepted authority."""

    code = "may_not_offer"


class OtherOwner(Refusal):
    """The registry account `account` does not belong to the participant."""

    code = "other_owner"


class UnitsDoubted(Refusal):
    """Other offers of the same units are frozen, `offer_code` first of all: the registry's books differ from ours."""

    code = "units_doubted"


class UnknownIssuance(Refusal):
    """There is no such issuance."""

    code = "unknown_issuance"


class CodeUnfit(Refusal):
    """`offer_code` is no code of an offer, or another offer has it (`reason`: form, taken)."""

    code = "code_unfit"


class OtherCurrency(Refusal):
    """The offer's price is in `currency`, which the house has given up: it can only be withdrawn."""

    code = "other_currency"


class OfferChangedMeanwhile(Refusal):
    """The offer is no longer as the page showed it when the form was opened; nothing was changed."""

    code = "offer_changed_meanwhile"
