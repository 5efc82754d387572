"""The registry knows: done, accepted, refused for good, or certainly not sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.db import db
from app.fulfilment.process import Collaborators
from app.kernel.clock import FixedClock
from app.registry import service
from app.registry.models import CancelledBlock, RegistryAttempt
from app.registry.ports import Completed, Found, NotSent, Pending, RefusalCode, Refused
from app.registry.states import CancellationState
from tests.builders import (
    a_finished_order,
    a_paid_order,
    an_offer,
    cancellations_of,
    certificates_of,
    pass_time,
    refunds_of,
)
from tests.service.registry.asking import (
    UNITS,
    a_block,
    a_planned_cancellation,
    ask,
    attempts_of,
    done,
    history_of,
    ledger_entries,
    look_up,
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
    world.registry.submits = [
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


def test_what_was_certainly_not_sent_is_sent_again_after_its_pause_and_not_before(
    world: Collaborators, clock: FixedClock
) -> None:
    cancellation_id = a_planned_cancellation(world)
    world.registry.submits = [NotSent("connection refused", timedelta(seconds=90))]

    assert ask(world, cancellation_id) is S.PLANNED
    assert the_cancellation(cancellation_id).last_message == "connection refused"
    pass_time(world, seconds=89)
    assert service.due_cancellations(clock.now()) == []
    pass_time(world, seconds=1)
    assert service.due_cancellations(clock.now()) == [(cancellation_id, S.PLANNED)]
    assert ask(world, cancellation_id) is S.CONFIRMED
    assert len({request.reference for request in world.registry.submitted}) == 1


def test_what_the_registry_accepted_waits_until_it_is_found_done(world: Collaborators, work: Callable[[], int]) -> None:
    order_id = a_paid_order(world, {an_offer(): UNITS})
    (cancellation,) = cancellations_of(order_id)
    world.registry.submits = [Pending("REQ-7", timedelta(minutes=10))]
    world.registry.lookups = [
        Found(Pending("REQ-7", timedelta(minutes=20))),
        Found(done(a_block(FIRST, FIRST + 9))),
    ]

    work()
    assert the_cancellation(cancellation.id).registry_transaction == "REQ-7"
    assert pause_of(cancellation.id, world) == timedelta(minutes=10)
    pass_time(world, minutes=10)
    work()
    assert (state_of(cancellation.id), pause_of(cancellation.id, world)) == (S.WAITING, timedelta(minutes=20))
    assert certificates_of(order_id) == []
    pass_time(world, minutes=20)
    work()

    assert history_of(cancellation.id) == ["planned", "sending", "waiting", "confirmed"]
    assert the_cancellation(cancellation.id).registry_transaction == "X-1"
    assert len(certificates_of(order_id)) == 1
    assert len(world.registry.submitted) == 1


def test_an_unknown_outcome_may_turn_out_to_be_accepted_and_not_done(world: Collaborators) -> None:
    cancellation_id = a_planned_cancellation(world)
    world.registry.submits = ["raise"]
    world.registry.lookups = [Found(Pending("REQ-8", timedelta(minutes=5)))]
    ask(world, cancellation_id)

    assert look_up(world, cancellation_id) is S.WAITING
    assert pause_of(cancellation_id, world) == timedelta(minutes=5)


@pytest.mark.parametrize("asked_before", [False, True])
def test_a_refusal_is_final_and_nobody_asks_again(
    world: Collaborators, work: Callable[[], int], asked_before: bool
) -> None:
    cancellation_id = a_planned_cancellation(world)
    refusal = Refused(RefusalCode.SUSPENDED, "the account is suspended")
    if asked_before:
        world.registry.submits, world.registry.lookups = ["raise"], [Found(refusal)]
        ask(world, cancellation_id)
        look_up(world, cancellation_id)
    else:
        world.registry.submits = [refusal]
        ask(world, cancellation_id)

    refused = the_cancellation(cancellation_id)
    assert (refused.state, refused.refusal_code, refused.last_message) == (
        S.REFUSED,
        "suspended",
        "the account is suspended",
    )
    pass_time(world, days=2)
    work()
    assert (len(world.registry.submitted), ledger_entries()) == (1, 0)
    assert state_of(cancellation_id) is S.REFUSED


@pytest.mark.parametrize(
    ("claim", "problem"),
    [
        (done(a_block(FIRST, FIRST + 8), units=9), "units differ"),
        (done(a_block(FIRST, FIRST + 8)), "units differ"),
        (done(a_block(FIRST, FIRST + 9), units=11), "units differ"),
        (done(), "units differ"),
        (done(a_block(999_995, 1_000_004)), "outside the issuance"),
        (done(a_block(1_099_995, 1_100_004)), "outside the issuance"),
        (done(a_block(FIRST, FIRST + 4), a_block(FIRST + 4, FIRST + 8)), "share serial numbers"),
    ],
    ids=["nine of ten", "blocks of nine", "eleven", "no serials", "before", "after", "twice the same"],
)
def test_a_success_that_does_not_add_up_goes_to_a_person_and_gives_no_certificate(
    world: Collaborators, work: Callable[[], int], claim: Completed, problem: str
) -> None:
    order_id = a_paid_order(world, {an_offer(): UNITS})
    (cancellation,) = cancellations_of(order_id)
    world.registry.submits = [claim]

    work()
    pass_time(world, days=2)
    work()

    assert state_of(cancellation.id) is S.MANUAL
    assert problem in the_cancellation(cancellation.id).last_message
    assert attempts_of(cancellation.id) == [("submit", "completed")]
    assert (certificates_of(order_id), refunds_of(order_id)) == ([], [])
    assert db.session.scalars(select(CancelledBlock)).all() == []


def test_a_success_found_later_that_does_not_add_up_goes_to_a_person_too(world: Collaborators) -> None:
    cancellation_id = a_planned_cancellation(world)
    world.registry.submits = [Pending(None, timedelta(0))]
    world.registry.lookups = [Found(done(a_block(FIRST, FIRST + 8)))]
    ask(world, cancellation_id)

    assert look_up(world, cancellation_id) is S.MANUAL
    assert attempts_of(cancellation_id) == [("submit", "pending"), ("lookup", "found")]


def test_serial_numbers_that_were_cancelled_before_never_stand_on_a_second_certificate(
    world: Collaborators, work: Callable[[], int]
) -> None:
    offer_id = an_offer()
    first_order = a_finished_order(world, {offer_id: 5})
    second_order = a_paid_order(world, {offer_id: UNITS})
    (cancellation,) = cancellations_of(second_order)
    world.registry.submits = [done(a_block(FIRST + 4, FIRST + 13))]

    work()

    assert len(certificates_of(first_order)) == 1
    assert state_of(cancellation.id) is S.MANUAL
    assert "cancelled before" in the_cancellation(cancellation.id).last_message
    assert certificates_of(second_order) == []
