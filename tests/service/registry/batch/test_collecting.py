"""A line is put into the open batch once, and may be taken out of it until the batch is closed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from app.config import Settings
from app.db import db, transaction
from app.kernel.clock import Clock
from app.registry.adapters import make_registries
from app.registry.adapters.batch import BatchRegistry
from app.registry.batch import service
from app.registry.batch.models import Batch, BatchLine
from app.registry.batch.states import BatchState, LineState
from app.registry.models import ForgottenSubmission
from app.registry.ports import Absent, Ambiguous, Found, NotSent, Pending, RefusalCode, Refused
from tests.batch_world import SOMEBODY, BatchWorld
from tests.builders import NOW, all_at_once
from tests.conftest import AppMaker
from tests.service.registry.asking import a_request


def _lines() -> int:
    return db.session.scalar(select(func.count()).select_from(BatchLine)) or 0


def test_a_request_waits_in_the_open_batch(world: BatchWorld) -> None:
    request = a_request(10)

    outcome = world.adapter.submit(request)

    batch = db.session.scalars(select(Batch)).one()
    line = db.session.scalars(select(BatchLine)).one()
    assert isinstance(outcome, Pending)
    assert outcome.message == f"in batch {batch.code}, which is open"
    assert not outcome.can_advance
    assert (batch.state, batch.registry_code, line.batch_id) == (BatchState.OPEN, "batch", batch.id)
    assert (line.reference, line.units, line.beneficiary_name, line.number) == ("TONNE-A", 10, "Amélie Nguyễn", None)
    assert world.adapter.lookup(request, None, NOW) == Found(outcome)


def test_the_same_request_again_adds_nothing(world: BatchWorld) -> None:
    first = world.adapter.submit(a_request(10))

    assert world.adapter.submit(a_request(10)) == first
    assert _lines() == 1


def test_a_reference_that_stands_for_something_else_is_refused(world: BatchWorld) -> None:
    world.adapter.submit(a_request(10))

    outcome = world.adapter.submit(a_request(11))

    assert isinstance(outcome, Refused)
    assert outcome.code is RefusalCode.KEY_REUSED
    assert db.session.scalars(select(BatchLine.units)).all() == [10]


def test_no_unit_is_nothing_to_cancel(world: BatchWorld) -> None:
    outcome = world.adapter.submit(a_request(0))

    assert isinstance(outcome, Refused)
    assert outcome.code is RefusalCode.INVALID
    assert _lines() == 0


def test_all_accounts_of_a_registry_share_one_open_batch_and_a_new_one_opens_after_it(world: BatchWorld) -> None:
    world.adapter.submit(a_request(1, reference="TONNE-A"))
    world.adapter.submit(a_request(2, reference="TONNE-B", account="CDM-100-2"))
    world.close()
    world.adapter.submit(a_request(3, reference="TONNE-C"))

    rows = db.session.execute(select(BatchLine.reference, BatchLine.batch_id).order_by(BatchLine.id)).all()
    first, second, third = (row.batch_id for row in rows)
    assert first == second != third


def test_a_reference_that_is_in_no_batch_was_certainly_never_handed_over(world: BatchWorld) -> None:
    world.adapter.submit(a_request(10, reference="TONNE-A"))

    answer = world.adapter.lookup(a_request(10, reference="TONNE-B"), None, NOW)

    assert isinstance(answer, Absent)
    assert answer.proven


def test_what_a_restored_backup_forgot_is_not_absent(world: BatchWorld) -> None:
    with transaction() as session:
        session.add(ForgottenSubmission(reference="TONNE-A", registry_code="batch", package="B-2222-3333"))

    answer = world.adapter.lookup(a_request(10), None, NOW)

    assert isinstance(answer, Ambiguous)
    assert "B-2222-3333" in answer.message


def test_there_is_no_next_step_of_ours(world: BatchWorld) -> None:
    request = a_request(10)
    absent = world.adapter.advance(request, None)
    pending = world.adapter.submit(request)

    assert isinstance(absent, NotSent)
    assert world.adapter.advance(request, None) == pending


def test_a_line_leaves_an_open_batch_for_good(world: BatchWorld) -> None:
    request = a_request(10)
    world.adapter.submit(request)

    answer = world.adapter.withdraw(request, None, "the buyer waited too long")

    assert isinstance(answer, Found)
    assert isinstance(answer.outcome, Refused)
    assert answer.outcome.code is RefusalCode.WITHDRAWN
    # A sender that slept through it finds the refusal, for the money may have gone back.
    assert world.adapter.submit(request) == answer.outcome
    assert world.hand_over() is None


def test_a_line_that_left_is_not_handed_over_with_the_others(world: BatchWorld) -> None:
    world.adapter.submit(a_request(10, reference="TONNE-A"))
    world.adapter.submit(a_request(20, reference="TONNE-B"))
    world.adapter.withdraw(a_request(10, reference="TONNE-A"), None, "late")

    world.round()

    assert (world.effects("TONNE-A"), world.effects("TONNE-B")) == (0, 1)


def test_after_closing_only_the_administrator_can_say_what_becomes_of_a_line(world: BatchWorld) -> None:
    request = a_request(10)
    world.adapter.submit(request)
    batch_id = world.close()
    code = db.session.get_one(Batch, batch_id).code

    closed = world.adapter.withdraw(request, None, "late")
    world.pack()
    exported = world.adapter.withdraw(request, None, "late")
    service.acknowledge(batch_id, SOMEBODY, reference="UNFCCC 2026/118", now=NOW)
    acknowledged = world.adapter.withdraw(request, None, "late")

    outcomes = [answer.outcome for answer in (closed, exported, acknowledged) if isinstance(answer, Found)]
    said = [outcome.message for outcome in outcomes if isinstance(outcome, Pending)]
    assert said == [
        f"line 1 of batch {code}, which is closed",
        f"line 1 of batch {code}, handed over on 2026-11-22",
        f"line 1 of batch {code}, acknowledged as UNFCCC 2026/118",
    ]
    assert db.session.scalars(select(BatchLine.state)).one() is LineState.PENDING


def test_what_was_withdrawn_before_it_was_put_in_is_never_handed_over(world: BatchWorld) -> None:
    request = a_request(10)
    answer = world.adapter.withdraw(request, None, "late")

    assert isinstance(answer, Found)
    assert isinstance(answer.outcome, Refused)
    assert answer.outcome.code is RefusalCode.WITHDRAWN
    # A sender that was stopped at any line comes too late, whatever was paid back meanwhile.
    assert world.adapter.submit(request) == answer.outcome
    assert world.hand_over() is None


def test_what_a_restored_backup_forgot_is_not_withdrawn(world: BatchWorld) -> None:
    request = a_request(10)
    with transaction() as session:
        session.add(ForgottenSubmission(reference=request.reference, registry_code="batch", package="B-1"))

    assert isinstance(world.adapter.withdraw(request, None, "late"), Ambiguous)


def test_a_second_withdrawal_finds_the_first(world: BatchWorld) -> None:
    request = a_request(10)
    world.adapter.submit(request)

    assert world.adapter.withdraw(request, None, "once") == world.adapter.withdraw(request, None, "twice")
    assert db.session.scalars(select(BatchLine.reason)).one() == "once"


def test_senders_at_the_same_moment_share_one_batch_and_put_each_line_in_once(world: BatchWorld) -> None:
    def submit(number: int) -> object:
        return world.adapter.submit(a_request(10, reference=f"TONNE-{number % 2}"))

    outcomes = all_at_once(world.app, [partial(submit, n) for n in range(4)])

    assert all(isinstance(outcome, Pending) for outcome in outcomes), outcomes
    assert _lines() == 2
    assert db.session.scalar(select(func.count()).select_from(Batch)) == 1


def test_the_database_itself_refuses_a_second_line_and_a_second_open_batch(world: BatchWorld) -> None:
    world.adapter.submit(a_request(10))
    line = db.session.scalars(select(BatchLine)).one()
    copied = {c.key: getattr(line, c.key) for c in BatchLine.__table__.columns if c.key != "id"}

    with pytest.raises(IntegrityError), transaction() as session:
        session.add(BatchLine(**copied))
    with pytest.raises(IntegrityError), transaction() as session:
        session.add(Batch(registry_code="batch", code="B-2", state=BatchState.OPEN, opened_at=NOW))


def test_the_settings_name_the_registry_and_say_how_long_it_takes(make_app: AppMaker) -> None:
    app: Flask = make_app(REGISTRIES="batch", BATCH_NAME="CDM registry", BATCH_PROMISE_HOURS="48")
    settings: Settings = app.extensions["tonne.settings"]
    clock: Clock = app.extensions["tonne.clock"]

    registry = make_registries(settings, clock).of("batch")
    other = BatchRegistry(replace(settings, batch_name="Another registry"), clock)

    assert (registry.display_name, other.display_name) == ("CDM registry", "Another registry")
    assert registry.promised_within == registry.capabilities.pending_alarm == timedelta(hours=48)
    assert registry.is_registry_of_record
