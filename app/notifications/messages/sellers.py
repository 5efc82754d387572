"""What mails to those who sell, or want to, say."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from app.kernel.money import Money
from app.notifications.messages.facts import Facts
from app.notifications.messages.kinds import MailKind


@dataclass(frozen=True, kw_only=True)
class NamedOffer:
    """An offer as its seller finds it; `opens_at` (aware UTC) while it waits for its day."""

    code: str
    project_reference: str
    project_title: str
    unit_type: str
    unit_price: Money
    units_left: int
    opens_at: datetime | None = None


class SellerNews(StrEnum):
    """What happened to an applicant or participant."""

    RECEIVED = "received"
    RETURNED = "returned"
    APPROVED = "approved"
    REFUSED = "refused"
    SUSPENDED = "suspended"
    REINSTATED = "reinstated"
    PAYEE_CHANGED = "payee_changed"


@dataclass(frozen=True, kw_only=True)
class ParticipantNews(Facts):
    """What became of an application or a participant. `reference`: the organisation; `reason`: an operator's words."""

    kind = MailKind.PARTICIPANT_NEWS

    news: SellerNews
    room_url: str
    reason: str = field(default="", metadata={"has_lines": True})


@dataclass(frozen=True, kw_only=True)
class SellerFacts(Facts):
    """A mail to the people who sell for a participant; `reference` is its name, `offers_url` its room."""

    offers_url: str


@dataclass(frozen=True, kw_only=True)
class OffersApproved(SellerFacts):
    """An operator has approved offers: they are on sale, or will be on the day they open."""

    kind = MailKind.OFFERS_APPROVED

    offers: tuple[NamedOffer, ...]


@dataclass(frozen=True, kw_only=True)
class OfferReturned(SellerFacts):
    """An operator has sent an offer back as a draft, with the operator's own words."""

    kind = MailKind.OFFER_RETURNED

    offer: NamedOffer
    reason: str = field(metadata={"has_lines": True})


@dataclass(frozen=True, kw_only=True)
class OffersEnded(SellerFacts):
    """Offers of a mechanism that sells nothing any more, because its registry closes."""

    kind = MailKind.OFFERS_ENDED

    offers: tuple[NamedOffer, ...]


@dataclass(frozen=True, kw_only=True)
class OffersFrozen(SellerFacts):
    """Offers were taken off sale by the house. `reason`: a code of the house, or an operator's own words."""

    kind = MailKind.OFFERS_FROZEN

    offers: tuple[NamedOffer, ...]
    reason: str = field(metadata={"has_lines": True})


@dataclass(frozen=True, kw_only=True)
class LowStock(SellerFacts):
    """An offer has fewer units left than the house calls few."""

    kind = MailKind.LOW_STOCK

    offer: NamedOffer


@dataclass(frozen=True, kw_only=True)
class SoldLine:
    """Units of one offer that were sold and cancelled; `share` is what their seller gets of `amount`."""

    project_reference: str
    project_title: str
    unit_type: str
    units: int
    unit_price: Money
    amount: Money
    share: Money


@dataclass(frozen=True, kw_only=True)
class SaleMade(SellerFacts):
    """Units of a seller were sold in an order and are cancelled. Nothing of the buyer is in it."""

    kind = MailKind.SALE_MADE

    order_reference: str
    orders_url: str
    lines: tuple[SoldLine, ...]
    share: Money
