"""What an address asks of the list, read and written: one address for one question."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from babel.numbers import get_currency_precision
from werkzeug.datastructures import MultiDict

from app.catalog.search_query import LONGEST_QUERY
from app.kernel.csvtable import CellRefused, amount, minor_units
from app.kernel.text import clean_line
from app.offers.arrangement import FACETS
from app.offers.selection import SORTS, Filters

MOST_UNITS = 1_000_000_000
_MOST_VALUES = 30
_LONGEST_VALUE = 60
_LARGEST_PRICE = 2**31 - 1  # minor units: what the column of offers holds

Pairs = list[tuple[str, str]]


@dataclass(frozen=True)
class Question:
    """What was asked.

    `typed` has years, prices and units as they were written, `errors` a code for each field that cannot be
    used; its filter is then left away. `pairs` is the question in the one order of fields, with
    nothing empty in it.
    """

    filters: Filters
    typed: Mapping[str, str]
    errors: Mapping[str, str]
    pairs: Pairs

    def without(self, name: str, value: str = "") -> str:
        """The query of the same question without one filter, or without one value of it, from the first page."""
        left = {"text": ("q",), "year": ("year_from", "year_to"), "price": ("price_from", "price_to")}.get(
            name, (name,)
        )
        return urlencode(
            [pair for pair in self.pairs if pair[0] != "page" and (pair[0] not in left or (value and pair[1] != value))]
        )

    def on_page(self, page: int) -> str:
        """The query of another page of the same list."""
        return urlencode([*(pair for pair in self.pairs if pair[0] != "page"), *_page(page)])


def read(arguments: MultiDict[str, str], currency: str) -> Question:
    """Read the query of an address; what means nothing is left out. Prices are in `currency`, in major units."""
    errors: dict[str, str] = {}
    text = clean_line(arguments.get("q", "")[:LONGEST_QUERY])
    chosen = {
        facet: frozenset(sorted({value for value in map(_value, arguments.getlist(facet)) if value})[:_MOST_VALUES])
        for facet in FACETS
    }
    typed_years = {name: clean_line(arguments.get(name, ""))[:20] for name in ("year_from", "year_to")}
    years = [_year(text, name, errors) for name, text in typed_years.items()]
    typed = {name: clean_line(arguments.get(name, ""))[:20] for name in ("price_from", "price_to")}
    prices = [_price(typed[name], currency, name, errors) for name in ("price_from", "price_to")]
    if _is_backwards(years):
        errors["year_to"] = "before_first"
        years = [None, None]
    if _is_backwards(prices):
        errors["price_to"] = "below_lowest"
        prices = [None, None]
    typed_units, sort = clean_line(arguments.get("units", ""))[:20], arguments.get("sort", "")
    units = _number(typed_units, MOST_UNITS)
    if typed_units and units is None:
        errors["units"] = "not_units"
    filters = Filters(
        text=text,
        chosen={facet: values for facet, values in chosen.items() if values},
        first_year=years[0],
        last_year=years[1],
        lowest=prices[0],
        highest=prices[1],
        sort=sort if sort in SORTS else "title",
        page=_number(arguments.get("page", ""), 100_000) or 1,
        units=units,
    )
    return Question(filters, {**typed_years, **typed, "units": typed_units}, errors, _pairs(filters, typed))


def _pairs(filters: Filters, typed: Mapping[str, str]) -> Pairs:
    written: Pairs = [("q", filters.text)]
    written += [(facet, value) for facet in FACETS for value in sorted(filters.chosen.get(facet, ()))]
    written += [("year_from", str(filters.first_year or "")), ("year_to", str(filters.last_year or ""))]
    written += [(name, price.replace(",", ".")) for name, price in typed.items()]
    written += [("units", str(filters.units or "")), ("sort", "" if filters.sort == "title" else filters.sort)]
    return [*(pair for pair in written if pair[1]), *_page(filters.page)]


def _page(page: int) -> Pairs:
    return [("page", str(page))] if page > 1 else []


def _value(text: str) -> str:
    return clean_line(text[:_LONGEST_VALUE])


def _year(text: str, name: str, errors: dict[str, str]) -> int | None:
    if re.fullmatch(r"(19|20)[0-9]{2}", text):
        return int(text)
    if text:
        errors[name] = "not_year"
    return None


def _number(text: str, most: int) -> int | None:
    number = int(text) if re.fullmatch(r"[0-9]{1,10}", text) else 0
    return number if 1 <= number <= most else None


def _price(text: str, currency: str, name: str, errors: dict[str, str]) -> int | None:
    if not text:
        return None
    try:
        value = amount(text)
        # Three digits after the sign may be thousands, even if all of them are zeros.
        if -int(value.as_tuple().exponent) > (decimals := get_currency_precision(currency)):
            raise CellRefused("too_precise", decimals=decimals)
        price = minor_units(value, currency)
    except CellRefused as refused:
        errors[name] = refused.code
        return None
    return min(price, _LARGEST_PRICE)


def _is_backwards(span: Iterable[int | None]) -> bool:
    first, last = span
    return first is not None and last is not None and last < first
