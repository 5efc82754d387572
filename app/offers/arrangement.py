"""Offers arranged so that a filter is an AND of whole numbers and a count the number of their bits.

Bit number n of every mask stands for the project at place n of the order of titles. A project has
several offers, and those conditions that belong to an offer (its price, its year) must hold for one
and the same; so there is a slot for each first, second, third … offer of all projects, with masks of
its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import NamedTuple

from app.kernel.money import Money
from app.offers.states import STANDINGS, Standing

# What a visitor may choose among, and whether it is a fact of the project or of an offer.
PROJECT_FACETS = ("party", "region", "ldc", "type", "scope", "methodology", "ccp")
OFFER_FACETS = ("unit", "period", "authorisation")
FACETS = PROJECT_FACETS + OFFER_FACETS


@dataclass(frozen=True, slots=True)
class ProjectFacts:
    """What is known of one project, in the codes of the data."""

    id: int
    reference: str
    title: str
    kind: str
    project_type: str
    region: str
    host_parties: tuple[str, ...]
    scopes: tuple[str, ...]
    methodologies: tuple[str, ...]
    is_least_developed: bool
    ccp: str

    def values(self, facet: str) -> tuple[str, ...]:
        """The codes by which a facet finds this project."""
        return {
            "party": self.host_parties,
            "region": (self.region,),
            "ldc": ("yes",) if self.is_least_developed else (),
            "type": (self.project_type,),
            "scope": self.scopes,
            "methodology": self.methodologies,
            "ccp": (self.ccp,),
        }[facet]


class IssuanceFacts(NamedTuple):
    """What an offer has from its issuance; `place` is the project's in the order of titles.

    `period` is a commitment period or a vintage, `authorisation` empty where the mechanism knows none.
    """

    place: int
    mechanism: str
    unit_type: str
    period: str
    authorisation: str
    first_year: int
    last_year: int
    ends_on: date


class OfferFacts(NamedTuple):
    """What an offer is now: price in minor units, whole units (tonnes) left."""

    id: int
    issuance_id: int
    price: int
    currency: str
    units_left: int
    is_for_sale: bool
    standing: Standing


class Facts:
    """Projects in the order of their titles and their issuances by id: what only importers change."""

    def __init__(self, projects: Sequence[ProjectFacts], issuances: Mapping[int, IssuanceFacts]) -> None:
        self.projects = projects
        self.issuances = issuances
        self.places = {project.id: place for place, project in enumerate(projects)}
        # What searches found, as masks: words change only with facts, so these live as long as they do.
        self.found: dict[str, tuple[int | None]] = {}
        self.masks: dict[str, dict[str, int]] = {facet: {} for facet in PROJECT_FACETS}
        for place, project in enumerate(projects):
            for facet, masks in self.masks.items():
                for value in project.values(facet):
                    masks[value] = masks.get(value, 0) | 1 << place


@dataclass
class Slot:
    """The masks of the first, second, third … offer of every project, by price, year and facet.

    Prices are those of offers for sale.
    """

    every: int = 0
    for_sale: int = 0
    prices: dict[int, int] = field(default_factory=dict)
    years: dict[int, int] = field(default_factory=dict)
    masks: dict[str, dict[str, int]] = field(default_factory=lambda: {facet: {} for facet in OFFER_FACETS})

    def add(self, offer: OfferFacts, issuance: IssuanceFacts) -> None:
        """Set the bits of one offer."""
        bit = 1 << issuance.place
        self.every |= bit
        self.put_on_sale(offer, bit)
        for year in range(issuance.first_year, issuance.last_year + 1):
            self.years[year] = self.years.get(year, 0) | bit
        values = issuance.unit_type, issuance.period, issuance.authorisation
        for facet, value in zip(OFFER_FACETS, values, strict=True):
            masks = self.masks[facet]
            if value:
                masks[value] = masks.get(value, 0) | bit

    def put_on_sale(self, offer: OfferFacts, bit: int) -> None:
        """Set the bits of what can change of an offer, if it is for sale."""
        if offer.is_for_sale:
            self.for_sale |= bit
            self.prices[offer.price] = self.prices.get(offer.price, 0) | bit

    def take_off_sale(self, offer: OfferFacts, bit: int) -> None:
        """Take back what `put_on_sale` did."""
        if offer.is_for_sale:
            self.for_sale &= ~bit
            self.prices[offer.price] &= ~bit
            if not self.prices[offer.price]:
                del self.prices[offer.price]


@dataclass(frozen=True, slots=True)
class Figures:
    """What some offers of a project come to. Price and newest are of those for sale; None if none is."""

    price: int | None
    units_left: int
    offers: int
    newest_on: date | None
    newest_id: int
    first_year: int
    last_year: int
    unit_type: str
    standing: Standing


class Arrangement:
    """Everything on offer at one moment."""

    def __init__(self, facts: Facts, offers: Iterable[OfferFacts]) -> None:
        self.facts = facts
        self.offers: list[list[OfferFacts]] = [[] for _ in facts.projects]
        self.slots: list[Slot] = []
        self.currency = ""
        self.listed = 0
        for offer in offers:
            issuance = facts.issuances[offer.issuance_id]
            of_project = self.offers[issuance.place]
            if len(of_project) == len(self.slots):
                self.slots.append(Slot())
            self.slots[len(of_project)].add(offer, issuance)
            of_project.append(offer)
            self.listed |= 1 << issuance.place
            self.currency = offer.currency
        # What all offers of each project come to, by place; None where there is no visible offer.
        self.figures = [self.figures_of(offers) if offers else None for offers in self.offers]
        self.sorted_by: dict[str, list[int]] = {}

    def with_changes(self, changed: Iterable[OfferFacts]) -> Arrangement:
        """The same offers, some of which have another price or state or other units left.

        This one stays as it is: somebody may be looking at it.
        """
        new = copy(self)
        new.__dict__.pop("units_on_offer", None)
        new.__dict__.pop("prices", None)
        new.__dict__.pop("unit_types", None)
        new.offers, new.figures, new.sorted_by = list(self.offers), list(self.figures), {}
        new.slots = [replace(slot, prices=dict(slot.prices)) for slot in self.slots]
        for offer in changed:
            place = self.facts.issuances[offer.issuance_id].place
            number = next(i for i, other in enumerate(new.offers[place]) if other.id == offer.id)
            new.slots[number].take_off_sale(new.offers[place][number], 1 << place)
            new.slots[number].put_on_sale(offer, 1 << place)
            new.offers[place] = [*new.offers[place][:number], offer, *new.offers[place][number + 1 :]]
            new.figures[place] = self.figures_of(new.offers[place])
        return new

    def values_of(self, name: str, value: Callable[[Figures], int]) -> Sequence[int]:
        """What each project is sorted by under this name, by place; worked out once for all who ask."""
        if name not in self.sorted_by:
            self.sorted_by[name] = [0 if figures is None else value(figures) for figures in self.figures]
        return self.sorted_by[name]

    @cached_property
    def units_on_offer(self) -> int:
        """Whole units (tonnes) for sale, all together."""
        return sum(figures.units_left for figures in self.figures if figures is not None)

    @cached_property
    def prices(self) -> tuple[Money, Money] | None:
        """The lowest and the highest price; None while nothing is for sale."""
        seen = [price for slot in self.slots for price in slot.prices]
        return (Money(min(seen), self.currency), Money(max(seen), self.currency)) if seen else None

    @cached_property
    def unit_types(self) -> tuple[str, ...]:
        """The unit types for sale, in the order of their codes."""
        found = {code for slot in self.slots for code, mask in slot.masks["unit"].items() if mask & slot.for_sale}
        return tuple(sorted(found))

    @cached_property
    def years(self) -> tuple[int, ...]:
        """The years that any visible offer is of, the newest first."""
        return tuple(sorted({year for slot in self.slots for year in slot.years}, reverse=True))

    def figures_of(self, offers: Iterable[OfferFacts]) -> Figures:
        """What these offers of one project, at least one, come to. One pass: an order by price asks for thousands."""
        price: int | None = None
        newest_on: date | None = None
        units_left = for_sale = newest_id = 0
        known = []
        listed = tuple(offers)
        for offer in listed:
            issuance = self.facts.issuances[offer.issuance_id]
            known.append(issuance)
            if offer.is_for_sale:
                for_sale += 1
                units_left += offer.units_left
                newest_id = max(newest_id, offer.id)
                price = offer.price if price is None or offer.price < price else price
                newest_on = issuance.ends_on if newest_on is None or issuance.ends_on > newest_on else newest_on
        return Figures(
            price=price,
            units_left=units_left,
            offers=for_sale,
            newest_on=newest_on,
            newest_id=newest_id,
            first_year=min([issuance.first_year for issuance in known]),
            last_year=max([issuance.last_year for issuance in known]),
            unit_type=min([issuance.unit_type for issuance in known]),
            standing=Standing.OPEN if for_sale else min([offer.standing for offer in listed], key=STANDINGS.index),
        )

    def mask_of(self, project_ids: Iterable[int]) -> int:
        """The mask of projects by their ids; ids that have no offer are left out."""
        mask = 0
        places = self.facts.places
        for project_id in project_ids:
            if (place := places.get(project_id)) is not None:
                mask |= 1 << place
        return mask


def places_in(mask: int) -> list[int]:
    """The places whose bits are set, in the order of titles."""
    return [place for place, bit in enumerate(reversed(f"{mask:b}")) if bit == "1"]
