"""Exactly once: first that the danger is real, then that the adapter does not fall for it."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from app.kernel.clock import FixedClock
from app.registry.adapters.undp import UndpRegistry
from app.registry.adapters.undp_client import Budget, Credential, UndpClient
from app.registry.adapters.undp_judgement import Case
from app.registry.adapters.undp_reading import UndpReader
from app.registry.ports import (
    Absent,
    Ambiguous,
    CancellationRequest,
    Completed,
    Found,
    NotSent,
    Pending,
    RefusalCode,
    Refused,
    Unknown,
)
from tests.undp_standin import UndpWorld
from tests.undp_standin.errand import SETTLED, look, run
from tests.undp_standin.world import HOLDER, QUICK

AFTER = ["lose_after", "slow", "error_after", "odd_400_after", "truncate", "html", "other_receipt"]
BEFORE = ["lose_before", "error_before", "odd_400_before"]


def blind(world: UndpWorld) -> UndpClient:
    """A client that does not look before it sends."""
    return UndpClient(world.server.base, Credential(HOLDER.email, HOLDER.password), QUICK)


def test_the_danger_a_client_that_sends_again_without_looking_makes_two_live_requests(world: UndpWorld) -> None:
    client = blind(world)
    body = {"blockId": "CA0NNN-NG-XX-3-1", "amount": 10, "retirementType": "Voluntary Cancellations"}
    body["remarks"] = "[R-1/1/10]"
    world.faults.script("lose_after")
    for _ in range(2):
        client.write("retireRequest", body, Budget(QUICK))
    assert world.effects("R-1").requests == 2
    assert world.effects("R-1").units == 20


def test_the_danger_two_at_once_upon_one_block_are_both_received_and_not_both_kept(world: UndpWorld) -> None:
    world.rules.fates = ["good", "orphan"]
    body = {"blockId": "CA0NNN-NG-XX-3-1", "amount": 10, "retirementType": "Voluntary Cancellations"}
    answers = world.rules.retire([(HOLDER, {**body, "remarks": f"[R-{n}/1/10]"}) for n in (1, 2)])
    assert [answer["statusCode"] for answer in answers if isinstance(answer, dict)] == [200, 200]
    assert [world.effects(f"R-{n}").requests for n in (1, 2)] == [1, 0]


@pytest.mark.parametrize("fault", AFTER)
def test_an_answer_that_is_lost_after_the_effect_is_unknown_then_found_and_never_sent_again(
    registry: UndpRegistry, world: UndpWorld, clock: FixedClock, fault: str
) -> None:
    request, since = world.request("R-1", 10), clock.now()
    world.faults.script(fault)
    assert isinstance(registry.submit(request), Unknown)
    assert isinstance(look(registry, request, since), Found)
    assert isinstance(run(registry, request, clock), Completed)
    assert world.effects("R-1").retired == 10
    assert len(world.writes()) == 1


@pytest.mark.parametrize("fault", BEFORE)
def test_a_request_that_never_arrived_is_sent_again_only_after_its_absence_is_proven(
    registry: UndpRegistry, world: UndpWorld, clock: FixedClock, fault: str
) -> None:
    request, since = world.request("R-1", 10), clock.now()
    world.faults.script(fault)
    assert isinstance(registry.submit(request), Unknown)
    assert look(registry, request, since) == Absent(
        False, "neither list nor log has the reference, but it may not show yet"
    )
    clock.advance(SETTLED)
    found = look(registry, request, since)
    assert isinstance(found, Absent)
    assert found.proven
    assert isinstance(run(registry, request, clock), Completed)
    assert world.effects("R-1").retired == 10


def test_submit_looks_first_so_that_asking_twice_has_one_effect(
    registry: UndpRegistry, world: UndpWorld, clock: FixedClock
) -> None:
    request = world.request("R-1", 10)
    assert isinstance(registry.submit(request), Pending)
    assert isinstance(world.adapter().submit(request), Pending)  # in the log, not in the list yet
    clock.advance(timedelta(seconds=2))
    assert isinstance(world.adapter().submit(request), Pending)  # in the list
    assert isinstance(run(registry, request, clock), Completed)
    assert isinstance(registry.submit(request), Completed)
    assert len(world.writes()) == 1


def test_the_same_reference_with_another_quantity_is_our_mistake_and_is_not_sent(
    registry: UndpRegistry, world: UndpWorld, clock: FixedClock
) -> None:
    registry.submit(world.request("R-1", 10))
    clock.advance(timedelta(seconds=2))
    outcome = registry.submit(world.request("R-1", 11))
    assert isinstance(outcome, Refused)
    assert outcome.code is RefusalCode.KEY_REUSED
    assert world.effects("R-1").units == 10


def test_a_reference_of_another_project_is_our_mistake_too(
    registry: UndpRegistry, world: UndpWorld, clock: FixedClock
) -> None:
    world.issue(4, 50)
    registry.submit(world.request("R-1", 10))
    clock.advance(timedelta(seconds=2))
    outcome = registry.submit(world.request("R-1", 10, project=4))
    assert isinstance(outcome, Refused)
    assert outcome.code is RefusalCode.KEY_REUSED


def test_a_reference_that_another_one_begins_with_is_not_mistaken_for_it(
    registry: UndpRegistry, world: UndpWorld, clock: FixedClock
) -> None:
    assert isinstance(run(registry, world.request("R-10", 5), clock), Completed)
    assert isinstance(run(registry, world.request("R-1", 5), clock), Completed)
    assert world.effects("R-1").units == world.effects("R-10").units == 5


def test_a_request_delivered_twice_by_the_wire_is_a_matter_for_a_person_before_anything_is_final(
    registry: UndpRegistry, world: UndpWorld, clock: FixedClock
) -> None:
    request, since = world.request("R-1", 10), clock.now()
    registry.submit(request)
    world.ask_by_hand(request, "CA0NNN-NG-XX-3-1", "[R-1/1/10]")
    clock.advance(timedelta(seconds=2))
    found = look(registry, request, since)
    assert isinstance(found, Ambiguous)
    assert "more than once: 1, 2" in found.message
    assert isinstance(registry.advance(request, "1"), Ambiguous)
    assert isinstance(registry.submit(request), Unknown)
    assert world.effects("R-1").retired == 0


def test_somebody_else_who_writes_our_reference_into_the_public_log_changes_nothing(
    registry: UndpRegistry, world: UndpWorld, clock: FixedClock
) -> None:
    world.issue(3, 100, first=1001, owner=3)
    entry = {"amount": 10, "remarks": "[R-1/1/10]", "fromCompanyId": 3}
    world.rules.write_log("0003", "RETIRE_REQUESTED", entry, None)
    assert isinstance(run(registry, world.request("R-1", 10), clock), Completed)
    assert world.effects("R-1").retired == 10


def test_forty_cancellations_in_bad_weather_come_out_once_each(world: UndpWorld, clock: FixedClock) -> None:
    world.faults.weather(7, lose_after=0.3, lose_before=0.2, error_after=0.05, odd_400_after=0.05)
    registry = world.adapter()
    for number in range(40):
        outcome = run(registry, world.request(f"R-{number}", 5 + number % 3), clock, rounds=200)
        assert isinstance(outcome, Completed), outcome
        effects = world.effects(f"R-{number}")
        assert (effects.requests, effects.retired) == (1, 5 + number % 3)
        assert outcome.result.contradiction(world.request(f"R-{number}", 5 + number % 3)) is None
    serials = [record.serial for record in world.rules.records.values()]
    assert len(serials) == len(set(serials)) == 40


def test_a_machine_that_slept_between_looking_and_asking_asks_for_nothing(
    registry: UndpRegistry, world: UndpWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_there, tell_time = UndpReader.case, time.clock_gettime

    def look_and_sleep(self: UndpReader, request: CancellationRequest, budget: Budget) -> Case:
        case = look_there(self, request, budget)
        monkeypatch.setattr(
            time, "clock_gettime", lambda which: tell_time(which) + 3_600 * (which == time.CLOCK_BOOTTIME)
        )
        return case

    monkeypatch.setattr(UndpReader, "case", look_and_sleep)
    assert isinstance(registry.submit(world.request("R-1", 10)), NotSent)
    assert world.writes() == []
