"""Prices that an offer will have from a day on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from app.audit.service import Actor
from app.db import advance, record, transaction
from app.offers import service as offers
from app.offers.models import PriceChange
from app.offers.states import CLOSED, OPEN, PRICE_CHANGE, PriceChangeState
from app.selling.errors import NoSuchOffer, PlanOver, TermsUnfit
from app.selling.service.rows import (
    SWEEPER,
    act,
    known_offer,
    locked_offer,
    put,
    require_currency,
    require_fit,
    require_state,
)
from app.selling.terms import price_problems


def plan_price(
    offer_id: int,
    unit_price: int,
    tiers: Sequence[Sequence[int]],
    due_at: datetime,
    actor: Actor,
    now: datetime,
) -> int:
    """Plan the price and the tiers that an offer will have from `due_at` on; gives the plan's id.

    Raises NoSuchOffer, OfferMoved, OtherCurrency, or TermsUnfit (`unit_price`, `tiers`, `due_at`).
    """
    with transaction() as session:
        offer = locked_offer(offer_id)
        require_state(offer, *OPEN)
        require_currency(offer)
        require_fit(price_problems(unit_price, tiers, offer.minimum_units))
        if due_at <= now:
            raise TermsUnfit(field="due_at", reason="past")
        if offer.expires_at is not None and due_at >= offer.expires_at:
            raise TermsUnfit(field="due_at", reason="after_expiry")
        plan = PriceChange(
            offer_id=offer_id,
            state=PriceChangeState.PLANNED,
            unit_price=unit_price,
            tiers=[list(tier) for tier in tiers],
            due_at=due_at,
            created_by=actor.person_id,
            created_at=now,
        )
        session.add(plan)
        session.flush()
        record(PRICE_CHANGE.machine, plan.id, None, PriceChangeState.PLANNED, at=now)
        act(
            offer, "price_planned", actor, now, unit_price=unit_price, tiers=plan.tiers, due_at=due_at.isoformat()
        )  # fmt: skip
        return int(plan.id)


def drop_planned_price(change_id: int, actor: Actor, now: datetime) -> None:
    """Take a planned price back before it is due. Raises NoSuchOffer, or PlanOver where it is no plan any more."""
    with transaction() as session:
        plan = session.get(PriceChange, change_id)
        if plan is None:
            raise NoSuchOffer
        offer = known_offer(plan.offer_id)
        if not advance(PriceChange, change_id, PRICE_CHANGE, PriceChangeState.WITHDRAWN, at=now):
            raise PlanOver
        act(offer, "planned_price_dropped", actor, now, plan=change_id)


def apply_planned_price(change_id: int, now: datetime) -> bool:
    """Let a planned price hold, or drop it where the offer is over or the house forbids it. False: nothing to do."""
    with transaction() as session:
        offer = locked_offer(session.get_one(PriceChange, change_id).offer_id)
        plan = session.get_one(PriceChange, change_id, populate_existing=True)
        if plan.state is not PriceChangeState.PLANNED:
            return False
        unit_price, tiers = plan.unit_price, [list(tier) for tier in plan.tiers]
        # What the house allowed when the price was planned it may not allow any more.
        unfit = price_problems(unit_price, tiers, offer.minimum_units)
        is_fit = not unfit and offer.state not in CLOSED
        to = PriceChangeState.APPLIED if is_fit else PriceChangeState.WITHDRAWN
        advance(PriceChange, change_id, PRICE_CHANGE, to, at=now)
        if not is_fit:
            why = f"{unfit[0].facts['field']}: {unfit[0].facts['reason']}" if unfit else str(offer.state)
            act(offer, "planned_price_dropped", SWEEPER, now, reason=why, plan=change_id)
        elif put(offer, {"unit_price": unit_price, "tiers": tiers}):
            offers.note_new_price(offer, now)
        return True
