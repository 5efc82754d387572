"""Up to four projects beside each other, and which ones the reader asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select

from app import current
from app.catalog import book
from app.catalog.left_out import left_out, projects_with_some
from app.catalog.models import Issuance, Project
from app.catalog.periods import Period
from app.catalog.quality import QualityFacts, quality_facts
from app.db import db
from app.kernel.money import Money
from app.kernel.text import clean_line
from app.offers.connection import is_connected
from app.offers.history import cancelled_units
from app.offers.models import Offer
from app.offers.queries import minimum_units
from app.offers.states import VISIBLE, Standing
from app.providers.models import Provider

MOST = 4
MOST_ASKED = 12
MOST_CHOICES = 200


@dataclass(frozen=True)
class Chosen:
    """What was asked for: references that exist, at most four, those that do not, and those that do not fit."""

    references: tuple[str, ...]
    unknown: tuple[str, ...] = ()
    surplus: tuple[str, ...] = ()

    @property
    def refused(self) -> tuple[str, ...]:
        """What could not be taken."""
        return self.unknown + self.surplus


@dataclass(frozen=True)
class Column:
    """One project of a comparison. Units in whole units (tonnes); `minimum` is the smallest order of the cheapest."""

    project: Project
    units_left: int
    price_low: Money | None
    price_high: Money | None
    minimum: int | None
    monitoring_from: date | None
    monitoring_to: date | None
    periods: tuple[Period, ...]
    sellers: tuple[str, ...]
    issued: int
    cancelled: int
    quality: QualityFacts


def choose(asked: Iterable[str]) -> Chosen:
    """Read the references that were asked for, however they are capitalised; repeats and blanks count once.

    No more than `MOST_ASKED` are looked at.
    """
    wanted = list(dict.fromkeys(filter(None, (clean_line(text).upper() for text in asked))))[:MOST_ASKED]
    known = set(db.session.scalars(select(Project.reference).where(Project.reference.in_(wanted))))
    unknown = tuple(reference for reference in wanted if reference not in known)
    found = tuple(reference for reference in wanted if reference in known)
    return Chosen(found[:MOST], unknown, found[MOST:])


def compare(references: Sequence[str], minimum: int, today: date) -> tuple[Column, ...]:
    """The projects of these references in this order. `minimum` is the smallest payment in minor units."""
    projects = {
        project.reference: project
        for project in db.session.scalars(select(Project).where(Project.reference.in_(references)))
    }
    ids = [project.id for project in projects.values()]
    issued = {
        project_id: int(units)
        for project_id, units in db.session.execute(
            select(Issuance.project_id, func.sum(Issuance.units))
            .where(Issuance.project_id.in_(ids))
            .group_by(Issuance.project_id)
        )
    }
    for project_id, units in _left_out(projects).items():
        issued[project_id] = issued.get(project_id, 0) + units
    cancelled = cancelled_units(ids)
    offers: dict[int, list[tuple[Offer, Issuance, Provider]]] = {}
    for offer, issuance, provider in db.session.execute(
        select(Offer, Issuance, Provider)
        .join(Issuance, Issuance.id == Offer.issuance_id)
        .join(Provider, Provider.id == Offer.provider_id)
        .where(Issuance.project_id.in_(ids), Offer.state.in_(VISIBLE), is_connected())
        .order_by(Offer.id)
    ):
        offers.setdefault(issuance.project_id, []).append((offer, issuance, provider))
    return tuple(
        _column(
            project, offers.get(project.id, []), issued.get(project.id, 0), cancelled.get(project.id, 0), minimum, today
        )
        for project in (projects[reference] for reference in references)
    )


def _left_out(projects: Mapping[str, Project]) -> dict[int, int]:
    """Units of issuances that the catalogue cannot hold, by project id; a query only where there are some."""
    concerned = {reference: projects[reference] for reference in projects_with_some() if reference in projects}
    if not concerned:
        return {}
    ids = [project.id for project in concerned.values()]
    listed: dict[int, list[tuple[str, int]]] = {}
    for project_id, party, first in db.session.execute(
        select(Issuance.project_id, Issuance.originating_party, Issuance.serial_first).where(
            Issuance.project_id.in_(ids)
        )
    ):
        listed.setdefault(project_id, []).append((party, first))
    return {
        project.id: sum(issuance.units for issuance in left_out(reference, listed.get(project.id, ())))
        for reference, project in concerned.items()
    }


def all_references() -> list[tuple[str, str]]:
    """Every project as (reference, title), in the order of titles; empty where they are too many to choose from."""
    found = db.session.execute(
        select(Project.reference, Project.title).order_by(Project.title, Project.reference).limit(MOST_CHOICES + 1)
    )
    choices = [(reference, title) for reference, title in found]
    return choices if len(choices) <= MOST_CHOICES else []


def _column(
    project: Project,
    visible: Sequence[tuple[Offer, Issuance, Provider]],
    issued: int,
    cancelled: int,
    minimum: int,
    today: date,
) -> Column:
    is_closed = project.mechanism_code in book.contents().closed(current.now())
    for_sale = [facts for facts in visible if facts[0].standing is Standing.OPEN and not is_closed]
    prices = sorted(offer.price for offer, _issuance, _provider in for_sale)
    cheapest = [offer for offer, _issuance, _provider in for_sale if offer.price == prices[0]]
    periods = [issuance for _offer, issuance, _provider in for_sale]
    return Column(
        project=project,
        units_left=sum(offer.units_left for offer, _issuance, _provider in for_sale),
        price_low=prices[0] if prices else None,
        price_high=prices[-1] if prices else None,
        minimum=min((minimum_units(offer, minimum) for offer in cheapest), default=None),
        monitoring_from=min((issuance.monitoring_starts_on for issuance in periods), default=None),
        monitoring_to=max((issuance.monitoring_ends_on for issuance in periods), default=None),
        periods=tuple(sorted({Period.of(issuance) for issuance in periods}, key=Period.order)),
        sellers=tuple(dict.fromkeys(provider.legal_name for _offer, _issuance, provider in for_sale)),
        issued=issued,
        cancelled=cancelled,
        quality=quality_facts(project, (issuance.monitoring_ends_on for issuance in periods), today),
    )
