"""Every answer of a registry is kept, and without one nothing is done that could not be undone."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app.catalog.models import Mechanism
from app.checkout.remedies import can_be_taken_back
from app.checkout.service import take_back
from app.checkout.states import OrderState
from app.db import db, transaction
from app.fulfilment.process import Collaborators, run_due
from app.registry import service
from app.registry.adapters.batch import BatchRegistry
from app.registry.models import RegistryAttempt
from app.registry.ports import NotSent, Registries, Unavailable, Unknown
from app.registry.states import CancellationState
from tests.builders import (
    a_begun_order,
    a_finished_order,
    an_offer,
    cancellations_of,
    certificates_of,
    mailer_of,
    pass_time,
    refunds_of,
    the_order,
)
from tests.service.registry.asking import (
    UNITS,
    a_block,
    a_planned_cancellation,
    ask,
    done,
    history_of,
    pause_of,
    state_of,
    the_cancellation,
)

S = CancellationState
FIRST = 1_002_000


def test_what_the_registry_says_it_cancelled_is_what_we_keep(world: Collaborators) -> None:
    cancellation_id = a_planned_cancellation(world)

    assert ask(world, cancellation_id) is S.CONFIRMED

    kept = the_cancellation(cancellation_id)
    assert (kept.registry_transaction, kept.completed_at) == ("TN00000001", world.clock.now())
    assert [(b.space, b.first, b.last, b.text_first, b.text_last) for b in kept.blocks] == [
        ("ledger:IN", FIRST, FIRST + 9, "IN-5-1002000-2-2-0-1", "IN-5-1002009-2-2-0-1")
    ]
    assert history_of(cancellation_id) == ["planned", "sending", "confirmed"]


def test_every_answer_is_kept_as_the_registry_gave_it(world: Collaborators) -> None:
    cancellation_id = a_planned_cancellation(world)
    world.registries.default.submits = [
        NotSent("no connection", timedelta(seconds=30)),
        done(a_block(FIRST, FIRST + 9)),
    ]
    ask(world, cancellation_id)
    ask(world, cancellation_id)

    rows = db.session.scalars(select(RegistryAttempt).order_by(RegistryAttempt.id)).all()
    assert [(r.kind, r.outcome) for r in rows] == [("submit", "notsent"), ("submit", "completed")]
    assert all(r.started_at <= r.ended_at for r in rows)
    assert rows[0].answer == {"message": "no connection", "retry_after": "0:00:30"}
    result = rows[1].answer["result"]
    assert (result["registry_transaction"], result["units"], result["evidence"]) == ("X-1", UNITS, {"page": 7})
    assert [(b["first"], b["last"]) for b in result["blocks"]] == [(FIRST, FIRST + 9)]
    assert json.dumps(result)


def test_a_registry_that_is_not_connected_any_more_was_sent_nothing_and_is_asked_when_it_is_back(
    world: Collaborators,
) -> None:
    cancellation_id = a_planned_cancellation(world)
    away = Registries([BatchRegistry(world.settings, world.clock)])

    for _day in range(3):
        service.pursue(cancellation_id, state_of(cancellation_id), away, world.clock)
        assert (state_of(cancellation_id), pause_of(cancellation_id, world)) == (S.PLANNED, timedelta(minutes=15))
        assert the_cancellation(cancellation_id).attempts == 0
        pass_time(world, days=1)

    assert ask(world, cancellation_id) is S.CONFIRMED


def test_a_registry_that_closed_before_it_was_taken_out_of_the_settings_is_waited_for_by_nobody(
    world: Collaborators,
) -> None:
    cancellation_id = a_planned_cancellation(world)
    with transaction() as session:
        session.execute(update(Mechanism).values(ends_at=world.clock.now()))
    away = Registries([BatchRegistry(world.settings, world.clock)])

    service.send(cancellation_id, away, world.clock)

    assert (state_of(cancellation_id), the_cancellation(cancellation_id).refusal_code) == (S.REFUSED, "closed")


def test_a_buyer_whose_registry_is_not_connected_any_more_is_told_and_need_not_wait_for_good(
    world: Collaborators,
) -> None:
    order_id = the_cancellation(a_planned_cancellation(world)).order_id
    assert order_id is not None
    world = replace(world, registries=Registries([BatchRegistry(world.settings, world.clock)]))
    promise = world.registries.longest_promise

    pass_time(world, seconds=promise.total_seconds() - 1)
    run_due(world)
    assert not can_be_taken_back(the_order(order_id), world.registries, world.clock.now())
    assert not [mail for mail in mailer_of(world).sent if "longer" in mail.subject]

    pass_time(world, seconds=1)
    run_due(world)
    assert [mail.recipient for mail in mailer_of(world).sent if "longer" in mail.subject] == ["buyer@example.org"]
    take_back(order_id, world.registries, world.clock.now())
    run_due(world)
    assert the_order(order_id).state is OrderState.REFUSED
    assert [refund.amount for refund in refunds_of(order_id)] == [the_order(order_id).total]


def test_serial_numbers_that_were_cancelled_before_never_stand_on_a_second_certificate(
    world: Collaborators, work: Callable[[], int]
) -> None:
    offer_id = an_offer()
    first_order = a_finished_order(world, {offer_id: 5})
    second_order = a_begun_order(world, {offer_id: UNITS})
    (cancellation,) = cancellations_of(second_order)
    world.registries.default.submits = [done(a_block(FIRST + 4, FIRST + 13))]

    work()

    assert len(certificates_of(first_order)) == 1
    assert state_of(cancellation.id) is S.MANUAL
    assert "cancelled before" in the_cancellation(cancellation.id).last_message
    assert certificates_of(second_order) == []


@pytest.mark.parametrize("answer", [Unavailable("down"), "raise"], ids=["unavailable", "fails"])
def test_what_stays_unknown_for_a_day_goes_to_a_person_and_no_money_moves(
    world: Collaborators, work: Callable[[], int], answer: object
) -> None:
    order_id = a_begun_order(world, {an_offer(): UNITS})
    (cancellation,) = cancellations_of(order_id)
    world.registries.default.submits = ["lose"]
    work()
    for _ in range(3):
        world.registries.default.lookups = [answer]
        pass_time(world, seconds=3600)
        work()
        assert state_of(cancellation.id) is S.UNKNOWN
    world.registries.default.lookups = [answer] * 100
    pass_time(world, hours=22)

    work()
    asked = len(world.registries.default.looked_up)
    pass_time(world, days=3)
    work()

    assert state_of(cancellation.id) is S.MANUAL
    assert len(world.registries.default.looked_up) == asked
    assert len(world.registries.default.submitted) == 1
    assert (certificates_of(order_id), refunds_of(order_id)) == ([], [])


def test_an_adapter_that_says_it_does_not_know_is_asked_before_anything_is_sent_again(world: Collaborators) -> None:
    cancellation_id = a_planned_cancellation(world)
    world.registries.default.submits = [Unknown("HTTP 502")]

    assert ask(world, cancellation_id) is S.UNKNOWN
    assert the_cancellation(cancellation_id).last_message == "HTTP 502"
    assert pause_of(cancellation_id, world) == timedelta(seconds=service.BACKOFF[0])
    assert ask(world, cancellation_id) is S.UNKNOWN
    assert len(world.registries.default.submitted) == 1
