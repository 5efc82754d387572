"""A participant's offers for its own pages, and the offers of all of them for operators. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from app.catalog.models import Issuance, Project
from app.current import settings
from app.db import StateEvent, db
from app.kernel.money import Money
from app.offers import pools
from app.offers.models import Offer, PriceChange
from app.offers.pools import Holdings, Pool
from app.offers.states import OFFER, OfferState
from app.selling.offer_pages import OfferLine, OfferPage, offer_line, offer_page, offer_rows

PAGE = 50  # offers on one page of a list


@dataclass(frozen=True)
class OfferList:
    """One page of offers, how many there are in each state, and the numbers of the pages beside it."""

    lines: tuple[OfferLine, ...]
    counts: Mapping[OfferState, int]
    earlier: int | None
    later: int | None

    @property
    def total(self) -> int:
        """How many offers there are, whatever their state."""
        return sum(self.counts.values())


@dataclass(frozen=True)
class Submitted:
    """A submitted offer as an operator judges it: beside what is live of the same project and what is held.

    `lowest` and `highest` are prices of live offers of the project; None for none. `missing` are units
    that its pool promises and the registry does not hold.
    """

    page: OfferPage
    lowest: Money | None
    highest: Money | None
    missing: int


def own_offers(provider_id: int, state: OfferState | None, page: int) -> OfferList:
    """A page of a participant's offers, newest first."""
    return _offer_list(state, page, Offer.provider_id == provider_id)


def all_offers(state: OfferState | None, page: int) -> OfferList:
    """A page of everybody's offers, newest first."""
    return _offer_list(state, page)


def find_offer(code: str, provider_id: int | None = None) -> OfferPage | None:
    """An offer with its history by its code; None if there is none, or it is not `provider_id`'s."""
    row = db.session.execute(offer_rows().where(Offer.code == code)).one_or_none()
    if row is None or (provider_id is not None and row[0].provider_id != provider_id):
        return None
    return offer_page(*row)


def get_code(offer_id: int) -> str:
    """The code of an offer that is known to be there. Raises NoResultFound otherwise."""
    return db.session.execute(select(Offer.code).where(Offer.id == offer_id)).scalar_one()


def offer_of_plan(change_id: int) -> int | None:
    """The id of the offer that a planned price is for."""
    return db.session.scalar(select(PriceChange.offer_id).where(PriceChange.id == change_id))


def queue(holdings: Holdings) -> list[Submitted]:
    """The submitted offers that wait for a decision, oldest first."""
    ids = db.session.scalars(select(Offer.id).where(Offer.state == OfferState.SUBMITTED)).all()
    since = dict(
        db.session.execute(
            select(StateEvent.subject_id, func.max(StateEvent.id))
            .where(
                StateEvent.machine == OFFER.machine,
                StateEvent.subject_id.in_(ids),
                StateEvent.to_state == OfferState.SUBMITTED,
            )
            .group_by(StateEvent.subject_id)
        ).all()
    )
    rows = db.session.execute(offer_rows().where(Offer.id.in_(ids))).all()
    waiting = sorted((offer_page(*row) for row in rows), key=lambda page: since.get(page.line.id, 0))
    missing = _missing(waiting, holdings)
    bounds = _live_prices(page.project_id for page in waiting)
    found, currency = [], settings().currency
    for page in waiting:
        lowest, highest = bounds.get(page.project_id, (None, None))
        found.append(
            Submitted(
                page,
                None if lowest is None else Money(lowest, currency),
                None if highest is None else Money(highest, currency),
                missing[page.account, page.issuance_id],
            )
        )
    return found


def every_offer(provider_id: int) -> Sequence[tuple[Offer, Issuance, Project]]:
    """All offers of a participant for its file, by code."""
    rows = db.session.execute(
        select(Offer, Issuance, Project)
        .join(Issuance, Issuance.id == Offer.issuance_id)
        .join(Project, Project.id == Issuance.project_id)
        .where(Offer.provider_id == provider_id)
        .order_by(Offer.code)
        .execution_options(populate_existing=True)
    ).all()
    return [(offer, issuance, project) for offer, issuance, project in rows]


def _missing(waiting: Sequence[OfferPage], holdings: Holdings) -> dict[Pool, int]:
    wanted: list[Pool] = sorted({(page.account, page.issuance_id) for page in waiting})
    if not wanted:
        return {}
    supply = pools.read_supply([account for account, _issuance in wanted], holdings)
    promised = pools.promised(wanted)
    return {pool: max(0, promised[pool] - supply.available(pool, pools.serials_of(pool[1]))) for pool in wanted}


def _live_prices(project_ids: Any) -> dict[int, tuple[int, int]]:
    rows = db.session.execute(
        select(Issuance.project_id, func.min(Offer.unit_price), func.max(Offer.unit_price))
        .join(Offer, Offer.issuance_id == Issuance.id)
        .where(
            Offer.state == OfferState.LIVE,
            Offer.currency == settings().currency,
            Issuance.project_id.in_(set(project_ids)),
        )
        .group_by(Issuance.project_id)
    ).all()
    return {project_id: (lowest, highest) for project_id, lowest, highest in rows}


def _offer_list(state: OfferState | None, page: int, *conditions: Any) -> OfferList:
    counts = dict(db.session.execute(select(Offer.state, func.count()).where(*conditions).group_by(Offer.state)).all())
    wanted = offer_rows().where(*conditions).order_by(Offer.id.desc()).offset((page - 1) * PAGE).limit(PAGE)
    if state is not None:
        wanted = wanted.where(Offer.state == state)
    lines = tuple(offer_line(*row) for row in db.session.execute(wanted))
    there = sum(counts.values()) if state is None else counts.get(state, 0)
    return OfferList(
        lines=lines,
        counts={known: counts[known] for known in OfferState if known in counts},
        earlier=page - 1 if page > 1 else None,
        later=page + 1 if there > page * PAGE else None,
    )
