"""The published books as they travel in the product: every figure of FCCC/KP/CMP/2017/5 that rows can give."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.catalog.mechanisms import ensure_mechanisms
from app.current import now
from app.db import db, transaction
from app.demo.history import load_history, published_files
from app.kernel.csvtable import ImportReport
from app.registry.ledger.history.models import LedgerFile
from app.registry.ledger.history.reading import Kind
from app.reporting.statistics import overview
from app.reporting.statistics.forms import REPORT_PERIOD, read_period
from app.reporting.statistics.overview import published_figures
from app.reporting.statistics.report import RegistryReport, make_report
from tests.conftest import application, environment
from tests.pages import Page
from tests.postgres import PrivateCluster

pytestmark = pytest.mark.xdist_group("published figures")  # the books are loaded once for all of them


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def history(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """An application whose books are those of the compact copy."""
    directory = tmp_path_factory.mktemp("history")
    if request.param == "sqlite":
        path = directory / "tonne.sqlite"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        url = f"sqlite:///{path}"
    else:
        cluster: PrivateCluster = request.getfixturevalue("cluster")
        name = f"history_{uuid4().hex[:12]}"
        url = cluster.create_database(name, template=request.getfixturevalue("postgres_template"))
    app = application(environment(directory, url))
    with app.app_context():
        ensure_mechanisms()
        assert load_history(now()) == ImportReport(12_394, 0, 0)
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def report(history: Flask) -> RegistryReport:
    """The report of the period of the annual report."""
    return make_report(REPORT_PERIOD)


@pytest.fixture
def reader(history: Flask) -> FlaskClient:
    """Somebody who reads the public pages."""
    return history.test_client()


@pytest.mark.parametrize(
    ("key", "transactions", "units"),
    [
        ("issuance_all", 10_078, 1_872_932_084),
        ("issuance_period", 616, 149_943_790),
        ("voluntary_all", 2_290, 23_580_678),
        ("voluntary_period", 1_085, 9_853_833),
        ("platform", 740, 95_561),
        ("ctx", 3, 10_600),
        ("direct", 342, 9_747_672),
        ("CER", None, 1_861_199_130),
        ("tCER", None, 11_227_869),
        ("lCER", None, 505_085),
        ("tCER_period", None, 0),
        ("lCER_period", None, 0),
        ("period_1", None, 1_477_529_971),
        ("period_2", None, 395_402_113),
        ("tCER_1", None, 11_218_844),
        ("tCER_2", None, 9_025),
        ("lCER_1", None, 505_085),
    ],
)
def test_the_rows_give_the_figures_of_the_annual_report(
    report: RegistryReport, key: str, transactions: int | None, units: int
) -> None:
    line = report.line(key)

    assert line.found is not None
    assert (line.found.transactions, line.found.units) == (transactions, units)
    assert line.is_as_said is (None if key == "direct" else True)  # paragraph 39 rounds


def test_table_1_is_the_same_but_for_exactly_a_million_in_its_last_row(report: RegistryReport) -> None:
    lines = {line.key: line for section in report.sections if section.key == "table_1" for line in section.lines}
    found = {key: (line.found.projects, line.found.units) for key, line in lines.items() if line.found}

    assert found == {
        "year_2011": (1_256, 264_495_437),
        "year_2012": (1_779, 379_458_772),
        "year_2013": (575, 104_113_269),
        "year_2014": (465, 129_451_024),
        "year_2015": (434, 105_331_578),
        "year_2016": (456, 145_104_689),
    }
    assert [key for key, line in lines.items() if not line.is_as_said] == ["year_2016"]
    assert lines["year_2016"].difference == 1_000_000
    assert report.line("projects").is_as_said


def test_what_the_rows_cannot_give_says_so(report: RegistryReport, history: Flask) -> None:
    for key in ("adaptation", "transfers", "forwarding", "administrative"):
        line = report.line(f"{key}_period")
        assert (line.found, line.selection, line.difference) == (None, None, None)
        assert line.said is not None
    printed = history.test_cli_runner().invoke(args=["registry", "report"]).output

    assert printed.count("  not in the rows\n") == 8
    assert "differs by 1,000,000" in printed
    assert "exactly 1,000,000 more" in printed
    assert "SHA-256" in printed
    assert "FCCC/KP/CMP/2017/5" in printed


def test_the_command_prints_the_same_as_json_and_csv(history: Flask) -> None:
    runner = history.test_cli_runner()
    period = ["--from", "2016-09-18", "--to", "2017-09-22"]
    plain = json.loads(runner.invoke(args=["registry", "report", *period, "--format", "json"]).output)
    table = list(
        csv.DictReader(io.StringIO(runner.invoke(args=["registry", "report", *period, "--format", "csv"]).output))
    )
    lines = {line["key"]: line for section in plain["sections"] for line in section["lines"]}
    rows = {row["line"]: row for row in table}

    assert (lines["platform"]["found"]["transactions"], lines["platform"]["found"]["units"]) == (740, 95_561)
    assert (rows["platform"]["transactions"], rows["platform"]["units"]) == ("740", "95561")
    assert rows["year_2016"]["difference_units"] == "1000000"
    assert {source["name"]: source["rows"] for source in plain["sources"]} == {
        "registry_issuances_to_2017-09-22.csv": 10_078,
        "registry_cancellations_to_2017-09-22.csv": 2_316,
        "channel_overrides.csv": 3,
    }
    other = runner.invoke(args=["registry", "report", "--from", "2017-01-02", "--to", "2017-01-01"])
    assert other.exit_code != 0


def test_a_stopped_import_and_rows_kept_apart_are_told(context: Flask) -> None:
    ensure_mechanisms()
    with transaction() as session:
        session.add(
            LedgerFile(
                mechanism_code="CDM", kind="cancellations", name="later.csv", sha256="0" * 64, rows=7,
                kept_apart=[{"row": 7, "unit_type": "ERU (from RMU)"}], imported_at=now(),
            )
        )  # fmt: skip
    printed = context.test_cli_runner().invoke(args=["registry", "report"]).output
    page = context.test_client().get("/en/statistics").get_data(as_text=True)

    assert "An import was stopped" in printed
    assert "Rows of foreign unit types kept apart: 1" in printed
    assert "These figures are not whole yet." in page
    assert "1 of a foreign unit type kept apart" in page
    assert "Nothing was issued and nothing cancelled in this period" in page


def test_of_another_period_the_annual_report_says_nothing(history: Flask) -> None:
    report = make_report(read_period({"from": "2017-01-01", "to": "2017-01-31"}, REPORT_PERIOD))

    assert not report.is_compared
    assert all(line.said is None for section in report.sections for line in section.lines)
    assert report.line("issuance_period").found != report.line("issuance_all").found


@pytest.mark.parametrize("language", ["en", "fr", "es"])
def test_the_public_page_shows_the_figures_and_their_rows(reader: FlaskClient, language: str) -> None:
    page = reader.get(f"/{language}/statistics").get_data(as_text=True)
    digits = page.replace(",", "").replace(".", "").replace("\u202f", "").replace("\xa0", "")

    for figure in ("1872932084", "149943790", "23580678", "9853833", "95561", "10600", "9747672", "145104689"):
        assert figure in digits, figure
    assert f"/{language}/statistics/rows.csv?kind=cancellation&amp;from=2016-09-18&amp;to=2017-09-22" in page
    assert f"/{language}/statistics/rows.json?kind=issuance" in page


def rows(reader: FlaskClient, query: str) -> list[dict[str, str]]:
    text = reader.get(f"/en/statistics/rows.csv?{query}").get_data(as_text=True)
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def test_the_rows_behind_a_figure_add_up_to_it_and_name_their_line_in_the_file(reader: FlaskClient) -> None:
    found = rows(reader, "kind=cancellation&from=2016-09-18&to=2017-09-22&channel=platform")
    (published,) = (file for file in published_files() if file.kind is Kind.CANCELLATIONS)
    lines = published.content.decode("utf-8-sig").splitlines()

    assert sum(int(row["units"]) for row in found) == 95_561
    assert len({row["transaction"] for row in found}) == 740
    assert len(found) == 749
    assert {row["source_sha256"] for row in found} == {published.sha256}
    for row in found:
        line = lines[int(row["source_row"]) - 1].split(",")
        assert (line[2], line[5], line[6]) == (row["project"], row["serial_first"], row["serial_last"])
    overridden = rows(reader, "kind=cancellation&channel=ctx")
    assert [(row["units"], row["channel_row"]) for row in overridden] == [("10000", "2"), ("100", "3"), ("500", "4")]


@pytest.mark.parametrize("breakdown", ["hosts", "types", "regions", "sizes", "issued_hosts"])
def test_every_group_of_the_page_adds_up_and_its_rows_are_its_own(
    history: Flask, reader: FlaskClient, breakdown: str
) -> None:
    figures = published_figures(REPORT_PERIOD, now())
    groups = getattr(figures, breakdown)
    total = 149_943_790 if breakdown == "issued_hosts" else 9_853_833

    assert sum(group.count.units for group in groups) == total
    for group in (groups[0], groups[-1]):
        found = reader.get("/en/statistics/rows.json", query_string=group.selection.arguments()).get_json()["rows"]
        assert sum(row["units"] for row in found) == group.count.units
        assert len({row["transaction"] for row in found}) == group.count.transactions


def test_the_months_of_the_charts_add_up(history: Flask) -> None:
    spans = published_figures(REPORT_PERIOD, now()).spans

    assert len(spans) == 13
    assert sum(span.issued.units for span in spans) == 149_943_790
    assert sum(count.transactions for span in spans for count in span.cancelled.values()) == 1_085
    whole = published_figures(read_period({"from": "2007-01-01", "to": "2017-09-22"}, REPORT_PERIOD), now())
    assert [span.first.year for span in whole.spans] == list(range(2007, 2018))


def test_figures_of_many_periods_are_kept_for_a_while_only(history: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    # Adding up takes a while, and what the most are is for the product to say.
    monkeypatch.setattr(overview, "MOST_KEPT", 2)
    for day in range(1, 5):
        published_figures(read_period({"from": f"2017-01-{day:02}"}, REPORT_PERIOD), now())

    assert len(history.extensions["tonne.statistics"]) == 2


def test_a_long_list_is_read_in_parts(reader: FlaskClient) -> None:
    address = "/en/statistics/rows.json?kind=cancellation&from=2016-09-18&to=2017-09-22&limit=600"
    seen: list[int] = []
    while address:
        part = reader.get(address).get_json()
        seen += [row["serial_first"] for row in part["rows"]]
        assert part["count"] == len(part["rows"])
        address = part["next"]

    assert len(seen) == 1_102


def test_a_serial_number_is_found_among_all_blocks(reader: FlaskClient) -> None:
    cancelled = reader.get("/en/statistics?serial=IN+182502761").get_data(as_text=True)
    pending = reader.get("/en/statistics?serial=HN-1").get_data(as_text=True)

    assert "IN-3926" in cancelled
    assert "Cancelled: Through the exchange CTX" in cancelled
    assert "No cancellation of it is known" in pending
    assert "no unit with this number" in reader.get("/en/statistics?serial=IN+999999999999").get_data(as_text=True)
    assert "two letters of the Party" in reader.get("/en/statistics?serial=what").get_data(as_text=True)


def test_a_wrong_day_is_said_beside_its_field_and_is_in_no_file(reader: FlaskClient) -> None:
    page = Page(reader.get("/en/statistics?from=x&to=2017-01-31").get_data(as_text=True))

    assert page.error_at("from") == "Write the day as in 2026-12-31."
    assert page.by_id["from"]["value"] == "x"
    assert not page.error_at("to")
    assert page.html.count("<title>Error") == 1
    for file in ("rows", "here", "money", "report"):
        for wrong in ("from=x", "to=2017-02-30", "from=2017-01-02&to=2017-01-01"):
            assert reader.get(f"/en/statistics/{file}.csv?{wrong}").status_code == 400, (file, wrong)
    assert not Page(reader.get("/en/statistics?from=2017-01-01").get_data(as_text=True)).error_at("from")


def test_nonsense_in_the_address_narrows_nothing(reader: FlaskClient) -> None:
    nonsense = "channel=x&host=1&size=3&commitment_period=x&after=x&limit=0&kind=x"

    assert reader.get(f"/en/statistics?{nonsense}").status_code == 200
    assert reader.get(f"/en/statistics/rows.json?{nonsense}&limit=1").get_json()["count"] == 1
    assert reader.get("/en/statistics/rows.xml").status_code == 404
    assert reader.get("/en/statistics/report.csv").status_code == 200
    assert reader.get("/en/statistics/report.json").get_json()["schema"] == "tonne-registry-report-1"


def test_every_line_of_the_report_says_whose_figures_they_are(reader: FlaskClient) -> None:
    answer = reader.get("/en/statistics/report.csv").get_data(as_text=True)
    rows = list(csv.DictReader(io.StringIO(answer)))

    assert {row["source"] for row in rows} == {
        "As published by the CDM registry: its own history, and nothing that happened on this marketplace."
    }
    assert reader.get("/en/statistics/report.json").get_json()["source"] == rows[0]["source"]


def test_the_copy_in_the_product_is_small_and_is_loaded_once(history: Flask) -> None:
    copy = Path(load_history.__globals__["DATA"])

    assert sum(file.stat().st_size for file in copy.iterdir()) < 400_000
    assert load_history(now()) == ImportReport(0, 0, 12_394)
