"""A catalogue whose projects differ in everything that can be filtered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy import select

from app.catalog import search
from app.catalog.mechanisms import ensure_mechanisms
from app.catalog.models import Issuance, Project, ProjectParty
from app.db import db, transaction
from app.offers.models import Offer
from app.offers.search_index import note_sellers
from app.offers.states import OfferState
from app.providers.models import Provider

TYPES = ("Wind", "Hydro", "EE households", "N2O")
HOSTS = (("KE", "Africa"), ("CL", "Latin America and the Caribbean"), ("IN", "Asia and the Pacific"))
METHODS = ("ACM0002", "AMS-I.D.; AMS-III.H.", "AMS-II.G.", "AM0028")
SCOPES = ("1", "1;13", "3", "")


@dataclass(frozen=True)
class Sale:
    """One offer to be: a year, a price in cents, whole units left, and its state."""

    year: int
    price: int
    left: int
    state: OfferState = OfferState.LIVE
    unit_type: str = "CER"
    years: int = 1


def a_catalogue(sales: list[list[Sale]]) -> None:
    """One project for each list of sales; project n has the n-th of each of the lists above, in turns."""
    ensure_mechanisms()
    with transaction() as session:
        provider = session.scalar(select(Provider).where(Provider.code == "listed")) or Provider(
            code="listed", legal_name="Seller", country="CH", is_demonstration=True
        )
        session.add(provider)
        session.flush()
        for number, of_project in enumerate(sales, start=1):
            project = a_project(number)
            session.add(project)
            session.flush()
            for position, sale in enumerate(of_project):
                session.add(_offer(project, provider, number * 1_000_000 + position * 10_000, sale))
        search.write_projects(db.session.scalars(select(Project)))
        note_sellers()


def a_project(number: int) -> Project:
    """The n-th project: its title says so."""
    country, region = HOSTS[number % len(HOSTS)]
    return Project(
        mechanism_code="CDM",
        reference=f"{country}-{number}",
        reference_number=number,
        title=f"Project number {number:04}",
        kind="PA",
        project_type=TYPES[number % len(TYPES)],
        sectoral_scopes=SCOPES[number % len(SCOPES)],
        methodologies=METHODS[number % len(METHODS)],
        region=region,
        is_least_developed=number % 5 == 0,
        page_url="",
        parties=[ProjectParty(country=country, position=0)],
    )


def _offer(project: Project, provider: Provider, first: int, sale: Sale) -> Offer:
    issuance = Issuance(
        project_id=project.id,
        unit_type=sale.unit_type,
        commitment_period=1 if sale.year <= 2012 else 2,
        originating_party=project.reference[:2],
        space=project.reference[:2],
        serial_first=first,
        serial_last=first + 9_999,
        units=10_000,
        completed_at=datetime(2021, 1, 1, tzinfo=UTC),
        monitoring_starts_on=date(sale.year, 1, 1),
        monitoring_ends_on=date(sale.year + sale.years - 1, 12, 31),
    )
    db.session.add(issuance)
    db.session.flush()
    return Offer(
        code=f"{project.reference}-{first}",
        provider_id=provider.id,
        issuance_id=issuance.id,
        account="CDM-100-1",
        state=sale.state,
        unit_price=sale.price,
        currency="USD",
        units_offered=sale.left + 10,
        units_reserved=4,
        units_settled=6,
    )
