"""The words of the list's filters: what can be chosen with how many projects, and what is chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from flask_babel import gettext, lazy_gettext

from app.catalog import labels
from app.catalog.periods import Period
from app.catalog.quality_words import DECISIONS
from app.catalog.search_words import fold
from app.kernel.money import Money
from app.offers.arrangement import FACETS
from app.offers.filters import Question
from app.offers.listing import Listing
from app.web.filters import country, money, number

LEGENDS = {
    "party": lazy_gettext("Host Party"),
    "region": lazy_gettext("Region"),
    "ldc": lazy_gettext("Development of the country"),
    "type": lazy_gettext("Project type"),
    "scope": lazy_gettext("Sectoral scope"),
    "methodology": lazy_gettext("Methodology"),
    "ccp": lazy_gettext("Methodology and the CCP label of the ICVCM"),
    "unit": lazy_gettext("Unit type"),
    "period": lazy_gettext("Commitment period or vintage"),
    "authorisation": lazy_gettext("Authorisation by the host Party"),
}
SORT_LABELS = {
    "title": lazy_gettext("title, A to Z"),
    "price": lazy_gettext("price, lowest first"),
    "-price": lazy_gettext("price, highest first"),
    "vintage": lazy_gettext("monitoring period, newest first"),
    "units": lazy_gettext("units left, most first"),
    "newest": lazy_gettext("offer, newest first"),
}
_FIRST_YEAR = 1900  # commitment periods are numbered, vintages are years


def _period(value: str) -> str:
    if not value.isdecimal():
        return value
    number = int(value)
    is_year = number >= _FIRST_YEAR
    return labels.period(Period(None if is_year else number, number if is_year else None, ""))


_LABELS: Mapping[str, Callable[[str], str]] = {
    "party": country,
    "region": labels.region,
    "ldc": lambda _value: gettext("Least developed country"),
    "type": labels.project_type,
    "scope": labels.scope,
    "methodology": str,
    "ccp": lambda value: str(DECISIONS.get(value, value)),
    "unit": labels.unit_name,
    "period": _period,
    "authorisation": labels.authorisation,
}
_IN_ORDER_OF_CODES = {"ccp", "unit", "period"}


@dataclass(frozen=True)
class Option:
    """One value that can be ticked, with how many projects it shows beside the other filters."""

    value: str
    label: str
    count: str
    is_chosen: bool


@dataclass(frozen=True)
class Group:
    """The values of one facet."""

    name: str
    legend: str
    options: tuple[Option, ...]


@dataclass(frozen=True)
class Chip:
    """A filter that is set, and the query without it; `found` says how many projects that shows, where asked."""

    label: str
    query: str
    found: int = 0


def groups(question: Question, listing: Listing) -> list[Group]:
    """Every facet with something to choose."""
    result = []
    for facet in FACETS:
        chosen = question.filters.chosen.get(facet, frozenset())
        counts = listing.counts[facet]
        shown = {value for value, count in counts.items() if count} | chosen
        options = [
            Option(value, _LABELS[facet](value), _short(counts.get(value, 0)), value in chosen)
            for value in _sorted(facet, shown)
        ]
        if options:
            result.append(Group(facet, str(LEGENDS[facet]), tuple(options)))
    return result


def chips(question: Question, currency: str) -> list[Chip]:
    """Every filter that is set, in words, each with the question without it."""
    ranges = _ranges(question, currency)
    values = [
        Chip(_LABELS[facet](value), question.without(facet, value))
        for facet in FACETS
        for value in _sorted(facet, question.filters.chosen.get(facet, ()))
    ]
    text = [Chip(gettext("“%(text)s”", text=question.filters.text), question.without("text"))]
    return [
        *(text if question.filters.text else ()),
        *values,
        *(Chip(label, question.without(name)) for name, label in ranges.items()),
    ]


def looser(question: Question, listing: Listing, currency: str) -> list[Chip]:
    """For a list without a project: each filter whose absence would show some, the most helpful first."""
    named = {
        "text": question.filters.text,
        **_ranges(question, currency),
        **{
            facet: ", ".join(_LABELS[facet](value) for value in _sorted(facet, values))
            for facet, values in question.filters.chosen.items()
        },
    }
    helpful = sorted(((name, found) for name, found in listing.without.items() if found), key=lambda pair: -pair[1])
    return [Chip(named[name], question.without(name), found) for name, found in helpful]


def _ranges(question: Question, currency: str) -> dict[str, str]:
    """The filters from one value to another that are set, in words."""
    filters = question.filters
    years = [str(year) if year is not None else "" for year in (filters.first_year, filters.last_year)]
    prices = [money(Money(price, currency)) if price is not None else "" for price in (filters.lowest, filters.highest)]
    return {name: _span(*span) for name, span in (("year", years), ("price", prices)) if any(span)}


def _short(count: int) -> str:
    # Below a thousand nothing is grouped in any of our languages, and a page has a hundred of these.
    return str(count) if count < 1_000 else number(count)


def _span(first: str, last: str) -> str:
    if not last:
        return gettext("from %(first)s", first=first)
    if not first:
        return gettext("up to %(last)s", last=last)
    return gettext("between %(first)s and %(last)s", first=first, last=last)


def _sorted(facet: str, values: Iterable[str]) -> list[str]:
    if facet == "scope":
        return sorted(values, key=lambda value: int(value) if value.isdecimal() else 0)
    if facet in _IN_ORDER_OF_CODES:
        return sorted(values)
    return sorted(values, key=lambda value: fold(_LABELS[facet](value)))
