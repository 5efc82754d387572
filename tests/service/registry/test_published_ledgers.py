"""Published issuances and cancellations in the books: what is entered, what is refused, and what a repeat changes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy import select

from app.catalog.mechanisms import ensure_mechanisms
from app.catalog.models import Mechanism
from app.db import db, transaction
from app.registry.ledger import codes
from app.registry.ledger.history import service
from app.registry.ledger.history.books import Issuances, read_issuances
from app.registry.ledger.history.entering import UnitsMoved
from app.registry.ledger.history.models import LedgerFile, LedgerSource
from app.registry.ledger.history.reading import HistoryRefused, Kind, PublishedFile
from app.registry.ledger.history.service import BooksChanged, UnknownMechanism, import_history, is_applied, is_begun
from app.registry.ledger.models import (
    LedgerAccount,
    LedgerBlock,
    LedgerIssuance,
    LedgerTransaction,
    LedgerTransactionBlock,
)
from tests.service.registry.published import (
    CANCELLATIONS,
    ISSUANCES,
    NOW,
    OVERRIDE,
    a_file,
    books,
    load,
    number_of,
    problems,
)

PENDING, CANCELLED = "CDM-110-1", "CDM-230-1"


def refusal(*, issuances=(), cancellations=(), channels=(), opening=()) -> list[tuple[str, int, str | None, str]]:  # type: ignore[no-untyped-def]  # many shapes of rows
    with pytest.raises(HistoryRefused) as refused:
        load(issuances, cancellations, channels, opening)
    return problems(refused.value)


def test_issued_units_wait_in_the_pending_account_and_cancelled_ones_lie_in_the_cancellation_account(
    context: Flask,
) -> None:
    report = load(ISSUANCES, CANCELLATIONS, OVERRIDE)

    assert (report.issuances, report.cancellations, report.unchanged, report.kept_apart) == (3, 4, 0, ())
    assert books() == {
        PENDING: [("IN", 1, 10), ("IN", 21, 30), ("IN", 36, 1000), ("IN", 1101, 1500)],
        CANCELLED: [("BR", 1, 300), ("IN", 11, 20), ("IN", 31, 35), ("IN", 1001, 1100)],
    }


def test_one_time_is_one_transaction_whatever_number_of_blocks_it_has(context: Flask) -> None:
    load(ISSUANCES, CANCELLATIONS, OVERRIDE)
    found = db.session.execute(
        select(LedgerTransaction.completed_at, LedgerTransaction.units, LedgerTransaction.channel)
        .where(LedgerTransaction.type_code == codes.CANCELLATION)
        .order_by(LedgerTransaction.completed_at)
    ).all()

    assert [(row.units, row.channel) for row in found] == [(15, "platform"), (100, "ctx"), (300, "registry")]
    assert found[0].completed_at == datetime(2016, 10, 1, 8, 0, 0, 500_000, tzinfo=UTC)
    assert set(db.session.scalars(select(LedgerTransaction.origin))) == {"imported"}


def test_every_number_leads_to_the_row_of_its_file_and_to_the_row_that_changed_its_channel(context: Flask) -> None:
    load(ISSUANCES, CANCELLATIONS, OVERRIDE)
    rows = db.session.execute(
        select(LedgerTransactionBlock.first, LedgerFile.kind, LedgerSource.row)
        .join(LedgerSource, LedgerSource.transaction_block_id == LedgerTransactionBlock.id)
        .join(LedgerFile, LedgerFile.id == LedgerSource.file_id)
        .where(LedgerTransactionBlock.space == "IN", LedgerTransactionBlock.first.in_([31, 1001]))
        .order_by(LedgerTransactionBlock.first, LedgerFile.kind)
    ).all()
    files = {file.kind: file for file in db.session.scalars(select(LedgerFile))}

    assert [tuple(row) for row in rows] == [
        (31, "cancellations", 3), (1001, "cancellations", 4), (1001, "channels", 2), (1001, "issuances", 3),
    ]  # fmt: skip
    assert files["issuances"].sha256 == a_file(Kind.ISSUANCES, ISSUANCES).sha256
    assert all(file.applied_at == NOW for file in files.values())


def test_the_same_rows_again_change_nothing_even_out_of_a_shorter_file(context: Flask) -> None:
    load(ISSUANCES, CANCELLATIONS, OVERRIDE)
    before = books()
    again = load(ISSUANCES, CANCELLATIONS, OVERRIDE)
    # An extract of the registry says by itself that a channel was inferred.
    extract = load(cancellations=[CANCELLATIONS[2].replace("platform", "ctx (inferred)")])

    assert (again.rows.created, again.rows.updated, again.unchanged) == (0, 0, 7)
    assert extract.unchanged == 1
    assert books() == before
    assert number_of(LedgerFile) == 3


def test_what_was_published_cannot_be_published_otherwise(context: Flask) -> None:
    load(ISSUANCES, CANCELLATIONS)
    changed_issuance = "2013-05-01T10:00:00.100,IN-8,tCER,2,1,999,999"
    changed_cancellation = "2016-10-01T08:00:00.501,registry,IN-7,CER,1,11,20,10"

    assert refusal(issuances=[changed_issuance], cancellations=[changed_cancellation]) == [
        ("issuances", 2, "commitment_period", "cannot_change"),
        ("issuances", 2, "registry_project_id", "cannot_change"),
        ("issuances", 2, "serial_end", "cannot_change"),
        ("issuances", 2, "unit_type", "cannot_change"),
        ("cancellations", 2, "channel", "cannot_change"),
        ("cancellations", 2, "completed_at", "cannot_change"),
    ]
    assert refusal(cancellations=["2016-10-01T08:00:00.500,platform,IN-7,CER,1,41,45,5"]) == [
        ("cancellations", 2, "completed_at", "transaction_complete")
    ]


def test_every_problem_of_every_row_is_told_at_once_and_nothing_is_changed(context: Flask) -> None:
    issuances = [
        "2013-05-01T10:00:00,IN-7,CER,1,1,1000,999",
        "2027-01-01T00:00:00,IN-7,CER,1,2000,1000,1",
        "2013-05-01T10:00:00,IN-7,CER,,3000,3000,1",
    ]

    assert refusal(issuances=issuances) == [
        ("issuances", 2, "units", "wrong_length"),
        ("issuances", 3, "completed_at", "in_the_future"),
        ("issuances", 3, "serial_end", "ends_before_start"),
        ("issuances", 4, "commitment_period", "required"),
    ]
    assert refusal(issuances=["yesterday,India,CER,1,1,10,10"], channels=["2017-01-01,XX-1,1,1,market,"]) == [
        ("issuances", 2, "completed_at", "not_an_instant"),
        ("issuances", 2, "registry_project_id", "wrong_form"),
        ("channels", 2, "channel", "not_a_choice"),
        ("channels", 2, "registry_project_id", "not_a_country"),
    ]
    assert (number_of(LedgerTransaction), number_of(LedgerFile)) == (0, 0)


def test_a_cancelled_block_lies_inside_one_issuance_of_its_project_and_is_cancelled_once(context: Flask) -> None:
    cancellations = [
        "2016-01-01T00:00:01,registry,IN-7,CER,1,990,1010,21",
        "2016-01-01T00:00:02,registry,IN-8,CER,1,1,5,5",
        "2016-01-01T00:00:03,registry,IN-7,CER,1,1,6,6",
        "2016-01-01T00:00:04,registry,IN-7,tCER,2,5,9,5",
        "2012-01-01T00:00:05,registry,IN-7,CER,1,100,100,1",
        "2016-01-01T00:00:06,registry,IN-7,CER,1,200,201,2",
        "2016-01-01T00:00:06,platform,IN-7,CER,2,1200,1201,2",
        "2016-01-01T00:00:07,registry,IN-7,CER,1,200,201,2",
    ]

    assert refusal(issuances=ISSUANCES, cancellations=cancellations) == [
        ("cancellations", 2, "serial_start", "outside_issuance"),
        ("cancellations", 3, "serial_start", "outside_issuance"),
        ("cancellations", 4, "serial_start", "repeated"),
        ("cancellations", 5, "commitment_period", "not_as_issued"),
        ("cancellations", 5, "serial_start", "overlap"),
        ("cancellations", 5, "unit_type", "not_as_issued"),
        ("cancellations", 6, "completed_at", "before_issuance"),
        ("cancellations", 8, "channel", "transaction_mixes"),
        ("cancellations", 8, "commitment_period", "transaction_mixes"),
        ("cancellations", 9, "serial_start", "repeated"),
    ]
    assert refusal(issuances=[*ISSUANCES, "2015-01-01T00:00:00,IN-11,CER,2,1400,1600,201"]) == [
        ("issuances", 5, "serial_start", "overlap")
    ]


def test_foreign_unit_types_are_kept_apart_and_reported(context: Flask) -> None:
    foreign = "2017-01-01T00:00:00,registry,RO-1000080,ERU (from RMU),1,5,9,5"
    report = load(ISSUANCES, [*CANCELLATIONS, foreign])
    kept = db.session.scalars(select(LedgerFile).where(LedgerFile.kind == "cancellations")).one().kept_apart

    assert [(entry.number, entry.unit_type, entry.units) for entry in report.kept_apart] == [(6, "ERU (from RMU)", 5)]
    assert kept == [
        {"row": 6, "project": "RO-1000080", "unit_type": "ERU (from RMU)", "units": 5,
         "completed_at": "2017-01-01T00:00:00+00:00"}
    ]  # fmt: skip
    assert all(space != "RO" for blocks in books().values() for space, _first, _last in blocks)


def test_an_extract_declares_what_was_issued_before_it_begins(context: Flask) -> None:
    assert refusal(cancellations=CANCELLATIONS[:2])[0] == ("cancellations", 2, "serial_start", "outside_issuance")

    report = load(opening=["IN-7,CER,1,1,1000,1000"], cancellations=CANCELLATIONS[:2])
    issuance = db.session.scalars(select(LedgerIssuance)).one()
    opened = db.session.scalars(select(LedgerSource).where(LedgerSource.issuance_id == issuance.id)).one()

    assert (report.opening, report.cancellations, issuance.issued_in_id, opened.row) == (1, 2, None, 2)
    assert load(opening=["IN-7,CER,1,1,1000,1000"]).unchanged == 1
    # The list of issuances says later when it was made; it is the same issuance.
    before = books()
    assert load(ISSUANCES[:1]).issuances == 1
    assert books() == before
    db.session.expire_all()
    assert db.session.scalars(select(LedgerIssuance)).one().issued_in_id is not None


def test_channels_are_laid_over_books_that_are_there(context: Flask) -> None:
    load(ISSUANCES, CANCELLATIONS)
    report = load(channels=OVERRIDE)
    again = load(channels=OVERRIDE)

    assert (report.relabelled, again.relabelled, report.rows.updated) == (1, 0, 1)
    assert "ctx" in set(db.session.scalars(select(LedgerTransaction.channel)))
    assert refusal(
        channels=[
            OVERRIDE[0].replace("ctx", "registry"),
            "2016-10-01T08:00:00.500,IN-7,11,20,ctx,one of two blocks",
            "2016-10-01T08:00:00.500,IN-7,12,20,ctx,no such block",
        ]
    ) == [
        ("channels", 2, "channel", "cannot_change"),
        ("channels", 3, "channel", "transaction_mixes"),
        ("channels", 4, "serial_start", "unknown_cancellation"),
    ]


def test_units_that_holdings_placed_stay_there_and_only_the_rest_is_pending(context: Flask) -> None:
    ensure = load(opening=["IN-7,CER,1,1,1000,1000"])
    assert ensure.opening == 1
    with transaction() as session:
        account = LedgerAccount(identifier="CDM-100-9", type_code=codes.HOLDING_ACCOUNT, holder="A participant")
        session.add(account)
        block = session.scalars(select(LedgerBlock)).one()
        block.last = 899
        session.flush()
        session.add(LedgerBlock(account_id=account.id, issuance_id=block.issuance_id, space="IN", first=900, last=950))

    report = load(ISSUANCES, CANCELLATIONS)

    assert report.issuances == 3
    assert books()["CDM-100-9"] == [("IN", 900, 950)]
    assert ("IN", 951, 1000) in books()[PENDING]
    assert refusal(cancellations=["2017-01-01T00:00:00,registry,IN-7,CER,1,949,952,4"]) == [
        ("cancellations", 2, "serial_start", "overlap")
    ]


def test_a_mechanism_with_vintages_has_no_commitment_periods(context: Flask) -> None:
    load(ISSUANCES)
    with transaction() as session:
        session.get_one(Mechanism, "CDM").period_kind = "vintage_year"

    assert refusal(issuances=["2014-06-02T10:00:00.200,IN-7,CER,2,2001,2500,500"]) == [
        ("issuances", 2, "commitment_period", "other_period"),
        ("issuances", 2, "vintage_year", "required"),
    ]
    with pytest.raises(UnknownMechanism):
        import_history([], mechanism_code="NONE", now=NOW)


@pytest.mark.parametrize("is_issuance_gone", [False, True])
def test_units_that_somebody_forwards_while_rows_are_entered_are_not_cancelled(
    context: Flask, monkeypatch: pytest.MonkeyPatch, is_issuance_gone: bool
) -> None:
    def somebody_forwards(mechanism_code: str) -> Issuances:
        with transaction() as session:
            account = LedgerAccount(identifier="CDM-100-9", type_code=codes.HOLDING_ACCOUNT, holder="A participant")
            session.add(account)
            session.flush()
            session.scalars(select(LedgerBlock).where(LedgerBlock.first == 1001)).one().account_id = account.id
        return Issuances([]) if is_issuance_gone else read_issuances(mechanism_code)

    with monkeypatch.context() as patch:
        patch.setattr(service, "read_issuances", somebody_forwards)
        with pytest.raises(BooksChanged):
            load(ISSUANCES, CANCELLATIONS)

    assert CANCELLED not in books()
    assert refusal(issuances=ISSUANCES, cancellations=CANCELLATIONS) == [
        ("cancellations", 4, "serial_start", "overlap")
    ]


def test_a_cancelled_block_may_reach_over_two_blocks_of_the_pending_account(context: Flask) -> None:
    load(ISSUANCES)
    with transaction() as session:
        block = session.scalars(select(LedgerBlock).where(LedgerBlock.space == "IN", LedgerBlock.first == 1)).one()
        block.last = 15
        session.flush()
        session.add(
            LedgerBlock(account_id=block.account_id, issuance_id=block.issuance_id, space="IN", first=16, last=1000)
        )

    load(cancellations=CANCELLATIONS)

    assert books()[PENDING] == [("IN", 1, 10), ("IN", 21, 30), ("IN", 36, 1000), ("IN", 1101, 1500)]


def test_a_file_that_is_no_list_is_refused_as_a_whole(context: Flask) -> None:
    ensure_mechanisms()
    files = [PublishedFile(Kind.ISSUANCES, "offers.csv", b"code,price\n1,2\n"), a_file(Kind.CANCELLATIONS, ["x"])]
    with pytest.raises(HistoryRefused) as refused:
        import_history(files, mechanism_code="CDM", now=NOW)

    found = problems(refused.value)
    assert ("issuances", 1, "price", "unknown_column") in found
    assert ("issuances", 1, "serial_start", "missing_column") in found
    assert ("cancellations", 2, "completed_at", "not_an_instant") in found


def test_what_moves_while_rows_are_entered_stops_the_import_and_running_it_again_finishes_it(
    context: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [a_file(Kind.ISSUANCES, ISSUANCES), a_file(Kind.CANCELLATIONS, CANCELLATIONS)]

    def moved(*_given: object) -> None:
        raise UnitsMoved

    with monkeypatch.context() as patch:
        patch.setattr(service.entering, "cancel", moved)
        with pytest.raises(BooksChanged):
            load(ISSUANCES, CANCELLATIONS)
    assert (is_applied(files, "CDM"), is_begun(files, "CDM")) == (False, True)
    assert list(books()) == [PENDING]

    report = load(ISSUANCES, CANCELLATIONS)

    assert (report.issuances, report.cancellations) == (0, 4)
    assert (is_applied(files, "CDM"), is_begun(files, "CDM")) == (True, False)
