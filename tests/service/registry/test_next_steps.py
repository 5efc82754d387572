"""A registry that waits for a step of ours: the step is taken under the lease, and nothing is sent again for it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.db import transaction
from app.fulfilment.process import Collaborators
from app.registry import leases, service
from app.registry.ports import Ambiguous, Found, NotSent, Outcome, Pending, RefusalCode, Refused, Unknown
from app.registry.states import CancellationState
from tests.builders import ledger_effects, pass_time, refunds_of, registry_of
from tests.service.registry.asking import (
    UNITS,
    a_block,
    a_planned_cancellation,
    ask,
    attempts_of,
    done,
    look_up,
    pause_of,
    state_of,
    the_cancellation,
)

S = CancellationState
OURS = Pending("R-7", timedelta(seconds=30), "waits for the next part", can_advance=True)


def a_waiting_cancellation(world: Collaborators) -> int:
    """Accepted by the registry, and the next step is ours."""
    cancellation_id = a_planned_cancellation(world)
    registry_of(world).submits = [OURS]
    assert ask(world, cancellation_id) is S.WAITING
    return cancellation_id


def next_step(world: Collaborators, cancellation_id: int, answer: Outcome | Ambiguous) -> CancellationState:
    """Look up, find that the step is ours, and take it; the registry answers with `answer`."""
    registry_of(world).lookups = [Found(OURS)]
    registry_of(world).advances = [answer]  # type: ignore[list-item]  # an answer of any kind
    return look_up(world, cancellation_id)


def test_the_step_that_is_ours_is_taken_when_a_look_up_finds_it(world: Collaborators) -> None:
    cancellation_id = a_waiting_cancellation(world)
    assert next_step(world, cancellation_id, done(a_block(1_002_000, 1_002_009))) is S.CONFIRMED
    assert attempts_of(cancellation_id) == [("submit", "pending"), ("lookup", "found"), ("advance", "completed")]


def test_a_step_that_only_brings_it_further_is_followed_at_the_registrys_pace(world: Collaborators) -> None:
    cancellation_id = a_waiting_cancellation(world)
    further = Pending("R-8", timedelta(minutes=2), "accepted")
    assert next_step(world, cancellation_id, further) is S.WAITING
    cancellation = the_cancellation(cancellation_id)
    assert (cancellation.registry_transaction, cancellation.last_message) == ("R-8", "accepted")
    assert pause_of(cancellation_id, world) == timedelta(minutes=2)


@pytest.mark.parametrize("answer", [NotSent("no connection", timedelta(0)), Unknown("timed out")])
def test_a_step_of_which_nobody_knows_what_became_is_looked_up_and_nothing_is_sent_again(
    world: Collaborators, answer: Outcome
) -> None:
    cancellation_id = a_waiting_cancellation(world)
    assert next_step(world, cancellation_id, answer) is S.WAITING
    assert pause_of(cancellation_id, world) > timedelta(0)
    assert len(registry_of(world).submitted) == 1
    assert ledger_effects() == 0


def test_a_step_that_finds_the_books_wrong_calls_a_person(world: Collaborators) -> None:
    cancellation_id = a_waiting_cancellation(world)
    assert next_step(world, cancellation_id, Ambiguous("an orphan")) is S.MANUAL
    assert the_cancellation(cancellation_id).last_message == "an orphan"


def test_a_step_that_is_refused_ends_it(world: Collaborators) -> None:
    cancellation_id = a_waiting_cancellation(world)
    assert next_step(world, cancellation_id, Refused(RefusalCode.RULES, "rejected")) is S.REFUSED


def test_a_step_is_left_to_the_worker_that_writes_to_the_account(world: Collaborators) -> None:
    cancellation_id = a_waiting_cancellation(world)
    with transaction():
        assert leases.take("ledger", "CDM-100-1", world.clock.now()) is not None
    assert next_step(world, cancellation_id, done(a_block(1_002_000, 1_002_009))) is S.WAITING
    assert not service.take_next_step(cancellation_id, world.registries, world.clock)
    assert ("advance", "completed") not in attempts_of(cancellation_id)


def test_there_is_no_next_step_for_what_is_over(world: Collaborators) -> None:
    cancellation_id = a_planned_cancellation(world)
    assert ask(world, cancellation_id) is S.CONFIRMED
    assert not service.take_next_step(cancellation_id, world.registries, world.clock)


def test_the_look_up_is_told_when_the_last_step_began_for_that_may_not_show_yet(world: Collaborators) -> None:
    cancellation_id = a_waiting_cancellation(world)
    pass_time(world, minutes=10)
    next_step(world, cancellation_id, Unknown("timed out"))
    began_at = world.clock.now()
    pass_time(world, minutes=1)
    told = []
    real = registry_of(world).lookup

    def lookup(request: object, registry_transaction: object, since: object) -> object:
        told.append(since)
        return real(request, registry_transaction, since)  # type: ignore[arg-type]  # handed on as it came

    registry_of(world).lookup = lookup  # type: ignore[method-assign,assignment]  # another answer than it would give
    look_up(world, cancellation_id)
    assert told == [began_at]


@pytest.mark.parametrize("how", ["sent", "looked up", "advanced"])
def test_something_else_under_our_reference_calls_a_person_and_is_never_paid_back(
    world: Collaborators, how: str
) -> None:
    other = Refused(RefusalCode.KEY_REUSED, "the reference was used for another request")
    if how == "advanced":
        cancellation_id = a_waiting_cancellation(world)
        state = next_step(world, cancellation_id, other)
    else:
        cancellation_id = a_planned_cancellation(world)
        registry_of(world).submits = [other if how == "sent" else Unknown("timed out")]
        registry_of(world).lookups = [Found(other)]
        state = ask(world, cancellation_id)
        state = look_up(world, cancellation_id) if how == "looked up" else state
    assert state is S.MANUAL
    assert refunds_of(the_cancellation(cancellation_id).order_id or 0) == []
    assert state_of(cancellation_id) is S.MANUAL
    assert UNITS > ledger_effects() == 0
