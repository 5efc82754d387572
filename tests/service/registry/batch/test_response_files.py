"""A response file is checked whole before anything of it counts, and counts once."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from app.audit.models import Act
from app.db import db
from app.kernel.csvtable import ImportRefused
from app.registry.batch.answers import Fate
from app.registry.batch.models import Batch, BatchBlock, BatchLine, RegistryMessage
from app.registry.batch.states import BatchState, LineState
from app.registry.ports import Completed, Found, Pending, RefusalCode, Refused
from tests.batch_world import SECRET, BatchWorld, response_file
from tests.builders import NOW, all_at_once, an_offer
from tests.service.registry.asking import a_request

FIRST = 1_002_000
_NOTHING = {"registry_transaction": "", "completed_at": "", "serial_numbers": ""}


def _handed_over(world: BatchWorld, *references: str) -> bytes:
    """A package of 10 units for each reference."""
    for reference in references or ("TONNE-A",):
        world.adapter.submit(a_request(10, reference=reference))
    package = world.hand_over()
    assert package is not None
    return package


def _row(world: BatchWorld, reference: str = "TONNE-A", **changes: str) -> dict[str, str]:
    """A right answer for a line of 10 units, with changes."""
    batch = db.session.scalars(select(Batch).order_by(Batch.id)).first()
    assert batch is not None
    return {
        "batch": batch.code,
        "reference": reference,
        "outcome": "processed",
        "units": "10",
        "registry_transaction": "CDM000001",
        "completed_at": "2026-11-22T09:30:00Z",
        "serial_numbers": f"{FIRST}-{FIRST + 9}",
    } | changes


def _deliver(world: BatchWorld, *rows: dict[str, str]) -> Fate:
    return world.deliver(response_file(rows, sign_with=SECRET)).fate


def _problems(world: BatchWorld, *rows: dict[str, str]) -> list[tuple[int, str | None, str]]:
    """What is wrong with a file of these rows; nothing of it was applied, and the file was kept."""
    raw = response_file(rows, sign_with=SECRET)
    with pytest.raises(ImportRefused) as refused:
        world.deliver(raw)
    assert db.session.scalars(select(BatchLine.state).where(BatchLine.state == LineState.PROCESSED)).all() == []
    kept = db.session.scalars(select(RegistryMessage).where(RegistryMessage.kind == "response")).all()
    assert [(message.body, message.applied_at) for message in kept] == [(raw, None)]
    return [(error.row, error.column, error.code) for error in refused.value.errors]


def _lookup(world: BatchWorld, reference: str = "TONNE-A") -> Any:
    answer = world.adapter.lookup(a_request(10, reference=reference), None, NOW)
    assert isinstance(answer, Found)
    return answer.outcome


def _batch_state() -> BatchState:
    return db.session.scalars(select(Batch.state)).one()


def test_what_was_processed_is_completed_with_the_registrys_own_numbers(world: BatchWorld) -> None:
    _handed_over(world)

    assert _deliver(world, _row(world, serial_numbers=f"{FIRST + 100}; {FIRST}-{FIRST + 8}")) is Fate.APPLIED

    outcome = _lookup(world)
    assert isinstance(outcome, Completed)
    result = outcome.result
    assert result.contradiction(a_request(10)) is None
    assert (result.registry_transaction, result.units) == ("CDM000001", 10)
    assert result.completed_at == datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
    assert [(b.space, b.first, b.last, b.text_first, b.text_last) for b in result.blocks] == [
        ("batch:IN", FIRST, FIRST + 8, "IN-5-1002000-2-2-0-1", "IN-5-1002008-2-2-0-1"),
        ("batch:IN", FIRST + 100, FIRST + 100, "IN-5-1002100-2-2-0-1", "IN-5-1002100-2-2-0-1"),
    ]


def test_what_was_not_processed_is_refused_in_the_registrys_own_words(world: BatchWorld) -> None:
    _handed_over(world)

    _deliver(world, _row(world, outcome="not_processed", reason="The signature is missing.", **_NOTHING))

    assert _lookup(world) == Refused(RefusalCode.RULES, "The signature is missing.")
    # And for ever: a sender that slept through the refund must not get it cancelled after all.
    assert world.adapter.submit(a_request(10)) == _lookup(world)
    assert world.hand_over() is None


def test_lines_that_a_file_leaves_out_stay_pending_and_may_be_answered_later(world: BatchWorld) -> None:
    package = _handed_over(world, "TONNE-A", "TONNE-B")

    world.deliver(world.answer(package, only={"TONNE-B"}))

    assert isinstance(_lookup(world, "TONNE-A"), Pending)
    assert isinstance(_lookup(world, "TONNE-B"), Completed)
    assert _batch_state() is BatchState.EXPORTED

    world.deliver(world.answer(package))

    assert isinstance(_lookup(world, "TONNE-A"), Completed)
    assert _batch_state() is BatchState.ANSWERED


def test_the_same_file_again_changes_nothing(world: BatchWorld) -> None:
    raw = world.answer(_handed_over(world))
    assert world.deliver(raw).fate is Fate.APPLIED

    again = world.deliver(raw)

    assert (again.fate, again.batch) == (Fate.KNOWN, db.session.scalars(select(Batch.code)).one())
    assert len(db.session.scalars(select(BatchBlock)).all()) == 1
    assert len(db.session.scalars(select(RegistryMessage).where(RegistryMessage.kind == "response")).all()) == 1


def test_files_and_lines_may_come_in_any_order(world: BatchWorld) -> None:
    first = _handed_over(world, "TONNE-A", "TONNE-B")
    second = _handed_over(world, "TONNE-C")
    early, late = world.answer(first, only={"TONNE-A"}), world.answer(first, reverse=True)
    other = world.answer(second)

    for raw in (other, late, early):
        assert world.deliver(raw).fate is Fate.APPLIED

    assert all(isinstance(_lookup(world, f"TONNE-{letter}"), Completed) for letter in "ABC")
    assert [world.effects(f"TONNE-{letter}") for letter in "ABC"] == [1, 1, 1]


def test_one_wrong_line_keeps_the_whole_file_out(world: BatchWorld) -> None:
    package = _handed_over(world, "TONNE-A", "TONNE-B")
    with pytest.raises(ImportRefused):
        world.deliver(world.answer(package, bad_line=True))

    assert {type(_lookup(world, reference)) for reference in ("TONNE-A", "TONNE-B")} == {Pending}

    world.deliver(world.answer(package))
    assert isinstance(_lookup(world, "TONNE-A"), Completed)


@pytest.mark.parametrize(
    ("changes", "column", "code"),
    [
        ({"batch": "B-2222-3333"}, "batch", "unknown_batch"),
        ({"reference": "TONNE-X"}, "reference", "not_in_batch"),
        ({"line": "2"}, "line", "wrong_line"),
        ({"units": "11"}, "units", "units_differ"),
        ({"units": ""}, "units", "required"),
        ({"outcome": ""}, "outcome", "required"),
        ({"outcome": "done"}, "outcome", "not_a_choice"),
        ({"registry_transaction": ""}, "registry_transaction", "required"),
        ({"completed_at": ""}, "completed_at", "required"),
        ({"completed_at": "yesterday"}, "completed_at", "not_an_instant"),
        ({"completed_at": "2026-11-22T10:00:01Z"}, "completed_at", "in_the_future"),
        ({"completed_at": "2026-11-21T09:59:59Z"}, "completed_at", "before_handed_over"),
        ({"completed_at": "2026-11-20"}, "completed_at", "before_handed_over"),
        ({"serial_numbers": ""}, "serial_numbers", "required"),
        ({"serial_numbers": "IN-5-1"}, "serial_numbers", "wrong_form"),
        ({"serial_numbers": f"{FIRST + 9}-{FIRST}"}, "serial_numbers", "wrong_form"),
        ({"serial_numbers": ";".join(map(str, range(FIRST, FIRST + 201)))}, "serial_numbers", "wrong_form"),
        ({"serial_numbers": f"{FIRST}-{FIRST + 8}"}, "serial_numbers", "wrong_length"),
        ({"serial_numbers": "999995-1000004"}, "serial_numbers", "outside_issuance"),
        ({"serial_numbers": "1099991-1100000"}, "serial_numbers", "outside_issuance"),
        ({"serial_numbers": f"{FIRST}-{FIRST + 4}; {FIRST + 4}-{FIRST + 8}"}, "serial_numbers", "overlap"),
    ],
)
def test_a_line_that_does_not_fit_is_named(world: BatchWorld, changes: dict[str, str], column: str, code: str) -> None:
    _handed_over(world)

    assert _problems(world, _row(world, **changes)) == [(2, column, code)]


def test_a_refusal_has_its_reason_and_nothing_of_a_cancellation(world: BatchWorld) -> None:
    _handed_over(world)

    assert _problems(world, _row(world, outcome="not_processed")) == [
        (2, "completed_at", "only_of_processed"),
        (2, "reason", "required"),
        (2, "registry_transaction", "only_of_processed"),
        (2, "serial_numbers", "only_of_processed"),
    ]


def test_a_day_alone_is_enough_and_never_before_the_batch_was_handed_over(world: BatchWorld) -> None:
    _handed_over(world, "TONNE-A", "TONNE-B")
    world.clock.advance(timedelta(days=1))
    other = f"{FIRST + 10}-{FIRST + 19}"

    _deliver(
        world,
        _row(world, "TONNE-A", completed_at="2026-11-22"),
        _row(world, "TONNE-B", completed_at="2026-11-23", serial_numbers=other),
    )

    assert _lookup(world, "TONNE-A").result.completed_at == NOW
    assert _lookup(world, "TONNE-B").result.completed_at == datetime(2026, 11, 23, tzinfo=UTC)


def test_a_line_stands_in_a_file_once(world: BatchWorld) -> None:
    _handed_over(world)

    assert (3, "reference", "repeated") in _problems(world, _row(world), _row(world))


def test_two_lines_never_share_a_serial_number(world: BatchWorld) -> None:
    _handed_over(world, "TONNE-A", "TONNE-B")

    problems = _problems(world, _row(world, "TONNE-A"), _row(world, "TONNE-B"))

    assert problems == [(3, "serial_numbers", "overlap")]


def test_a_serial_number_is_cancelled_for_one_reference_ever(world: BatchWorld) -> None:
    _handed_over(world, "TONNE-A", "TONNE-B")
    _deliver(world, _row(world, "TONNE-A"))

    with pytest.raises(ImportRefused) as refused:
        _deliver(world, _row(world, "TONNE-B", serial_numbers=f"{FIRST + 9}-{FIRST + 18}"))

    assert [(error.column, error.code) for error in refused.value.errors] == [("serial_numbers", "overlap")]
    assert isinstance(_lookup(world, "TONNE-B"), Pending)


def test_an_answer_once_given_stands(world: BatchWorld) -> None:
    _handed_over(world, "TONNE-A", "TONNE-B")
    _deliver(world, _row(world, "TONNE-A"))

    with pytest.raises(ImportRefused) as refused:
        _deliver(world, _row(world, "TONNE-A", registry_transaction="CDM000002"))

    assert [error.code for error in refused.value.errors] == ["answered_otherwise"]
    # The same answer again, beside a new one, is no contradiction.
    other = _row(world, "TONNE-B", serial_numbers=f"{FIRST + 10}-{FIRST + 19}")
    assert _deliver(world, _row(world, "TONNE-A"), other) is Fate.APPLIED


def test_a_file_is_about_one_batch_that_was_handed_over(world: BatchWorld) -> None:
    _handed_over(world)
    world.adapter.submit(a_request(10, reference="TONNE-B"))
    open_code = db.session.scalars(select(Batch.code).where(Batch.state == BatchState.OPEN)).one()

    assert (3, "batch", "other_batch") in _problems(world, _row(world), _row(world, "TONNE-B", batch=open_code))
    with pytest.raises(ImportRefused) as refused:
        _deliver(world, _row(world, "TONNE-B", batch=open_code))
    assert [error.code for error in refused.value.errors] == ["batch_not_handed_over"]


def test_a_line_that_was_taken_out_was_never_handed_over(world: BatchWorld) -> None:
    world.adapter.submit(a_request(10, reference="TONNE-B"))
    world.adapter.withdraw(a_request(10, reference="TONNE-B"), None, "late")
    _handed_over(world)

    assert _problems(world, _row(world, "TONNE-B")) == [(2, "reference", "not_in_batch")]


def test_a_file_that_cannot_be_read_is_refused(world: BatchWorld) -> None:
    for raw, code in ((b"batch\n", "missing_column"), (b"\xff\x00", "not_text"), (b"x" * 5_000_001, "file_too_large")):
        with pytest.raises(ImportRefused) as refused:
            world.deliver(raw)
        assert code in {error.code for error in refused.value.errors}
    out = io.StringIO()
    csv.writer(out).writerow(["batch", "reference"])
    with pytest.raises(ImportRefused) as refused:
        world.deliver(out.getvalue().encode() + b"B-1,\n")
    assert {error.code for error in refused.value.errors} == {"required"}


def test_two_operators_at_the_same_moment_apply_a_file_once(world: BatchWorld) -> None:
    raw = world.answer(_handed_over(world))

    receipts = all_at_once(world.app, [partial(world.deliver, raw)] * 2)

    assert {receipt.fate for receipt in receipts} <= {Fate.APPLIED, Fate.KNOWN}, receipts
    assert len(db.session.scalars(select(Act).where(Act.what == "batch_response_applied")).all()) == 1
    assert len(db.session.scalars(select(BatchBlock)).all()) == 1


def test_serial_numbers_of_another_project_lie_in_another_issuance(world: BatchWorld) -> None:
    an_offer(number=2)
    world.adapter.submit(a_request(10, reference="TONNE-B", number=2))
    _handed_over(world)

    assert _problems(world, _row(world, "TONNE-B")) == [(2, "serial_numbers", "outside_issuance")]
