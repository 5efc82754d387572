"""What a participant sees first: where its offers stand and why, and what needs attention. Reads only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from app.audit.rules import LOW_STOCK, rule
from app.catalog.models import Issuance, Project
from app.current import settings
from app.db import db
from app.kernel.money import Money
from app.offers.connection import hindrance, is_lost, registry_codes
from app.offers.models import Offer, OfferInterest, PriceChange
from app.offers.states import OFFER, OfferState, PriceChangeState
from app.payments.payouts import balance
from app.providers.models import Application, Payee, Provider
from app.providers.states import PayeeState, ProviderState
from app.reporting.forms import SaleState
from app.reporting.lines import LineSum
from app.reporting.queries import offered_currencies

_ON_OFFER = (OfferState.LIVE,)


@dataclass(frozen=True)
class OfferStanding:
    """One offer in numbers. Units are whole units (tonnes); `orders` are those that have not expired.

    `reason` is a code of the house or somebody's words, and says why the offer is in its state. `hindrance` is
    what keeps it from being sold whatever its seller does (`app.offers.connection`).
    """

    id: int
    code: str
    state: OfferState
    reason: str
    project_reference: str
    project_title: str
    unit_type: str
    price: Money
    offered: int
    held: int
    sold: int
    cancelled: int
    left: int
    views: int
    baskets: int
    orders: int
    opens_at: datetime | None
    expires_at: datetime | None
    hindrance: str

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen to it."""
        return OFFER.is_final(self.state)


@dataclass(frozen=True)
class Tiles:
    """Key figures in units: on offer now, held for unpaid orders."""

    on_offer: int
    held: int


@dataclass(frozen=True)
class Attention:
    """Something that waits for the participant. `code` says what, `facts` of what; words are the page's."""

    code: str
    is_serious: bool
    facts: dict[str, Any] = field(default_factory=dict)


def newest_application(organisation_id: int) -> Application | None:
    """The organisation's application to sell, the newest if there were several."""
    return db.session.scalars(
        select(Application).where(Application.organisation_id == organisation_id).order_by(Application.id.desc())
    ).first()


def offer_standings(provider_id: int, lines: Iterable[LineSum]) -> list[OfferStanding]:
    """Every offer of a participant: those that can still sell first, then by code. `lines` are its `line_sums`."""
    interest = (
        select(
            OfferInterest.offer_id,
            func.sum(OfferInterest.views).label("views"),
            func.sum(OfferInterest.baskets).label("baskets"),
        )
        .group_by(OfferInterest.offer_id)
        .subquery()
    )
    # An order has one line of an offer, because its basket has.
    orders: Counter[int] = Counter()
    cancelled: Counter[int] = Counter()
    for line in lines:
        if line.state is not SaleState.EXPIRED:
            orders[line.offer_id] += line.lines
        if line.state is SaleState.CANCELLED:
            cancelled[line.offer_id] += line.units
    rows = db.session.execute(
        select(Offer, Project, Issuance.unit_type, interest.c.views, interest.c.baskets, is_lost(registry_codes()))
        .join(Issuance, Issuance.id == Offer.issuance_id)
        .join(Project, Project.id == Issuance.project_id)
        .outerjoin(interest, interest.c.offer_id == Offer.id)
        .where(Offer.provider_id == provider_id)
        .order_by(Offer.code)
    )
    found = [
        OfferStanding(
            id=offer.id,
            code=offer.code,
            state=offer.state,
            reason=offer.state_reason,
            project_reference=project.reference,
            project_title=project.title,
            unit_type=unit_type,
            price=offer.price,
            offered=offer.units_offered,
            held=offer.units_reserved,
            sold=offer.units_settled,
            cancelled=cancelled[offer.id],
            left=offer.units_left,
            views=int(views or 0),
            baskets=int(baskets or 0),
            orders=orders[offer.id],
            opens_at=offer.opens_at,
            expires_at=offer.expires_at,
            hindrance=hindrance(offer, is_lost=lost),
        )
        for offer, project, unit_type, views, baskets, lost in rows
    ]
    return sorted(found, key=lambda offer: offer.is_over)


def tiles(offers: Sequence[OfferStanding]) -> Tiles:
    """The key figures of some offers."""
    return Tiles(
        on_offer=sum(offer.left for offer in offers if offer.state in _ON_OFFER and not offer.hindrance),
        held=sum(offer.held for offer in offers),
    )


def attention(provider: Provider, offers: Sequence[OfferStanding]) -> list[Attention]:
    """What waits for the participant, the serious first."""
    found = []
    if provider.state is ProviderState.SUSPENDED:
        found.append(Attention("suspended", is_serious=True, facts={"reason": provider.state_reason}))
    few = rule(LOW_STOCK)
    for offer in offers:
        code = _needs(offer, few)
        if code is not None:
            found.append(Attention(code, is_serious=code == "frozen", facts={"offer": offer}))
    payee = select(Payee.id).where(Payee.provider_id == provider.id, Payee.state == PayeeState.CURRENT)
    if db.session.scalar(payee) is None:
        found.append(Attention("payee_missing", is_serious=False))
    found += [
        Attention("other_currency", is_serious=False, facts={"due": Money(due, code)})
        for code in offered_currencies(provider.id)
        if code != settings().currency and (due := balance(provider.id, code).due)
    ]
    codes = {offer.id: offer for offer in offers}
    for change in db.session.scalars(
        select(PriceChange)
        .where(PriceChange.offer_id.in_(codes), PriceChange.state == PriceChangeState.PLANNED)
        .order_by(PriceChange.due_at)
    ):
        offer = codes[change.offer_id]
        facts = {
            "offer": offer,
            "price": Money(change.unit_price, offer.price.currency),
            "due_at": change.due_at,
        }
        found.append(Attention("price_planned", is_serious=False, facts=facts))
    return sorted(found, key=lambda item: not item.is_serious)


def _needs(offer: OfferStanding, few: int) -> str | None:
    if offer.state is OfferState.FROZEN:
        return "frozen"
    if offer.state is OfferState.DRAFT:
        return "sent_back" if offer.reason else None
    if offer.state is OfferState.SOLD_OUT or (offer.state is OfferState.LIVE and offer.left == 0):
        return "sold_out"
    if offer.state is OfferState.LIVE and offer.left < few:
        return "low_stock"
    return None
