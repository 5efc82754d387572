"""The published books stay those that were published, whatever happens in this registry beside them (row F86)."""

from __future__ import annotations

import csv
import io
import re
from datetime import date

import pytest
from flask import Flask

from app.registry.ports import Completed
from app.reporting.statistics.forms import Period
from app.reporting.statistics.report import RegistryReport, make_report
from tests.builders import an_offer
from tests.service.registry.asking import a_request
from tests.service.registry.books import the_ledger
from tests.service.registry.published import CANCELLATIONS, ISSUANCES, load


def test_what_is_cancelled_here_is_no_row_of_the_published_books(context: Flask) -> None:
    an_offer(units=10)
    load(ISSUANCES, CANCELLATIONS)
    rows, report = published_rows(context), the_report()
    assert rows

    assert isinstance(the_ledger(context).submit(a_request(3)), Completed)

    assert (published_rows(context), the_report()) == (rows, report)


@pytest.mark.parametrize(
    ("language", "now"),
    [
        ("en", "Now Cancelled: Here (demonstration: not cancelled in any UN registry)"),
        ("fr", "ONU"),
        ("es", "ONU"),
    ],
)
def test_a_serial_number_that_was_cancelled_here_is_never_called_cancelled_by_somebody_else(
    context: Flask, language: str, now: str
) -> None:
    an_offer(units=10)
    load(ISSUANCES, CANCELLATIONS)
    assert isinstance(the_ledger(context).submit(a_request(3)), Completed)

    said = what_became_of("IN 1002000", context, language)

    assert now in said
    for channel in ("United Nations", "Nations unies", "Naciones Unidas", "CTX"):
        assert channel not in said
    assert "platform of the United Nations" in what_became_of("IN 11", context, "en")


def what_became_of(serial: str, app: Flask, language: str) -> str:
    """What the page of statistics says of a serial number."""
    page = app.test_client().get(f"/{language}/statistics", query_string={"serial": serial})
    (found,) = re.findall(r'<dl class="facts" aria-label.*?</dl>', page.get_data(as_text=True), re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", found).split())


def test_a_difference_in_the_file_of_the_report_is_a_number_also_where_rows_are_missing(context: Flask) -> None:
    load(ISSUANCES, CANCELLATIONS)
    answer = context.test_client().get("/en/statistics/report.csv").get_data(as_text=True)

    differences = [row["difference_units"] for row in csv.DictReader(io.StringIO(answer.removeprefix("\ufeff")))]

    assert min(int(difference) for difference in differences if difference) < 0


def published_rows(context: Flask) -> list[dict[str, str]]:
    answer = context.test_client().get("/en/statistics/rows.csv?from=2016-01-01&to=2026-12-31").get_data(as_text=True)
    return list(csv.DictReader(io.StringIO(answer.removeprefix("\ufeff"))))


def the_report() -> RegistryReport:
    return make_report(Period(date(2016, 1, 1), date(2026, 12, 31)))
