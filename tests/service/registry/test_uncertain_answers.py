"""Nobody knows whether it happened: look before asking again, and cancel exactly once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from app.fulfilment.process import Collaborators
from app.registry import service
from app.registry.ports import Absent, Ambiguous, Pending, Unavailable, Unknown
from app.registry.states import CancellationState
from tests.builders import (
    a_paid_order,
    an_offer,
    cancellations_of,
    certificates_of,
    ledger_effects,
    pass_time,
    refunds_of,
)
from tests.service.registry.asking import (
    UNITS,
    a_planned_cancellation,
    ask,
    attempts_of,
    history_of,
    ledger_entries,
    look_up,
    pause_of,
    state_of,
    the_cancellation,
)

S = CancellationState


def test_an_answer_lost_after_the_effect_is_looked_up_and_the_units_are_cancelled_once(
    world: Collaborators, work: Callable[[], int]
) -> None:
    order_id = a_paid_order(world, {an_offer(): UNITS})
    (cancellation,) = cancellations_of(order_id)
    world.registry.submits = ["lose"]

    work()
    assert state_of(cancellation.id) is S.UNKNOWN
    assert certificates_of(order_id) == []
    pass_time(world, seconds=service.BACKOFF[0])
    work()

    assert history_of(cancellation.id) == ["planned", "sending", "unknown", "confirmed"]
    assert attempts_of(cancellation.id) == [("submit", "unknown"), ("lookup", "found")]
    assert len(world.registry.submitted) == 1
    assert (ledger_entries(), ledger_effects()) == (1, UNITS)
    assert [c.number for c in certificates_of(order_id)] == ["TN1/2026"]
    assert refunds_of(order_id) == []


def test_a_request_lost_before_the_effect_is_proven_absent_and_sent_again_under_the_same_reference(
    world: Collaborators, work: Callable[[], int]
) -> None:
    order_id = a_paid_order(world, {an_offer(): UNITS})
    (cancellation,) = cancellations_of(order_id)
    world.registry.submits = ["raise"]

    work()
    pass_time(world, seconds=service.BACKOFF[0])
    work()

    assert history_of(cancellation.id) == ["planned", "sending", "unknown", "planned", "sending", "confirmed"]
    first, second = world.registry.submitted
    assert first == second
    assert (ledger_entries(), ledger_effects()) == (1, UNITS)
    assert the_cancellation(cancellation.id).attempts == 2


def test_an_absence_that_is_not_proven_never_leads_to_a_second_request(world: Collaborators) -> None:
    cancellation_id = a_planned_cancellation(world)
    world.registry.submits = ["raise"]
    ask(world, cancellation_id)
    pauses = []
    for _ in range(7):
        world.registry.lookups = [Absent(proven=False, basis="not in today's list")]
        assert look_up(world, cancellation_id) is S.UNKNOWN
        pauses.append(pause_of(cancellation_id, world))

    assert len(world.registry.submitted) == 1
    assert pauses == sorted(pauses)
    assert pauses[0] >= timedelta(seconds=30)
    assert pauses[-1] == timedelta(hours=1)
    assert the_cancellation(cancellation_id).last_message == "not in today's list"


@pytest.mark.parametrize("answer", [Absent(proven=False, basis="not listed"), Unavailable("down"), "raise"])
def test_what_stays_unknown_for_a_day_goes_to_a_person_and_no_money_moves(
    world: Collaborators, work: Callable[[], int], answer: object
) -> None:
    order_id = a_paid_order(world, {an_offer(): UNITS})
    (cancellation,) = cancellations_of(order_id)
    world.registry.submits = ["lose"]
    work()
    for _ in range(3):
        world.registry.lookups = [answer]
        pass_time(world, seconds=3600)
        work()
        assert state_of(cancellation.id) is S.UNKNOWN
    world.registry.lookups = [answer] * 100
    pass_time(world, hours=22)

    work()
    asked = len(world.registry.looked_up)
    pass_time(world, days=3)
    work()

    assert state_of(cancellation.id) is S.MANUAL
    assert len(world.registry.looked_up) == asked
    assert len(world.registry.submitted) == 1
    assert (certificates_of(order_id), refunds_of(order_id)) == ([], [])


def test_books_that_contradict_the_request_go_to_a_person_at_once(
    world: Collaborators, caplog: pytest.LogCaptureFixture
) -> None:
    cancellation_id = a_planned_cancellation(world)
    world.registry.submits = ["raise"]
    world.registry.lookups = [Ambiguous("two transactions name this reference")]
    ask(world, cancellation_id)

    assert look_up(world, cancellation_id) is S.MANUAL
    assert the_cancellation(cancellation_id).last_message == "two transactions name this reference"
    assert "cancellation needs a person" in caplog.messages


def test_what_the_registry_accepted_and_then_proves_absent_goes_to_a_person_and_is_not_sent_again(
    world: Collaborators, work: Callable[[], int]
) -> None:
    cancellation_id = a_planned_cancellation(world)
    world.registry.submits = [Pending("REQ-1", timedelta(minutes=1))]
    assert ask(world, cancellation_id) is S.WAITING
    pass_time(world, minutes=1)

    work()

    assert state_of(cancellation_id) is S.MANUAL
    assert the_cancellation(cancellation_id).last_message.startswith("accepted, then absent")
    assert ledger_entries() == 0


def test_an_adapter_that_fails_in_a_look_up_has_said_nothing_and_is_asked_later(
    world: Collaborators, caplog: pytest.LogCaptureFixture
) -> None:
    cancellation_id = a_planned_cancellation(world)
    world.registry.submits = ["lose"]
    world.registry.lookups = ["raise"]
    ask(world, cancellation_id)

    assert look_up(world, cancellation_id) is S.UNKNOWN
    assert pause_of(cancellation_id, world) > timedelta(0)
    assert attempts_of(cancellation_id) == [("submit", "unknown"), ("lookup", "unavailable")]
    assert look_up(world, cancellation_id) is S.CONFIRMED
    assert {"registry adapter raised", "registry look-up raised"} <= set(caplog.messages)


def test_an_adapter_that_says_it_does_not_know_is_asked_before_anything_is_sent_again(world: Collaborators) -> None:
    cancellation_id = a_planned_cancellation(world)
    world.registry.submits = [Unknown("HTTP 502")]

    assert ask(world, cancellation_id) is S.UNKNOWN
    assert the_cancellation(cancellation_id).last_message == "HTTP 502"
    assert pause_of(cancellation_id, world) == timedelta(seconds=service.BACKOFF[0])
    assert ask(world, cancellation_id) is S.UNKNOWN
    assert len(world.registry.submitted) == 1
