"""What is for sale where: every project on offer at its host Party."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from app import current
from app.catalog.labels import REGIONS
from app.catalog.models import Issuance, Project
from app.db import db
from app.kernel.money import Money
from app.offers.for_sale import free_units, is_for_sale
from app.offers.models import Offer
from app.web.filters import country


@dataclass(frozen=True)
class PlacedProject:
    """One project on offer; units left in whole units (tonnes)."""

    reference: str
    title: str
    project_type: str
    other_parties: tuple[str, ...]  # host Parties beside the first
    units_left: int
    from_price: Money


@dataclass(frozen=True)
class Country:
    """A host Party with the projects that are on offer there, the most units left first."""

    code: str
    projects: tuple[PlacedProject, ...]

    @property
    def units_left(self) -> int:
        """Units (tonnes) left of all its projects."""
        return sum(project.units_left for project in self.projects)


@dataclass(frozen=True)
class Region:
    """A UN region by its name in the data, with its countries in the order of the reader's alphabet."""

    name: str
    countries: tuple[Country, ...]


def places() -> tuple[Region, ...]:
    """Every project with units for sale, by region and first host Party, which its reference names. Two queries."""
    found: dict[str, dict[str, list[PlacedProject]]] = {}
    for project, units_left, lowest, currency in db.session.execute(
        select(Project, func.sum(free_units), func.min(Offer.unit_price), func.min(Offer.currency))
        .join(Issuance, Issuance.project_id == Project.id)
        .join(Offer, Offer.issuance_id == Issuance.id)
        .where(*is_for_sale(current.now()))
        .group_by(Project.id)
    ):
        first, *others = project.host_parties
        found.setdefault(project.region, {}).setdefault(first, []).append(
            PlacedProject(
                reference=project.reference,
                title=project.title,
                project_type=project.project_type,
                other_parties=tuple(others),
                units_left=int(units_left),
                from_price=Money(lowest, currency),
            )
        )
    order = [*REGIONS, *sorted(set(found) - set(REGIONS))]
    return tuple(
        Region(
            name,
            tuple(
                Country(code, tuple(sorted(projects, key=lambda p: (-p.units_left, p.reference))))
                for code, projects in sorted(found[name].items(), key=lambda item: country(item[0]))
            ),
        )
        for name in order
        if name in found
    )
