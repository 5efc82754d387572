"""A participant's lines of orders, added up once by all that its pages tell them apart by. Reads only."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import case, func, select

from app.checkout.models import Order, OrderLine
from app.db import db
from app.registry.models import Cancellation
from app.reporting.forms import Month, SaleState
from app.reporting.queries import REFUNDED, REFUNDED_AT, line_state, month_of, own_lines

# When what a line's money is counted by has happened.
HAPPENED_AT = {
    SaleState.CANCELLED: Cancellation.completed_at,
    SaleState.REFUNDED: REFUNDED_AT,
    SaleState.PAID: Order.paid_at,
}


@dataclass(frozen=True)
class LineSum:
    """Lines of one state, currency, project, offer and time: how many, whole units, and money in minor units.

    `happened_in` is the month (UTC) that their money counts in, and None for lines that nothing was paid for.
    `went_back` is what their buyers got back.
    """

    state: SaleState
    currency: str
    project_id: int
    offer_id: int
    paid_in: Month | None
    happened_in: Month | None
    lines: int
    units: int
    seller_share: int
    went_back: int


def line_sums(provider_id: int) -> list[LineSum]:
    """All lines of a participant, added up in one query: it reads every one of them, so nobody asks twice."""
    lines = own_lines(
        provider_id,
        line_state.label("state"),
        Order.currency,
        OrderLine.project_id,
        OrderLine.offer_id,
        OrderLine.units,
        OrderLine.seller_share,
        case((line_state == SaleState.REFUNDED.value, REFUNDED), else_=0).label("went_back"),
        Order.paid_at,
        case(*((line_state == state.value, at) for state, at in HAPPENED_AT.items())).label("happened_at"),
    ).subquery()
    kept = lines.c
    months = month_of(kept.paid_at), month_of(kept.happened_at)
    groups = (kept.state, kept.currency, kept.project_id, kept.offer_id, *months)
    sums = (func.count(), func.sum(kept.units), func.sum(kept.seller_share), func.sum(kept.went_back))
    found = db.session.execute(select(*groups, *sums).group_by(*groups))
    return [
        LineSum(
            state=SaleState(state),
            currency=currency,
            project_id=project_id,
            offer_id=offer_id,
            paid_in=Month.of(paid_in) if paid_in else None,
            happened_in=Month.of(happened_in) if happened_in else None,
            lines=count,
            units=int(units),
            seller_share=int(share),
            went_back=int(went_back),
        )
        for state, currency, project_id, offer_id, paid_in, happened_in, count, units, share, went_back in found
    ]
