"""The registry's report as text for a terminal, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from flask_babel import gettext

from app.kernel.text import csv_cell
from app.reporting.statistics.annual_report import SYMBOL, TITLE, Said
from app.reporting.statistics.report import Line, RegistryReport
from app.reporting.statistics.words import SECTIONS, line_words, notes, source_kind
from app.web.filters import date_range, number

SCHEMA = "tonne-registry-report-1"
COLUMNS = (
    "section", "line", "label", "from", "to", "transactions", "units", "projects", "report_transactions",
    "report_units", "report_projects", "difference_units", "source",
)  # fmt: skip
_LABEL, _NUMBER = 70, 15


def as_text(report: RegistryReport) -> Iterator[str]:
    """The report, line by line."""
    yield gettext("Published books of the CDM registry, %(period)s (UTC)", period=_days(report))
    yield gettext(
        "From the imported rows; beside them what %(report)s says, where it speaks of the same days.", report=SYMBOL
    )
    if not report.is_whole:
        yield gettext("An import was stopped: run it again, these figures are not whole.")
    for section in report.sections:
        yield ""
        yield str(SECTIONS[section.key])
        yield _columns("", gettext("Transactions"), gettext("Units"), gettext("Projects"), "")
        for line in section.lines:
            yield _text_line(line)
            if line.said is not None and line.said != Said():
                yield _columns(f"    {SYMBOL}", *_numbers(line.said), _verdict(line))
        note = notes().get(section.key)
        if note and (section.key == "table_3" or report.is_compared):
            yield note
    yield ""
    yield gettext("Sources")
    for source in report.sources:
        yield f"  {source.name} ({source_kind(source.kind)}): {number(source.rows)}; SHA-256 {source.sha256}"
        if source.kept_apart:
            yield "    " + gettext("Rows of foreign unit types kept apart: %(rows)s", rows=number(source.kept_apart))
    yield f"  {SYMBOL}: {TITLE}"


def as_json(report: RegistryReport) -> str:
    """The report as one JSON object."""
    plain = {
        "schema": SCHEMA,
        "source": _source(),
        "from": report.period.first.isoformat(),
        "to": report.period.last.isoformat(),
        "is_whole": report.is_whole,
        "reproduces": {"symbol": SYMBOL, "title": TITLE, "same_period": report.is_compared},
        "sections": [
            {
                "key": section.key,
                "title": str(SECTIONS[section.key]),
                "note": notes().get(section.key),
                "lines": [_plain(line) for line in section.lines],
            }
            for section in report.sections
        ],
        "sources": [asdict(source) for source in report.sources],
    }
    return json.dumps(plain, ensure_ascii=False, indent=2) + "\n"


def as_csv(report: RegistryReport) -> str:
    """The report as CSV: one row for each line, each with its source, because rows are copied without a header."""
    out, source = io.StringIO(), _source()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for section in report.sections:
        for line in section.lines:
            period = line.selection.period if line.selection else report.period
            found, said = line.found or Said(), line.said or Said()
            writer.writerow(
                # A number stays one, also below nought.
                value if isinstance(value, int) else csv_cell("" if value is None else str(value))
                for value in (
                    section.key, line.key, line_words(line.key), period.first, period.last,
                    found.transactions, found.units, found.projects,
                    said.transactions, said.units, said.projects, line.difference, source,
                )
            )  # fmt: skip
    return out.getvalue()


def _source() -> str:
    return gettext("As published by the CDM registry: its own history, and nothing that happened on this marketplace.")


def _plain(line: Line) -> dict[str, Any]:
    return {
        "key": line.key,
        "label": line_words(line.key),
        "found": asdict(line.found) if line.found else None,
        "report": asdict(line.said) if line.said else None,
        "difference_units": line.difference,
        "selection": line.selection.arguments() if line.selection else None,
    }


def _text_line(line: Line) -> str:
    label = "  " + line_words(line.key)
    if line.found is None:
        return _columns(label, "", "", "", gettext("not in the rows"))
    return _columns(label, *_numbers(line.found), "")


def _numbers(figure: Said) -> tuple[str, str, str]:
    transactions, units, projects = (
        "" if value is None else number(value) for value in (figure.transactions, figure.units, figure.projects)
    )
    return transactions, units, projects


def _columns(label: str, transactions: str, units: str, projects: str, remark: str) -> str:
    return f"{label:<{_LABEL}}{transactions:>{_NUMBER}}{units:>{_NUMBER}}{projects:>{_NUMBER}}  {remark}".rstrip()


def _verdict(line: Line) -> str:
    if line.is_as_said:
        return gettext("the same")
    if line.difference:
        return gettext("differs by %(units)s", units=number(line.difference))
    return ""


def _days(report: RegistryReport) -> str:
    return date_range(report.period.first, report.period.last)
