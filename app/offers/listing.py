"""The list of projects: what matches, how many of each kind, in which order, a page at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.catalog import search
from app.kernel.money import Money
from app.offers.arrangement import FACETS, Arrangement
from app.offers.selection import Filters, ProjectRow, Selection
from app.offers.shelf import current_stock

PAGE_ROWS = 48
MOST_SEARCHES = 500  # kept between two revisions


@dataclass(frozen=True)
class Catalogue:
    """Every project on the list and what it adds up to; prices are None while nothing is for sale."""

    rows: tuple[ProjectRow, ...]
    units_on_offer: int
    price_low: Money | None
    price_high: Money | None


@dataclass(frozen=True)
class Listing:
    """One page of the list.

    `counts` says for each facet how many projects each value would show beside the other filters;
    `without` how many there would be if one filter were left away, for the filters that are set.
    `read_at` is when the figures were read, on the monotonic clock.
    """

    rows: tuple[ProjectRow, ...]
    found: int
    page: int
    pages: int
    counts: Mapping[str, Mapping[str, int]]
    without: Mapping[str, int]
    years: tuple[int, ...]
    projects: int
    units_on_offer: int
    price_low: Money | None
    price_high: Money | None
    read_at: float


def listing(filters: Filters) -> Listing:
    """The page of the list that `filters` ask for; its last page when there are fewer. At most three queries."""
    stock = current_stock()
    selection = Selection(stock.arrangement, filters, _found(stock.arrangement, filters.text))
    places = selection.sorted_places()
    pages = max(1, -(-len(places) // PAGE_ROWS))
    page = min(filters.page, pages)
    low, high = stock.arrangement.prices or (None, None)
    return Listing(
        rows=tuple(selection.row(place) for place in places[(page - 1) * PAGE_ROWS : page * PAGE_ROWS]),
        found=len(places),
        page=page,
        pages=pages,
        counts={facet: selection.counts(facet) for facet in FACETS},
        without={} if places else {name: selection.mask(without=name).bit_count() for name in filters.names},
        years=stock.arrangement.years,
        projects=stock.arrangement.listed.bit_count(),
        units_on_offer=stock.arrangement.units_on_offer,
        price_low=low,
        price_high=high,
        read_at=stock.read_at,
    )


def _found(arrangement: Arrangement, text: str) -> int | None:
    """The mask of what a search finds, None for no search; asked of the database once for each text and revision."""
    if not text:
        return None
    known = arrangement.facts.found
    if (kept := known.get(text)) is not None:
        return kept[0]
    found = search.find(text)
    mask = None if found is None else arrangement.mask_of(found)
    if len(known) >= MOST_SEARCHES:
        known.clear()
    known[text] = (mask,)
    return mask


def catalogue() -> Catalogue:
    """Every project that has offers, what is for sale first, then by title."""
    arrangement = current_stock().arrangement
    selection = Selection(arrangement, Filters(), None)
    low, high = arrangement.prices or (None, None)
    return Catalogue(
        rows=tuple(selection.row(place) for place in selection.sorted_places()),
        units_on_offer=arrangement.units_on_offer,
        price_low=low,
        price_high=high,
    )
