"""What an administrator answers goes the way that every registry's answer goes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.db import StateEvent, db, transaction
from app.fulfilment.process import Collaborators, collaborators, run_due
from app.kernel.csvtable import ImportRefused
from app.registry import service as registry_service
from app.registry.adapters import make_registries
from app.registry.batch import worker
from app.registry.batch.answers import Fate
from app.registry.batch.models import Batch
from app.registry.batch.states import BatchState
from app.registry.models import Cancellation
from app.registry.ports import CancellationResult, Completed, SerialBlock
from app.registry.states import CancellationState
from tests.batch_world import SECRET, BatchWorld, FakeForms
from tests.builders import a_begun_order, an_offer, refunds_of
from tests.conftest import AppMaker
from tests.service.conftest import with_fakes


@pytest.fixture
def shop_app(make_app: AppMaker) -> Iterator[Flask]:
    """A shop whose seller's account is kept by the administrator, in an application context."""
    app = make_app(REGISTRIES="ledger,batch", BATCH_SHARED_SECRET=SECRET)
    with_fakes(app, app.extensions["tonne.clock"])
    app.extensions["tonne.registries"] = make_registries(
        app.extensions["tonne.settings"], app.extensions["tonne.clock"]
    )
    app.extensions["tonne.background"] = []
    worker.init_app(app, FakeForms())
    with app.app_context():
        yield app


@pytest.fixture
def shop(shop_app: Flask) -> Collaborators:
    """What stands behind that shop, with the worker's part in batches."""
    return collaborators(shop_app)


@pytest.fixture
def administrator(shop_app: Flask) -> BatchWorld:
    """The administrator, with 1,000 units of project 1 in the seller's account."""
    an_offer()
    administrator = BatchWorld(shop_app)
    administrator.keeps("CDM-100-1")
    administrator.states("CDM-100-1", ("IN-1", 1_002_000, 1_002_999))
    return administrator


def _waiting(shop: Collaborators) -> int:
    """An order of 12 units that waits for the administrator; gives its id."""
    order_id = a_begun_order(shop, {1: 12})
    run_due(shop)
    return order_id


def _the_cancellation() -> Cancellation:
    db.session.expire_all()
    return db.session.scalars(select(Cancellation)).one()


def _batch_states() -> list[str]:
    return list(
        db.session.scalars(select(StateEvent.to_state).where(StateEvent.machine == "batch").order_by(StateEvent.id))
    )


def test_an_order_is_confirmed_and_its_batch_settled_without_anybody_waiting_for_the_hour(
    shop: Collaborators, administrator: BatchWorld
) -> None:
    _waiting(shop)
    assert _the_cancellation().state is CancellationState.WAITING
    batch_id = administrator.close()
    run_due(shop)  # the worker makes the package
    package = administrator.package(batch_id)

    administrator.deliver(administrator.answer(package))
    assert _the_cancellation().next_action_at == shop.clock.now()
    run_due(shop)

    cancellation = _the_cancellation()
    assert cancellation.state is CancellationState.CONFIRMED
    assert [(block.space, block.first, block.last) for block in cancellation.blocks] == [
        ("batch:IN", 1_002_000, 1_002_011)
    ]
    assert _batch_states() == ["open", "closed", "exported", "answered", "settled"]
    assert administrator.effects(cancellation.reference) == 1


def test_what_the_administrator_does_not_process_is_never_an_effect(
    shop: Collaborators, administrator: BatchWorld
) -> None:
    order_id = _waiting(shop)
    reference = _the_cancellation().reference
    package = administrator.hand_over()
    assert package is not None

    administrator.deliver(administrator.answer(package, refuse={reference: "The signature is missing."}))
    run_due(shop)

    cancellation = _the_cancellation()
    assert cancellation.state is CancellationState.REFUSED
    assert cancellation.last_message == "The signature is missing."
    assert administrator.effects(reference) == 0
    shop.clock.advance(timedelta(days=30))  # type: ignore[attr-defined]  # the tests' clock
    run_due(shop)
    assert len(refunds_of(order_id)) == 1


def test_a_withdrawn_line_gives_the_money_back_and_is_handed_over_to_nobody(
    shop: Collaborators, administrator: BatchWorld
) -> None:
    _waiting(shop)
    cancellation = _the_cancellation()

    assert registry_service.withdraw(cancellation.id, "the buyer waited too long", shop.registries, shop.clock)

    assert _the_cancellation().state is CancellationState.REFUSED
    assert administrator.hand_over() is None


def test_a_batch_is_settled_when_the_last_of_its_cancellations_is_final(
    shop: Collaborators, administrator: BatchWorld
) -> None:
    _waiting(shop)
    package = administrator.hand_over()
    assert package is not None
    administrator.deliver(administrator.answer(package))

    assert administrator.pack() == 0, "the cancellation is not confirmed yet"
    registry_service.look_up(_the_cancellation().id, shop.registries, shop.clock)
    assert administrator.pack() == 1
    assert db.session.scalars(select(Batch.state)).one() is BatchState.SETTLED
    assert administrator.pack() == 0


def test_a_line_settled_by_hand_may_be_answered_by_file_with_the_same_serial_numbers(
    shop: Collaborators, administrator: BatchWorld
) -> None:
    _waiting(shop)
    package = administrator.hand_over()
    assert package is not None
    raw, cancellation = administrator.answer(package), _the_cancellation()
    blocks = (SerialBlock("batch:IN", 1_002_000, 1_002_011, "IN-5-1002000-2-2-0-1", "IN-5-1002011-2-2-0-1"),)
    with transaction():
        stated = Completed(CancellationResult("CDM000001", 12, blocks, shop.clock.now()))
        registry_service.record_stated(cancellation.id, stated, shop.clock.now())

    assert administrator.deliver(raw).fate is Fate.APPLIED
    run_due(shop)

    assert _the_cancellation().state is CancellationState.CONFIRMED
    assert db.session.scalars(select(Batch.state)).one() is BatchState.SETTLED


def test_serial_numbers_that_another_cancellation_has_on_record_are_refused(
    shop: Collaborators, administrator: BatchWorld
) -> None:
    a_begun_order(shop, {1: 12})
    a_begun_order(shop, {1: 12})
    run_due(shop)
    first = db.session.scalars(select(Cancellation).order_by(Cancellation.id)).first()
    assert first is not None
    blocks = (SerialBlock("batch:IN", 1_002_000, 1_002_011, "IN-5-1002000-2-2-0-1", "IN-5-1002011-2-2-0-1"),)
    with transaction():
        stated = Completed(CancellationResult("CDM000001", 12, blocks, shop.clock.now()))
        registry_service.record_stated(first.id, stated, shop.clock.now())
    other = db.session.scalars(select(Cancellation.reference).order_by(Cancellation.id.desc())).first()
    package = administrator.hand_over()
    assert package is not None

    with pytest.raises(ImportRefused) as refused:
        administrator.deliver(administrator.answer(package, only={other or ""}))

    assert [error.code for error in refused.value.errors] == ["overlap"]
