"""Emission factors as versioned data, and the exact arithmetic with them.

A table is a file `factors-YYYY-N.csv` and never changes once it is published: an address that names its version
gives the same numbers for ever. A new year is a new file.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal, InvalidOperation
from pathlib import Path

COLUMNS = ("key", "value", "low", "high", "unit", "range", "source", "publisher", "year", "url", "note")
# What the low and high figures of a factor stand for.
RANGES = frozenset({"none", "ipcc", "car", "kerosene", "altitude"})
KG_PER_TONNE = 1000
# Each line is rounded once, to 100 g, so that the printed lines add up to the printed total.
_PRECISION = Decimal("0.1")
_FILE = re.compile(r"factors-(?P<version>[0-9]{4}-[0-9]{1,3})\.csv")
_GRID = "grid."


class BadTable(ValueError):
    """A file of factors cannot be used; the message names the file's version, the line and what is wrong."""


@dataclass(frozen=True, slots=True)
class Factor:
    """Emissions in kg CO2e for one `unit` of something, with its range and where it comes from."""

    key: str
    value: Decimal
    low: Decimal
    high: Decimal
    unit: str
    range: str
    source: str
    publisher: str
    year: int
    url: str
    note: str


@dataclass(frozen=True)
class Table:
    """The factors of one version; `text` is the file as it was published."""

    version: str
    factors: Mapping[str, Factor]
    text: str

    def __getitem__(self, key: str) -> Factor:
        return self.factors[key]

    @property
    def grids(self) -> tuple[str, ...]:
        """The countries with a factor for electricity, ISO 3166-1 alpha-2; ZZ is the world."""
        return tuple(key.removeprefix(_GRID) for key in self.factors if key.startswith(_GRID))


@dataclass(frozen=True)
class Tables:
    """Every version there is; `newest` is the one that a new calculation uses."""

    versions: Mapping[str, Table]

    @property
    def newest(self) -> Table:
        """The table with the highest year and number."""
        return self.versions[max(self.versions, key=_age)]


@dataclass(frozen=True, slots=True)
class Line:
    """One source of emissions: how much of what, times its factor.

    `part` is `household` or `flights`; `facts` are what the words of the line need beside the factor.
    """

    part: str
    amount: Decimal
    factor: Factor
    facts: Mapping[str, object]

    @property
    def kg(self) -> Decimal:
        """Kilograms of CO2e, to 0.1 kg."""
        return _rounded(self.amount * self.factor.value)

    @property
    def low_kg(self) -> Decimal:
        """The same by the low figure of the factor."""
        return _rounded(self.amount * self.factor.low)

    @property
    def high_kg(self) -> Decimal:
        """The same by the high figure of the factor."""
        return _rounded(self.amount * self.factor.high)


@dataclass(frozen=True)
class Result:
    """The lines of a calculation and what they add up to, in kilograms of CO2e."""

    version: str
    lines: tuple[Line, ...]
    people: int = 1

    @property
    def kg(self) -> Decimal:
        """The sum of the lines."""
        return sum((line.kg for line in self.lines), Decimal("0.0"))

    @property
    def low_kg(self) -> Decimal:
        """The sum of their low figures."""
        return sum((line.low_kg for line in self.lines), Decimal("0.0"))

    @property
    def high_kg(self) -> Decimal:
        """The sum of their high figures."""
        return sum((line.high_kg for line in self.lines), Decimal("0.0"))

    @property
    def units(self) -> int:
        """Whole CERs, one tonne each, that cover the sum: always rounded up."""
        return int((self.kg / KG_PER_TONNE).to_integral_value(ROUND_CEILING))

    @property
    def household_kg(self) -> Decimal:
        """What the household alone adds up to."""
        return sum((line.kg for line in self.lines if line.part == "household"), Decimal("0.0"))

    @property
    def share_kg(self) -> Decimal:
        """One person's part of the household, to 0.1 kg; flights already count persons."""
        return _rounded(self.household_kg / self.people)


def load_tables(directories: Iterable[Path]) -> Tables:
    """Every table in `directories`; a file in a later one stands for one of the same name in an earlier.

    Raises BadTable for a file that cannot be used and when there is none at all.
    """
    found: dict[str, Table] = {}
    for directory in directories:
        for path in sorted(directory.glob("factors-*.csv")):
            match = _FILE.fullmatch(path.name)
            if match is None:
                raise BadTable(f"{path.name}: a table is called factors-YYYY-N.csv")
            found[match["version"]] = read_table(path.read_text(encoding="utf-8-sig"), match["version"])
    if not found:
        raise BadTable("there is no table of factors")
    return Tables(found)


def read_table(text: str, version: str) -> Table:
    """The table in a CSV `text`. Raises BadTable naming the first line that cannot be used."""
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise BadTable(f"{version}: the columns are {', '.join(COLUMNS)}")
    factors: dict[str, Factor] = {}
    for row in reader:
        factor = _read(row, f"{version}, line {reader.line_num}")
        if factor.key in factors:
            raise BadTable(f"{version}, line {reader.line_num}: {factor.key} was there before")
        factors[factor.key] = factor
    return Table(version, factors, text)


def _read(row: Mapping[str, str | None], where: str) -> Factor:
    try:
        value, low, high = (Decimal(row[name] or "") for name in ("value", "low", "high"))
        year = int(row["year"] or "")
    except (InvalidOperation, ValueError):
        raise BadTable(f"{where}: value, low, high and year are numbers") from None
    if not (value.is_finite() and 0 <= low <= value <= high):
        raise BadTable(f"{where}: 0 ≤ low ≤ value ≤ high does not hold")
    if row["range"] not in RANGES:
        raise BadTable(f"{where}: range is one of {', '.join(sorted(RANGES))}")
    texts = {name: row[name] or "" for name in ("key", "unit", "range", "source", "publisher", "url", "note")}
    if not all(texts.values()):
        raise BadTable(f"{where}: every cell is filled")
    return Factor(value=value, low=low, high=high, year=year, **texts)


def _rounded(kg: Decimal) -> Decimal:
    return kg.quantize(_PRECISION, ROUND_HALF_UP)


def _age(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("-"))
