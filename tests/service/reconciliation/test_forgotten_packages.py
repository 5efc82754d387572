"""What was handed over to an administrator after the backup is never handed over again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from app.db import db
from app.fulfilment.process import Collaborators, collaborators
from app.operations.backup import back_up
from app.operations.restore import restore
from app.reconciliation import journalling, restored
from app.reconciliation.journal import Journal
from app.reconciliation.replay import replay
from app.registry import service
from app.registry.batch.models import Batch, BatchLine
from app.registry.models import Cancellation, ForgottenSubmission
from tests.batch_world import SECRET, BatchWorld
from tests.builders import a_begun_order, an_offer, cancellations_of
from tests.conftest import AppMaker
from tests.fakes import FakeGateway


@pytest.fixture
def batch(make_app: AppMaker) -> Iterator[BatchWorld]:
    """An administrator who keeps the seller's account with 1,000 units."""
    app = make_app(REGISTRIES="ledger,batch", BATCH_SHARED_SECRET=SECRET, BATCH_NAME="CDM registry")
    app.extensions["tonne.gateway"] = FakeGateway()
    with app.app_context():
        an_offer(number=1)
        world = BatchWorld(app)
        world.keeps("CDM-100-1")
        world.states("CDM-100-1", ("IN-1", 1_002_000, 1_002_999))
        yield world


def sent(world: Collaborators, order: int) -> Cancellation:
    """Send the only cancellation of an order."""
    cancellation = cancellations_of(order)[0]
    service.send(cancellation.id, world.registries, world.clock)
    return cancellations_of(order)[0]


def kept(world: Collaborators, journal: Journal) -> Path:
    """The journal up to now, and a backup."""
    journalling.catch_up(journal, world.clock.now())
    target = world.settings.instance_path.parent / f"{world.settings.instance_path.name}-backup"
    db.session.rollback()
    back_up(world.settings, target, world.clock.now())
    return target


def test_a_line_that_the_backup_does_not_know_waits_for_a_person(batch: BatchWorld) -> None:
    world = collaborators(batch.app)
    journal = Journal(world.settings.journal_path)
    order = a_begun_order(world, {1: 10})
    backup = kept(world, journal)
    reference = sent(world, order).reference
    assert batch.hand_over() is not None
    assert journalling.catch_up(journal, world.clock.now()) == 1

    _manifest, done = restore(world.settings, backup, world.clock, is_replacing=True)
    assert done.packages == 1
    assert db.session.scalars(select(ForgottenSubmission.reference)).all() == [reference]
    db.session.rollback()
    restored.compare(world)

    stuck = cancellations_of(order)[0]
    assert stuck.state.value == "manual"
    assert "which a restored backup forgot" in stuck.last_message
    assert db.session.scalars(select(BatchLine)).all() == [], "it is in no other batch"


def test_a_batch_that_was_open_at_the_backup_is_not_handed_over_again_with_other_lines(batch: BatchWorld) -> None:
    world = collaborators(batch.app)
    journal = Journal(world.settings.journal_path)
    first, second = a_begun_order(world, {1: 10}), a_begun_order(world, {1: 20})
    sent(world, first)
    backup = kept(world, journal)
    sent(world, second)
    package = batch.hand_over()
    assert package is not None
    journalling.catch_up(journal, world.clock.now())
    assert replay(journal, world.clock.now()).packages == 0, "nothing was forgotten yet"

    restore(world.settings, backup, world.clock, is_replacing=True)
    restored.compare(world)

    db.session.expire_all()
    again = db.session.scalars(select(Batch)).one()
    assert again.state.value == "exported"
    assert batch.open_batch() is None
    assert [line.number for line in db.session.scalars(select(BatchLine))] == [1]
    assert cancellations_of(first)[0].state.value == "waiting"
    assert cancellations_of(second)[0].state.value == "manual"
    assert journalling.catch_up(journal, world.clock.now()) == 0, "the batch is known by its code"


def test_a_batch_that_was_closed_after_the_clock_went_back_is_not_handed_over_again(batch: BatchWorld) -> None:
    world = collaborators(batch.app)
    journal = Journal(world.settings.journal_path)
    first, second = a_begun_order(world, {1: 10}), a_begun_order(world, {1: 20})
    sent(world, first)
    batch.clock.advance(timedelta(hours=1))
    assert batch.hand_over() is not None
    batch.clock.advance(timedelta(hours=-1))
    backup = kept(world, journal)
    reference = sent(world, second).reference
    assert batch.hand_over() is not None
    assert journalling.catch_up(journal, world.clock.now()) == 1

    restore(world.settings, backup, world.clock, is_replacing=True)
    db.session.rollback()
    restored.compare(world)

    assert cancellations_of(second)[0].state.value == "manual"
    assert db.session.scalars(select(BatchLine.id).where(BatchLine.reference == reference)).all() == []
