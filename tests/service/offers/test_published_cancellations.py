"""Cancellations that the registry has published, loaded from a file: all of it or nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.catalog.cancellation_importer import import_cancellations
from app.catalog.models import PublishedCancellation
from app.db import db
from app.kernel.csvtable import ImportRefused, ImportReport
from tests.service.worlds import CANCELLATIONS, NOW, load_small_world

HEADER = CANCELLATIONS.splitlines()[0]


@pytest.fixture
def small_world(context: Flask) -> None:
    load_small_world()


def problems(*rows: str) -> list[tuple[str | None, str]]:
    with pytest.raises(ImportRefused) as refused:
        import_cancellations("\n".join([HEADER, *rows]), now=NOW)
    assert db.session.scalar(select(func.count()).select_from(PublishedCancellation)) == 0
    return [(error.column, error.code) for error in refused.value.errors]


def test_a_list_is_loaded_once_however_often_it_comes(small_world: None) -> None:
    assert import_cancellations(CANCELLATIONS, now=NOW) == ImportReport(4, 0, 0)
    assert import_cancellations(CANCELLATIONS, now=NOW) == ImportReport(0, 0, 4)

    first = db.session.scalars(select(PublishedCancellation).where(PublishedCancellation.serial_first == 121)).one()
    assert (first.channel, first.units, first.listed_until) == ("registry", 10, date(2017, 9, 22))
    assert first.completed_at == datetime(2015, 3, 1, 9, tzinfo=UTC)


def test_a_newer_list_reaches_further_and_raises_a_sum(small_world: None) -> None:
    import_cancellations(CANCELLATIONS, now=NOW)
    newer = CANCELLATIONS.replace("2017-09-22\n", "2018-09-22\n").replace(",700,2017-", ",900,2017-")

    assert import_cancellations(newer, now=NOW) == ImportReport(0, 4, 0)
    assert db.session.scalar(select(func.max(PublishedCancellation.listed_until))) == date(2023, 11, 30)
    total = db.session.scalars(select(PublishedCancellation).where(PublishedCancellation.serial_first.is_(None))).one()
    assert total.units == 900


def test_history_cannot_be_rewritten(small_world: None) -> None:
    import_cancellations(CANCELLATIONS, now=NOW)

    with pytest.raises(ImportRefused) as refused:
        import_cancellations(
            CANCELLATIONS.replace("2015-03-01", "2015-03-02").replace("platform,CER,,", "platform,tCER,,"), now=NOW
        )
    assert [(error.row, error.column, error.code) for error in refused.value.errors] == [
        (2, "completed_at", "cannot_change"),
        (5, "unit_type", "cannot_change"),
    ]


def test_serial_numbers_of_another_project_cannot_be_claimed(small_world: None) -> None:
    import_cancellations(CANCELLATIONS, now=NOW)

    with pytest.raises(ImportRefused) as refused:
        import_cancellations(CANCELLATIONS.replace("MN-5977,registry", "GH-8438,registry"), now=NOW)
    assert ("project", "cannot_change") in [(error.column, error.code) for error in refused.value.errors]


def test_every_row_is_checked_against_what_was_issued(small_world: None) -> None:
    assert problems("MN-1,registry,CER,1,MN,121,130,10,,2015-03-01T09:00:00Z,2017-09-22") == [
        ("project", "unknown_project")
    ]
    assert problems("MN-5977,registry,CER,1,MN,121,130,11,,2015-03-01T09:00:00Z,2017-09-22") == [
        ("units", "wrong_length")
    ]
    assert problems("MN-5977,registry,CER,1,MN,991,1010,20,,2015-03-01T09:00:00Z,2017-09-22") == [
        ("serial_first", "outside_issuance")
    ]
    assert problems("MN-5977,registry,tCER,2,MN,121,130,10,,2015-03-01T09:00:00Z,2017-09-22") == [
        ("commitment_period", "not_as_issued"),
        ("unit_type", "not_as_issued"),
    ]
    assert problems("MN-5977,registry,XER,1,MN,121,130,10,,2015-03-01T09:00:00Z,2017-09-22") == [
        ("unit_type", "unknown_unit_type")
    ]
    assert problems("MN-5977,shop,CER,1,MN,121,130,10,,2015-03-01T09:00:00Z,2017-09-22") == [
        ("channel", "not_a_choice")
    ]


def test_a_cancellation_lies_in_the_past_and_in_the_time_that_the_list_covers(small_world: None) -> None:
    tomorrow = (NOW + timedelta(days=1)).isoformat()
    assert problems(f"MN-5977,registry,CER,1,MN,121,130,10,,{tomorrow},2027-09-22") == [
        ("completed_at", "in_the_future")
    ]
    assert problems("MN-5977,registry,CER,1,MN,121,130,10,,2018-03-01T09:00:00Z,2017-09-22") == [
        ("listed_until", "ends_before_start")
    ]


def test_a_row_has_serial_numbers_or_the_beginning_of_a_sum(small_world: None) -> None:
    whole = "MN-5977,registry,CER,1,MN,121,130,10,2015-01-01T00:00:00Z,2015-03-01T09:00:00Z,2017-09-22"
    half = "MN-5977,registry,CER,1,MN,121,,10,,2015-03-01T09:00:00Z,2017-09-22"
    neither = "MN-5977,registry,CER,,,,,10,,2015-03-01T09:00:00Z,2017-09-22"
    backwards = "MN-5977,registry,CER,,,,,10,2016-01-01T00:00:00Z,2015-03-01T09:00:00Z,2017-09-22"

    assert problems(whole) == problems(half) == problems(neither) == [("serial_first", "serials_or_sum")]
    assert problems(backwards) == [("completed_at", "ends_before_start")]


def test_no_serial_number_is_cancelled_twice(small_world: None) -> None:
    row = "MN-5977,registry,CER,1,MN,{},{},10,,2015-03-01T09:00:00Z,2017-09-22"
    assert problems(row.format(121, 130), row.format(125, 134)) == [("serial_first", "overlap")]
    assert problems(row.format(121, 130), row.format(121, 130)) == [
        ("serial_first", "overlap"),
        ("serial_first", "repeated"),
    ]
    import_cancellations(CANCELLATIONS, now=NOW)
    with pytest.raises(ImportRefused) as refused:
        import_cancellations("\n".join([HEADER, row.format(141, 150)]), now=NOW)
    assert [error.code for error in refused.value.errors] == ["overlap"]


def test_an_operator_loads_a_list_by_command(app: Flask, tmp_path: Path) -> None:
    with app.app_context():
        load_small_world()
    file = tmp_path / "cancellations.csv"
    file.write_text(CANCELLATIONS, encoding="utf-8")

    answer = app.test_cli_runner().invoke(args=["import", "cancellations", str(file)])

    assert answer.exit_code == 0, answer.output
    assert "Rows: 4 new, 0 changed, 0 there already." in answer.output
