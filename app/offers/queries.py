"""What visitors see of the catalogue: projects with what is for sale of them, always read live."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import bindparam, select

from app import current
from app.catalog import book
from app.catalog.left_out import LeftOut, left_out
from app.catalog.models import Issuance, Project
from app.catalog.queries import find_project_with_list
from app.db import db
from app.kernel.money import Money
from app.offers.connection import IS_LOST, registry_codes
from app.offers.history import History, read_history
from app.offers.models import Offer
from app.offers.states import CLOSED, STANDINGS, VISIBLE, Standing
from app.offers.tiers import least_units
from app.providers.models import Provider


@dataclass(frozen=True)
class OfferRow:
    """One offer on a project's page.

    `lot` is the least that its seller sells at a time, `minimum_units` the least that one payment may be
    for, and `minimum_price` the price of one unit then. `tiers` are lower prices, each from a number of
    units on. `texts` are the seller's own words by language.
    """

    id: int
    code: str
    unit_type: str
    commitment_period: int | None
    vintage_year: int | None
    authorisation: str
    monitoring_starts_on: date
    monitoring_ends_on: date
    issued_at: datetime
    originating_party: str
    serial_first: int
    serial_last: int
    price: Money
    units_left: int
    minimum_units: int
    provider_name: str
    provider_is_demonstration: bool
    is_for_sale: bool
    is_reserved: bool
    confirmed_at: datetime | None
    provider_code: str
    lot: int
    minimum_price: Money
    tiers: tuple[tuple[int, Money], ...]
    opens_at: datetime | None
    expires_at: datetime | None
    texts: Mapping[str, str]

    @property
    def tiers_as_data(self) -> str:
        """The tiers as the page's script reads them: `100:50 500:45`, in minor units."""
        return " ".join(f"{from_units}:{price.minor}" for from_units, price in self.tiers)


@dataclass(frozen=True)
class IssuanceRow:
    """One issuance of a project, and the ids of the visible offers of it."""

    unit_type: str
    commitment_period: int | None
    vintage_year: int | None
    authorisation: str
    originating_party: str
    serial_first: int
    serial_last: int
    units: int
    issued_at: datetime
    monitoring_starts_on: date
    monitoring_ends_on: date
    offer_ids: tuple[int, ...]


@dataclass(frozen=True)
class ProjectPage:
    """A project with its offers (those for sale first, the lowest price first) and its history.

    `state` is `closed` (nothing of its mechanism is sold any more), `open`, `held` (nothing for sale at the
    moment), `reserved` (all that is left is held for unpaid orders), `sold_out`, `withdrawn` (every offer was
    taken back or has expired) or `never` (nothing was ever offered). `left_out` are issuances that cannot be
    listed. `listed_until` is the last day of the registry's list of cancellations that was loaded; None for no
    list.
    """

    project: Project
    offers: tuple[OfferRow, ...]
    units_left: int
    from_price: Money | None
    state: str
    issuances: tuple[IssuanceRow, ...]
    left_out: tuple[LeftOut, ...]
    history: History
    listed_until: date | None


def minimum_units(offer: Offer, minimum: int) -> int:
    """The least whole units of an offer that its seller sells and that cost `minimum` minor units or more."""
    return least_units(offer.prices, minimum, max(1, offer.least_of(offer.units_left)))


# Pages that are drawn most are not to say their questions anew each time.
_ISSUANCES = (
    select(Issuance, Offer, Provider, IS_LOST.label("is_lost"))
    .outerjoin(Offer, Offer.issuance_id == Issuance.id)
    .outerjoin(Provider, Provider.id == Offer.provider_id)
    .where(Issuance.project_id == bindparam("project_id"))
)


def project_page(reference: str, minimum: int) -> ProjectPage | None:
    """A project's page, or None if no project has this reference, however it is capitalised.

    `minimum` is the smallest payment in minor units. Three queries, however much there is.
    """
    found = find_project_with_list(reference)
    if found is None:
        return None
    project, listed_until = found
    is_closed = project.mechanism_code in book.contents().closed(current.now())
    issuances: dict[int, Issuance] = {}
    held: list[tuple[Offer, Issuance, Provider]] = []
    lost: set[int] = set()
    asked = {"project_id": project.id, "registries": registry_codes()}
    for issuance, offer, provider, is_lost in db.session.execute(
        _ISSUANCES, asked, execution_options={"populate_existing": True}
    ):
        issuances[issuance.id] = issuance
        if offer is not None:
            held.append((offer, issuance, provider))
            lost.update([offer.id] if is_lost else ())
    missing = left_out(project.reference, ((one.originating_party, one.serial_first) for one in issuances.values()))
    history = read_history(
        project,
        _issued_by_year(issuances.values(), missing),
        [(offer, issuance) for offer, issuance, _ in held],
        listed_until,
    )
    visible = [facts for facts in held if facts[0].is_visible(current.now())]
    rows = [_offer_row(*facts, minimum, history) for facts in visible]
    rows = [replace(row, is_for_sale=False, is_reserved=False) if is_closed or row.id in lost else row for row in rows]
    rows.sort(key=_order)
    for_sale = [row for row in rows if row.is_for_sale]
    with_price = {line.offer_id for line in history.lines}
    return ProjectPage(
        project=project,
        offers=tuple(rows),
        units_left=sum(row.units_left for row in for_sale),
        from_price=min((row.price for row in for_sale), default=None),
        state="closed"
        if is_closed
        else _state([one for one, _, _ in visible], lost) or _past([one for one, _, _ in held], with_price),
        issuances=_issuance_rows(issuances.values(), visible),
        left_out=missing,
        history=history,
        listed_until=listed_until,
    )


def get_project_page(reference: str, minimum: int) -> ProjectPage:
    """A project's page, for a reference that is known to exist. Raises LookupError otherwise."""
    page = project_page(reference, minimum)
    if page is None:
        raise LookupError(reference)
    return page


def _order(row: OfferRow) -> tuple[bool, int, int, int]:
    # The list says "from" the lowest price: whoever presses the first button pays that one.
    return not row.is_for_sale, row.price.minor, -row.monitoring_ends_on.toordinal(), row.id


def _state(visible: Sequence[Offer], lost: Container[int]) -> str:
    standings = [
        Standing.HELD if offer.id in lost and offer.standing is not Standing.SOLD_OUT else offer.standing
        for offer in visible
    ]
    return min(standings, key=STANDINGS.index, default="")


def _past(offers: Sequence[Offer], with_price: Container[int]) -> str:
    # One that was taken back before anybody saw it never had a public price.
    return "withdrawn" if any(offer.state in CLOSED and offer.id in with_price for offer in offers) else "never"


def _issued_by_year(issuances: Iterable[Issuance], missing: Iterable[LeftOut]) -> dict[int, int]:
    years: dict[int, int] = {}
    for year, units in (
        *((issuance.completed_at.year, issuance.units) for issuance in issuances),
        *((issuance.completed_on.year, issuance.units) for issuance in missing),
    ):
        years[year] = years.get(year, 0) + units
    return years


def _issuance_rows(
    issuances: Iterable[Issuance], visible: Iterable[tuple[Offer, Issuance, Provider]]
) -> tuple[IssuanceRow, ...]:
    offer_ids: dict[int, list[int]] = {}
    for offer, issuance, _provider in visible:
        offer_ids.setdefault(issuance.id, []).append(offer.id)
    rows = [
        IssuanceRow(
            unit_type=issuance.unit_type,
            commitment_period=issuance.commitment_period,
            vintage_year=issuance.vintage_year,
            authorisation=issuance.authorisation or "",
            originating_party=issuance.originating_party,
            serial_first=issuance.serial_first,
            serial_last=issuance.serial_last,
            units=issuance.units,
            issued_at=issuance.completed_at,
            monitoring_starts_on=issuance.monitoring_starts_on,
            monitoring_ends_on=issuance.monitoring_ends_on,
            offer_ids=tuple(sorted(offer_ids.get(issuance.id, ()))),
        )
        for issuance in issuances
    ]
    rows.sort(key=lambda row: (row.monitoring_ends_on, row.issued_at, row.serial_first), reverse=True)
    return tuple(rows)


def _offer_row(offer: Offer, issuance: Issuance, provider: Provider, minimum: int, history: History) -> OfferRow:
    least = minimum_units(offer, minimum)
    known = (offer.holding_confirmed_at, history.moved_at.get((offer.account, issuance.id)))
    return OfferRow(
        id=offer.id,
        code=offer.code,
        unit_type=issuance.unit_type,
        commitment_period=issuance.commitment_period,
        vintage_year=issuance.vintage_year,
        authorisation=issuance.authorisation or "",
        monitoring_starts_on=issuance.monitoring_starts_on,
        monitoring_ends_on=issuance.monitoring_ends_on,
        issued_at=issuance.completed_at,
        originating_party=issuance.originating_party,
        serial_first=issuance.serial_first,
        serial_last=issuance.serial_last,
        price=offer.price,
        units_left=offer.units_left,
        minimum_units=least,
        provider_name=provider.legal_name,
        provider_is_demonstration=provider.is_demonstration,
        is_for_sale=offer.standing is Standing.OPEN,
        is_reserved=offer.standing is Standing.RESERVED,
        confirmed_at=max((at for at in known if at is not None), default=None),
        provider_code=provider.code,
        lot=offer.minimum_units,
        minimum_price=offer.price_for(least),
        tiers=tuple((from_units, Money(price, offer.currency)) for from_units, price in offer.prices[1:]),
        opens_at=offer.opens_at,
        expires_at=offer.expires_at,
        texts=offer.texts,
    )


def preview_offer(offer_id: int, minimum: int) -> OfferRow:
    """An offer as its project's page shows it, or will once it is on sale. Raises NoResultFound for no offer.

    `minimum` is the smallest payment in minor units.
    """
    offer, issuance, provider, project, is_lost = db.session.execute(
        select(Offer, Issuance, Provider, Project, IS_LOST.label("is_lost"))
        .join(Issuance, Issuance.id == Offer.issuance_id)
        .join(Provider, Provider.id == Offer.provider_id)
        .join(Project, Project.id == Issuance.project_id)
        .where(Offer.id == offer_id)
        .execution_options(populate_existing=True),
        {"registries": registry_codes()},
    ).one()
    row = _offer_row(offer, issuance, provider, minimum, read_history(project, {}, [(offer, issuance)], None))
    if is_lost or project.mechanism_code in book.contents().closed(current.now()):
        return replace(row, is_for_sale=False, is_reserved=False)
    return row if offer.state in VISIBLE else replace(row, is_for_sale=offer.units_left > 0, is_reserved=False)


def find_project_of_offer(offer_id: int) -> str | None:
    """The reference of the project that an offer belongs to, or None if there is no such offer."""
    return db.session.scalar(_PROJECT_OF_OFFER, {"offer_id": offer_id})


_PROJECT_OF_OFFER = (
    select(Project.reference)
    .join(Issuance, Issuance.project_id == Project.id)
    .join(Offer, Offer.issuance_id == Issuance.id)
    .where(Offer.id == bindparam("offer_id"), Offer.state.in_(VISIBLE))
)
