"""Which projects meet what a visitor asks for, in which order, and how many more there would be otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from app.kernel.money import Money
from app.offers.arrangement import FACETS, OFFER_FACETS, Arrangement, Figures, ProjectFacts, places_in
from app.offers.states import Standing

# How the list may be sorted: smaller first. What is sold out always stands last, by title.
SORTS: Mapping[str, Callable[[Figures], int]] = {
    "title": lambda figures: 0,
    "price": lambda figures: figures.price or 0,
    "-price": lambda figures: -(figures.price or 0),
    "vintage": lambda figures: -(figures.newest_on.toordinal() if figures.newest_on else 0),
    "units": lambda figures: -figures.units_left,
    "newest": lambda figures: -figures.newest_id,
}


@dataclass(frozen=True)
class Filters:
    """What a visitor asks of the list. Prices in minor units, years of the monitoring period.

    `chosen` has the facets that something was chosen from, and nothing empty.
    """

    text: str = ""
    chosen: Mapping[str, frozenset[str]] = field(default_factory=dict)
    first_year: int | None = None
    last_year: int | None = None
    lowest: int | None = None
    highest: int | None = None
    sort: str = "title"
    page: int = 1
    units: int | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Which filters are set: `text`, `year`, `price` and the facets chosen from."""
        ranges = {
            "text": bool(self.text),
            "year": self.first_year is not None or self.last_year is not None,
            "price": self.lowest is not None or self.highest is not None,
        }
        return (*(name for name, is_set in ranges.items() if is_set), *(f for f in FACETS if f in self.chosen))


@dataclass(frozen=True)
class ProjectRow:
    """One project in the list, with what its matching offers come to.

    Units in whole units (tonnes), years of the monitoring periods; no price when sold out.
    """

    reference: str
    title: str
    kind: str
    project_type: str
    region: str
    host_parties: tuple[str, ...]
    unit_type: str
    from_price: Money | None
    units_left: int
    first_year: int
    last_year: int
    offers: int
    standing: Standing


class Selection:
    """The projects and offers that meet some filters: AND between filters, OR inside one.

    `found` is the mask of what a search found, None for no search.
    """

    def __init__(self, arrangement: Arrangement, filters: Filters, found: int | None) -> None:
        self._arrangement = arrangement
        self._sort = filters.sort
        self._of_projects: dict[str, int] = {}
        self._of_offers: list[dict[str, int]] = [{} for _ in arrangement.slots]
        if found is not None:
            self._of_projects["text"] = found
        for facet, values in filters.chosen.items():
            if facet in OFFER_FACETS:
                for slot, masks in zip(arrangement.slots, self._of_offers, strict=True):
                    masks[facet] = _any(slot.masks[facet].get(value, 0) for value in values)
            else:
                masks_of_facet = arrangement.facts.masks[facet]
                self._of_projects[facet] = _any(masks_of_facet.get(value, 0) for value in values)
        self._add_ranges(filters)
        self._offer_filters = frozenset(name for masks in self._of_offers for name in masks)
        self._matching = self._slots()

    def _add_ranges(self, filters: Filters) -> None:
        names = filters.names
        for slot, masks in zip(self._arrangement.slots, self._of_offers, strict=True):
            if "year" in names:
                masks["year"] = _within(slot.years, filters.first_year, filters.last_year)
            if "price" in names:
                masks["price"] = _within(slot.prices, filters.lowest, filters.highest)

    def _slots(self, without: str = "") -> list[int]:
        """For each slot the projects whose offer there meets what is asked of offers."""
        result = []
        for slot, masks in zip(self._arrangement.slots, self._of_offers, strict=True):
            mask = slot.every
            for name, other in masks.items():
                if name != without:
                    mask &= other
            result.append(mask)
        return result

    def _projects(self, without: str = "") -> int:
        mask = self._arrangement.listed
        for name, other in self._of_projects.items():
            if name != without:
                mask &= other
        return mask

    def mask(self, without: str = "") -> int:
        """The projects that match, or that would if one filter were left away."""
        mask = self._projects(without)
        return mask & _any(self._slots(without)) if self._offer_filters - {without} else mask

    def counts(self, facet: str) -> dict[str, int]:
        """How many projects each value of a facet would show beside the other filters."""
        if facet not in OFFER_FACETS:
            base = self.mask(without=facet)
            return {value: (base & mask).bit_count() for value, mask in self._arrangement.facts.masks[facet].items()}
        base = self._projects()
        found: dict[str, int] = {}
        for slot, matching in zip(self._arrangement.slots, self._slots(without=facet), strict=True):
            for value, mask in slot.masks[facet].items():
                found[value] = found.get(value, 0) | mask & matching
        return {value: (base & mask).bit_count() for value, mask in found.items()}

    def sorted_places(self) -> list[int]:
        """The places of all that match: what is for sale in the order asked for, then the rest by title."""
        mask = self.mask()
        for_sale = mask & _any(
            matching & slot.for_sale for matching, slot in zip(self._matching, self._arrangement.slots, strict=True)
        )
        first = places_in(for_sale)
        if self._sort != "title":
            key = SORTS[self._sort]
            if self._offer_filters:
                first.sort(key=lambda place: key(self._figures(place)))
            else:
                first.sort(key=self._arrangement.values_of(self._sort, key).__getitem__)
        return first + places_in(mask & ~for_sale)

    def row(self, place: int) -> ProjectRow:
        """One project with what its matching offers come to."""
        project: ProjectFacts = self._arrangement.facts.projects[place]
        figures = self._figures(place)
        return ProjectRow(
            reference=project.reference,
            title=project.title,
            kind=project.kind,
            project_type=project.project_type,
            region=project.region,
            host_parties=project.host_parties,
            unit_type=figures.unit_type,
            from_price=None if figures.price is None else Money(figures.price, self._arrangement.currency),
            units_left=figures.units_left,
            first_year=figures.first_year,
            last_year=figures.last_year,
            offers=figures.offers,
            standing=figures.standing,
        )

    def _figures(self, place: int) -> Figures:
        known = self._arrangement.figures[place]
        if known is not None and not self._offer_filters:
            return known
        offers = zip(self._arrangement.offers[place], self._matching, strict=False)
        return self._arrangement.figures_of(offer for offer, matching in offers if matching >> place & 1)


def _any(masks: Iterable[int]) -> int:
    result = 0
    for mask in masks:
        result |= mask
    return result


def _within(masks: Mapping[int, int], first: int | None, last: int | None) -> int:
    return _any(
        mask for value, mask in masks.items() if (first is None or first <= value) and (last is None or value <= last)
    )
