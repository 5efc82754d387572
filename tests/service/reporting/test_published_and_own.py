"""The published books stay those that were published, whatever happens in this registry beside them (row F86)."""

from __future__ import annotations

import csv
import io
from datetime import date

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


def published_rows(context: Flask) -> list[dict[str, str]]:
    answer = context.test_client().get("/en/statistics/rows.csv?from=2016-01-01&to=2026-12-31").get_data(as_text=True)
    return list(csv.DictReader(io.StringIO(answer.removeprefix("\ufeff"))))


def the_report() -> RegistryReport:
    return make_report(Period(date(2016, 1, 1), date(2026, 12, 31)))
