"""Absence is proven by a later event that shows, never by silence."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.kernel.clock import FixedClock
from app.registry.adapters.undp import UndpRegistry
from app.registry.ports import Absent, Ambiguous, Completed, Found, Pending, Unavailable, Unknown
from tests.undp_standin import UndpWorld
from tests.undp_standin.errand import SETTLED, look, run


def test_with_the_replicator_down_nothing_is_absent_however_long_it_takes(
    registry: UndpRegistry, world: UndpWorld, clock: FixedClock
) -> None:
    request, since = world.request("R-1", 10), clock.now()
    world.pause()
    world.faults.script("lose_before")
    assert isinstance(registry.submit(request), Unknown)
    for _ in range(4):
        clock.advance(timedelta(hours=6))
        found = look(registry, request, since)
        assert isinstance(found, Absent)
        assert not found.proven
        assert "nothing later came to show either" in found.basis
    world.resume()
    clock.advance(SETTLED)
    found = look(registry, request, since)
    assert isinstance(found, Absent)
    assert found.proven


def test_what_took_effect_without_a_word_in_the_log_is_found_when_the_replicator_is_back(
    registry: UndpRegistry, world: UndpWorld, clock: FixedClock
) -> None:
    request, since = world.request("R-1", 10), clock.now()
    world.pause()
    world.faults.script("odd_400_unlogged")
    assert isinstance(registry.submit(request), Unknown)
    clock.advance(timedelta(hours=1))
    found = look(registry, request, since)
    assert isinstance(found, Absent)
    assert not found.proven
    world.resume()
    clock.advance(timedelta(seconds=2))
    assert isinstance(look(registry, request, since), Found)
    assert isinstance(run(registry, request, clock), Completed)
    assert world.effects("R-1").requests == 1


def test_what_the_log_knows_is_pending_while_the_replicator_is_down(
    registry: UndpRegistry, world: UndpWorld, clock: FixedClock
) -> None:
    request, since = world.request("R-1", 10), clock.now()
    world.pause()
    assert isinstance(registry.submit(request), Pending)
    clock.advance(timedelta(hours=3))
    found = look(registry, request, since)
    assert isinstance(found, Found)
    assert isinstance(found.outcome, Pending)
    assert found.outcome.message == "asked for, not shown yet"
    assert not found.outcome.can_advance
    assert found.outcome.poll_after == timedelta(minutes=10)  # less and less often
    world.resume()
    assert isinstance(run(registry, request, clock), Completed)


def test_without_the_authority_s_eyes_only_an_event_of_our_own_proves_absence(
    waiting: UndpRegistry, world: UndpWorld, clock: FixedClock
) -> None:
    request, since = world.request("R-1", 10), clock.now()
    world.faults.script("lose_before")
    assert isinstance(waiting.submit(request), Unknown)
    clock.advance(SETTLED)
    found = look(waiting, request, since)
    assert isinstance(found, Absent)
    assert not found.proven
    world.deposit()
    clock.advance(timedelta(seconds=2))
    found = look(waiting, request, since)
    assert isinstance(found, Absent)
    assert found.proven


def test_a_request_that_arrives_late_is_not_taken_for_absent_before(
    registry: UndpRegistry, world: UndpWorld, clock: FixedClock
) -> None:
    request, since = world.request("R-1", 10), clock.now()
    world.faults.script("late")
    assert isinstance(registry.submit(request), Unknown)
    clock.advance(timedelta(seconds=40))
    found = look(registry, request, since)
    assert isinstance(found, Absent)
    assert not found.proven
    world.server.deliver_late()
    assert isinstance(run(registry, request, clock), Completed)
    assert world.effects("R-1").requests == 1


def test_a_request_that_never_shows_is_a_matter_for_a_person_and_never_sent_again(
    registry: UndpRegistry, world: UndpWorld, clock: FixedClock
) -> None:
    request, since = world.request("R-1", 10), clock.now()
    registry.submit(request)
    world.rules.forget_event("1")
    clock.advance(timedelta(seconds=10))
    found = look(registry, request, since)
    assert isinstance(found, Found)
    assert isinstance(found.outcome, Pending)
    clock.advance(SETTLED)
    found = look(registry, request, since)
    assert isinstance(found, Ambiguous)
    assert "logged the request and never showed it" in found.message
    registry.submit(request)
    assert len(world.writes()) == 1


@pytest.mark.parametrize("fault", ["lose_before", "error_before", "html", "truncate", "busy", "away", "odd_400_before"])
def test_a_question_that_gets_no_answer_proves_nothing(
    registry: UndpRegistry, world: UndpWorld, clock: FixedClock, fault: str
) -> None:
    request, since = world.request("R-1", 10), clock.now()
    registry.submit(request)
    for unanswered in range(3):
        world.faults.script(*[""] * unanswered, fault, on="reads")
        assert isinstance(look(registry, request, since), Unavailable)
    world.faults.script(fault, on="reads")
    assert isinstance(registry.withdraw(request, "1", "late"), Unavailable)
    world.faults.script(fault, on="reads")
    outcome = registry.advance(request, "1")
    assert isinstance(outcome, Pending)
    assert not outcome.can_advance
