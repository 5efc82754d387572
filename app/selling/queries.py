"""A participant's offers and holdings for its own pages, and the offers of all of them for operators. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, func, select

from app.accounts.models import Organisation
from app.catalog.models import Issuance, Project
from app.db import StateEvent, db
from app.kernel.money import Money
from app.kernel.serials import Span
from app.offers import pools
from app.offers.models import Offer, OfferPrice, PriceChange
from app.offers.pools import Holdings, Pool
from app.offers.states import OFFER, OfferState, PriceChangeState
from app.providers.models import ProjectAuthority, Provider
from app.providers.states import AuthorityState, ProviderState
from app.registry.accounts import account_identifiers
from app.selling.terms import Terms, fingerprint, terms_of

PAGE = 50  # offers on one page of a list


@dataclass(frozen=True)
class OfferLine:
    """An offer in a list; units in whole units (tonnes), `reason` as it is kept."""

    id: int
    code: str
    state: OfferState
    reason: str
    project_reference: str
    project_title: str
    unit_type: str
    commitment_period: int | None
    vintage_year: int | None
    authorisation: str
    monitoring_starts_on: date
    monitoring_ends_on: date
    price: Money
    units_offered: int
    units_left: int
    units_reserved: int
    units_settled: int
    opens_at: datetime | None
    expires_at: datetime | None
    provider_name: str
    organisation_code: str | None


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
class HoldingLine:
    """Units of one issuance in one account, by the registry; `free` are those that nothing promises.

    `obstacle` says why they cannot be offered: suspended, unclaimed, claimed or refused; empty for nothing.
    """

    account: str
    issuance_id: int
    project_reference: str
    project_title: str
    unit_type: str
    commitment_period: int | None
    vintage_year: int | None
    authorisation: str
    monitoring_starts_on: date
    monitoring_ends_on: date
    originating_party: str
    serial_first: int
    serial_last: int
    available: int
    free: int
    obstacle: str


@dataclass(frozen=True)
class Event:
    """A change of state, when, and why as it is kept."""

    state: OfferState
    at: datetime
    reason: str


@dataclass(frozen=True)
class Price:
    """A price that an offer had or will have, with its tiers as `(from_units, price)`."""

    id: int
    price: Money
    tiers: tuple[tuple[int, Money], ...]
    at: datetime
    state: PriceChangeState | None = None


@dataclass(frozen=True)
class OfferPage:
    """Everything about an offer that its seller and the operators may know."""

    line: OfferLine
    provider_id: int
    project_id: int
    issuance_id: int
    account: str
    originating_party: str
    serial_first: int
    serial_last: int
    terms: Terms
    tiers: tuple[tuple[int, Money], ...]
    seen: str
    confirmed_at: datetime | None
    events: tuple[Event, ...]
    prices: tuple[Price, ...]
    plans: tuple[Price, ...]


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


def holdings_of(provider: Provider, holdings: Holdings) -> tuple[list[str], list[HoldingLine]]:
    """A participant's registry accounts, and what the registry says lies in them, with what is free of it."""
    accounts = account_identifiers(provider.id)
    supply = pools.read_supply(accounts, holdings)
    references = {holding.project_reference for held in supply.held.values() for holding in held}
    candidates = db.session.execute(
        select(Issuance, Project)
        .join(Project, Project.id == Issuance.project_id)
        .where(Project.reference.in_(references))
        .order_by(Project.reference, Issuance.monitoring_starts_on, Issuance.serial_first)
    ).all()
    held = [
        (account, issuance, project)
        for account in accounts
        for issuance, project in candidates
        if supply.holdings(account, _serials(issuance))
    ]
    wanted: list[Pool] = [(account, issuance.id) for account, issuance, _project in held]
    promised = pools.promised(wanted) if wanted else {}
    obstacles = _obstacles(provider)
    lines = []
    for account, issuance, project in held:
        pool = account, issuance.id
        in_account = sum(holding.available for holding in supply.holdings(account, _serials(issuance)))
        lines.append(
            HoldingLine(
                account=account,
                issuance_id=issuance.id,
                project_reference=project.reference,
                project_title=project.title,
                unit_type=issuance.unit_type,
                commitment_period=issuance.commitment_period,
                vintage_year=issuance.vintage_year,
                authorisation=issuance.authorisation or "",
                monitoring_starts_on=issuance.monitoring_starts_on,
                monitoring_ends_on=issuance.monitoring_ends_on,
                originating_party=issuance.originating_party,
                serial_first=issuance.serial_first,
                serial_last=issuance.serial_last,
                available=in_account,
                free=max(0, supply.available(pool, _serials(issuance)) - promised[pool]),
                obstacle=_obstacle(provider, obstacles, project.id),
            )
        )
    return accounts, lines


def find_offer(code: str, provider_id: int | None = None) -> OfferPage | None:
    """An offer with its history by its code; None if there is none, or it is not `provider_id`'s."""
    row = db.session.execute(_rows().where(Offer.code == code)).one_or_none()
    if row is None or (provider_id is not None and row[0].provider_id != provider_id):
        return None
    return _page(*row)


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
    rows = db.session.execute(_rows().where(Offer.id.in_(ids))).all()
    waiting = sorted((_page(*row) for row in rows), key=lambda page: since.get(page.line.id, 0))
    missing = _missing(waiting, holdings)
    bounds = _live_prices(page.project_id for page in waiting)
    found = []
    for page in waiting:
        lowest, highest = bounds.get(page.project_id, (None, None))
        currency = page.line.price.currency
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
        .where(Offer.state == OfferState.LIVE, Issuance.project_id.in_(set(project_ids)))
        .group_by(Issuance.project_id)
    ).all()
    return {project_id: (lowest, highest) for project_id, lowest, highest in rows}


def _offer_list(state: OfferState | None, page: int, *conditions: Any) -> OfferList:
    counts = dict(db.session.execute(select(Offer.state, func.count()).where(*conditions).group_by(Offer.state)).all())
    wanted = _rows().where(*conditions).order_by(Offer.id.desc()).offset((page - 1) * PAGE).limit(PAGE)
    if state is not None:
        wanted = wanted.where(Offer.state == state)
    lines = tuple(_line(*row) for row in db.session.execute(wanted))
    there = sum(counts.values()) if state is None else counts.get(state, 0)
    return OfferList(
        lines=lines,
        counts={known: counts[known] for known in OfferState if known in counts},
        earlier=page - 1 if page > 1 else None,
        later=page + 1 if there > page * PAGE else None,
    )


def _rows() -> Select[Offer, Issuance, Project, Provider, str]:
    return (
        select(Offer, Issuance, Project, Provider, Organisation.code)
        .join(Issuance, Issuance.id == Offer.issuance_id)
        .join(Project, Project.id == Issuance.project_id)
        .join(Provider, Provider.id == Offer.provider_id)
        .outerjoin(Organisation, Organisation.id == Provider.organisation_id)
        .execution_options(populate_existing=True)
    )


def _line(offer: Offer, issuance: Issuance, project: Project, provider: Provider, code: str | None) -> OfferLine:
    return OfferLine(
        id=offer.id,
        code=offer.code,
        state=offer.state,
        reason=offer.state_reason,
        project_reference=project.reference,
        project_title=project.title,
        unit_type=issuance.unit_type,
        commitment_period=issuance.commitment_period,
        vintage_year=issuance.vintage_year,
        authorisation=issuance.authorisation or "",
        monitoring_starts_on=issuance.monitoring_starts_on,
        monitoring_ends_on=issuance.monitoring_ends_on,
        price=offer.price,
        units_offered=offer.units_offered,
        units_left=offer.units_left,
        units_reserved=offer.units_reserved,
        units_settled=offer.units_settled,
        opens_at=offer.opens_at,
        expires_at=offer.expires_at,
        provider_name=provider.legal_name,
        organisation_code=code,
    )


def _page(offer: Offer, issuance: Issuance, project: Project, provider: Provider, code: str | None) -> OfferPage:
    terms = terms_of(offer)
    return OfferPage(
        line=_line(offer, issuance, project, provider, code),
        provider_id=provider.id,
        project_id=project.id,
        issuance_id=issuance.id,
        account=offer.account,
        originating_party=issuance.originating_party,
        serial_first=issuance.serial_first,
        serial_last=issuance.serial_last,
        terms=terms,
        tiers=tuple((from_units, Money(price, offer.currency)) for from_units, price in offer.tiers),
        seen=fingerprint(offer.units_offered, terms),
        confirmed_at=offer.holding_confirmed_at,
        events=tuple(_events(offer.id)),
        prices=tuple(_prices(offer)),
        plans=tuple(_plans(offer)),
    )


def _events(offer_id: int) -> list[Event]:
    rows = db.session.scalars(
        select(StateEvent)
        .where(StateEvent.machine == OFFER.machine, StateEvent.subject_id == offer_id)
        .order_by(StateEvent.id)
    )
    return [Event(OfferState(row.to_state), row.at, str(row.facts.get("reason", ""))) for row in rows]


def _prices(offer: Offer) -> list[Price]:
    rows = db.session.scalars(select(OfferPrice).where(OfferPrice.offer_id == offer.id).order_by(OfferPrice.id))
    return [
        Price(row.id, Money(row.unit_price, row.currency), _tiers(row, row.currency), row.valid_from) for row in rows
    ]


def _plans(offer: Offer) -> list[Price]:
    rows = db.session.scalars(
        select(PriceChange).where(PriceChange.offer_id == offer.id).order_by(PriceChange.due_at, PriceChange.id)
    )
    return [
        Price(row.id, Money(row.unit_price, offer.currency), _tiers(row, offer.currency), row.due_at, row.state)
        for row in rows
    ]


def _tiers(row: OfferPrice | PriceChange, currency: str) -> tuple[tuple[int, Money], ...]:
    return tuple((from_units, Money(price, currency)) for from_units, price in row.tiers)


def _serials(issuance: Issuance) -> Span:
    return Span(issuance.space, issuance.serial_first, issuance.serial_last)


def _obstacles(provider: Provider) -> dict[int, AuthorityState]:
    """Where the participant's newest claim for each project stands."""
    rows = db.session.execute(
        select(ProjectAuthority.project_id, ProjectAuthority.state)
        .where(ProjectAuthority.organisation_id == provider.organisation_id)
        .order_by(ProjectAuthority.id)
    ).all()
    return dict(rows)


def _obstacle(provider: Provider, claims: Mapping[int, AuthorityState], project_id: int) -> str:
    if provider.state is not ProviderState.APPROVED:
        return "suspended"
    if provider.organisation_id is None:
        return ""
    state = claims.get(project_id)
    if state is AuthorityState.APPROVED:
        return ""
    return "unclaimed" if state is None else state.value
