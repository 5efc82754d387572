"""The registry's report of a period, from imported rows: tables 1 and 3 and the paragraphs that rows can give.

Days are whole days in UTC, both ends included. Where the period is that of FCCC/KP/CMP/2017/5, each line also has
what that report says, and the difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date

from app.registry.ledger.history.models import LedgerFile
from app.registry.ledger.models import LedgerIssuance, LedgerTransaction
from app.reporting.statistics.annual_report import SAID, Said
from app.reporting.statistics.forms import (
    CANCELLATION,
    FIRST_DAY,
    ISSUANCE,
    REPORT_PERIOD,
    REPORT_TO,
    Period,
    Selection,
)
from app.reporting.statistics.published import Count, count, counts_by, files, projects_in

YEARS_OF_TABLE_1 = 6
TABLE_1_MONTH = 10  # its years run from October to September

# What rows of issuances and cancellations cannot give: lines of table 3, and subjects of paragraphs.
NOT_IN_ROWS = ("adaptation", "transfers", "forwarding", "administrative")


@dataclass(frozen=True)
class Line:
    """One figure. `selection` finds its rows; it is None where the rows cannot give the figure.

    `said` is what the annual report says of the same thing, None where it speaks of another period.
    """

    key: str
    selection: Selection | None
    found: Said | None = None
    said: Said | None = None

    @property
    def difference(self) -> int | None:
        """Units found here less units in the annual report; None where one of them is missing."""
        if self.found is None or self.said is None or self.found.units is None or self.said.units is None:
            return None
        return self.found.units - self.said.units

    @property
    def is_as_said(self) -> bool | None:
        """Whether all that the annual report says of it was found; None where it says or the rows give nothing."""
        if self.found is None or self.said is None:
            return None
        pairs = [
            (getattr(self.found, name), getattr(self.said, name)) for name in ("transactions", "units", "projects")
        ]
        compared = [found == said for found, said in pairs if said is not None]
        return all(compared) if compared else None


@dataclass(frozen=True)
class Section:
    """Lines that belong together: a table or a paragraph of the annual report."""

    key: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Source:
    """A file that the rows were imported from. `kept_apart` are its rows of foreign unit types."""

    kind: str
    name: str
    sha256: str
    rows: int
    kept_apart: int
    is_whole: bool


@dataclass(frozen=True)
class RegistryReport:
    """The report of a period."""

    period: Period
    sections: tuple[Section, ...]
    sources: tuple[Source, ...]

    @property
    def is_compared(self) -> bool:
        """Whether the annual report speaks of the same days."""
        return self.period == REPORT_PERIOD

    @property
    def is_whole(self) -> bool:
        """Whether no import was stopped half way."""
        return all(source.is_whole for source in self.sources)

    def line(self, key: str) -> Line:
        """The line of a key."""
        return next(line for section in self.sections for line in section.lines if line.key == key)


def make_report(period: Period) -> RegistryReport:
    """The report of a period of whole UTC days, both included."""
    sections = (
        Section("table_3", tuple(_table_3(period))),
        Section("paragraph_23", tuple(_by_unit_type(period))),
        Section("paragraph_24", tuple(_by_commitment_period(period))),
        Section("paragraph_26", (_projects(period),)),
        Section("paragraph_36", tuple(_by_channel(period))),
        Section("table_1", tuple(_table_1(period))),
    )
    return RegistryReport(
        period,
        tuple(replace(section, lines=tuple(_compared(section.lines, period))) for section in sections),
        tuple(source_of(file) for file in files()),
    )


def source_of(file: LedgerFile) -> Source:
    """A file as the report names it."""
    return Source(file.kind, file.name, file.sha256, file.rows, len(file.kept_apart), file.applied_at is not None)


def until(period: Period) -> Period:
    """Everything up to the end of a period."""
    return Period(FIRST_DAY, period.last)


def _table_3(period: Period) -> Iterator[Line]:
    for key, kind in (("issuance", ISSUANCE), ("voluntary", CANCELLATION)):
        for suffix, days in (("all", until(period)), ("period", period)):
            yield _line(f"{key}_{suffix}", Selection(days, kind))
    for key in NOT_IN_ROWS:
        yield Line(f"{key}_all", None)
        yield Line(f"{key}_period", None)


def _by_unit_type(period: Period) -> Iterator[Line]:
    issued = Selection(until(period), ISSUANCE)
    found = counts_by(issued, LedgerIssuance.unit_type)
    for unit_type in ("CER", "tCER", "lCER"):
        yield Line(unit_type, issued.but(unit_type=unit_type), _units(found.get(unit_type)))
    for unit_type in ("tCER", "lCER"):
        within = Selection(period, ISSUANCE, unit_type=unit_type)
        yield Line(f"{unit_type}_period", within, _units(count(within)))


def _by_commitment_period(period: Period) -> Iterator[Line]:
    issued = Selection(until(period), ISSUANCE)
    found = counts_by(issued, LedgerIssuance.unit_type, LedgerTransaction.commitment_period)
    for number in (1, 2):
        units = sum(one.units for (_type, its_period), one in found.items() if its_period == number)
        yield Line(f"period_{number}", issued.but(commitment_period=number), Said(units=units))
    for unit_type, number in (("tCER", 1), ("tCER", 2), ("lCER", 1)):
        yield Line(
            f"{unit_type}_{number}",
            issued.but(unit_type=unit_type, commitment_period=number),
            _units(found.get((unit_type, number))),
        )


def _projects(period: Period) -> Line:
    issued = Selection(until(period), ISSUANCE)
    return Line("projects", issued, Said(projects=projects_in(issued)))


def _by_channel(period: Period) -> Iterator[Line]:
    for key, channel in (("platform", "platform"), ("ctx", "ctx"), ("direct", "registry")):
        yield _line(key, Selection(period, CANCELLATION, channel=channel))


def _table_1(period: Period) -> Iterator[Line]:
    """Years from October to September, the last of which is cut at the end of the period."""
    last = period.last.year if period.last.month >= TABLE_1_MONTH else period.last.year - 1
    for year in range(last - YEARS_OF_TABLE_1 + 1, last + 1):
        ends_on = min(date(year + 1, TABLE_1_MONTH - 1, 30), period.last)
        issued = Selection(Period(date(year, TABLE_1_MONTH, 1), ends_on), ISSUANCE)
        yield Line(f"year_{year}", issued, Said(units=count(issued).units, projects=projects_in(issued)))


def _line(key: str, selection: Selection) -> Line:
    found = count(selection)
    return Line(key, selection, Said(found.transactions, found.units))


def _units(found: Count | None) -> Said:
    return Said(units=found.units if found else 0)


def _compared(lines: Iterable[Line], period: Period) -> Iterator[Line]:
    for line in lines:
        # What is cumulative holds for every period that ends on the same day.
        is_of_period = line.key.endswith("_period") or line.key in {"platform", "ctx", "direct"}
        speaks = period == REPORT_PERIOD if is_of_period else period.last == REPORT_TO
        yield replace(line, said=SAID.get(line.key) if speaks else None)
