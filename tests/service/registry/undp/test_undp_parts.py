"""An amount that no single block holds is asked for in parts, one after the other, under one reference."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from app.kernel.clock import FixedClock
from app.registry.adapters.undp import UndpRegistry
from app.registry.ports import (
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
from tests.builders import NOW
from tests.undp_standin import UndpWorld
from tests.undp_standin.errand import SETTLED, look, run

TICK = timedelta(seconds=2)


@pytest.fixture
def world(clock: FixedClock) -> Iterator[UndpWorld]:
    """One issuance of 300 units that lies in three blocks: 40, 100 and 160."""
    with UndpWorld(clock) as world:
        world.issue(3, 40, first=1)
        world.issue(3, 100, first=41)
        world.issue(3, 160, first=141)
        yield world


def asked(world: UndpWorld, units: int = 210) -> CancellationRequest:
    """Of the whole issuance."""
    return world.request("R-1", units, last=300)


def test_one_block_is_enough_the_smallest_that_has_it_all(registry: UndpRegistry, world: UndpWorld) -> None:
    for reference, units, block in (("R-1", 30, 1), ("R-2", 90, 41), ("R-3", 150, 141)):
        registry.submit(world.request(reference, units, last=300))
        assert world.writes()[-1].body["blockId"] == f"CA0NNN-NG-XX-3-{block}"


def test_parts_follow_one_another_and_are_accepted_only_when_all_show(
    registry: UndpRegistry, world: UndpWorld, clock: FixedClock
) -> None:
    request = asked(world)
    assert isinstance(registry.submit(request), Pending)
    assert world.effects("R-1").units == 160
    since = clock.now()
    clock.advance(TICK)
    found = look(registry, request, since)
    assert isinstance(found, Found)
    assert isinstance(found.outcome, Pending)
    assert found.outcome.can_advance
    assert found.outcome.message == "160 of 210 units asked for"
    outcome = run(registry, request, clock)
    assert isinstance(outcome, Completed)
    assert [call.body["remarks"] for call in world.writes()] == ["[R-1/1/210]", "[R-1/2/210]"]
    assert [(block.first, block.last) for block in outcome.result.blocks] == [(91, 140), (141, 300)]
    first, second = (retirement.id for retirement in world.requests("R-1"))
    assert outcome.result.registry_transaction == f"{second}, {first}"  # in the order of the serial numbers
    assert outcome.result.contradiction(request) is None
    accepted = [call for call in world.calls if call.body.get("action") == "ACCEPT"]
    assert world.calls.index(accepted[0]) > world.calls.index(world.writes()[-1])


def test_all_three_blocks_can_be_cancelled_together(
    registry: UndpRegistry, world: UndpWorld, clock: FixedClock
) -> None:
    outcome = run(registry, asked(world, 300), clock)
    assert isinstance(outcome, Completed)
    assert outcome.result.units == 300
    assert world.effects("R-1").retired == 300
    assert registry.holdings("NG-DEV-1") == []
    assert isinstance(registry.submit(asked(world, 300)), Completed)  # though nothing lies in the account any more


@pytest.mark.parametrize("fault", ["lose_after", "lose_before", "error_after", "odd_400_after", "late"])
def test_a_lost_answer_to_a_later_part_never_asks_for_it_twice(
    registry: UndpRegistry, world: UndpWorld, clock: FixedClock, fault: str
) -> None:
    request = asked(world)
    registry.submit(request)
    clock.advance(TICK)
    world.faults.script(fault)
    outcome = registry.advance(request, "1")
    assert isinstance(outcome, Pending)
    assert outcome.poll_after == timedelta(seconds=60)
    since = clock.now()
    clock.advance(timedelta(seconds=20))
    found = look(registry, request, since)
    assert isinstance(found, Found)
    assert isinstance(found.outcome, Pending)
    if fault in {"lose_before", "late"}:
        assert found.outcome.message == "160 of 210 units asked for; the latest request may not show yet"
        assert not found.outcome.can_advance
    world.server.deliver_late()
    clock.advance(SETTLED)
    assert isinstance(run(registry, request, clock), Completed)
    assert world.effects("R-1").retired == 210
    assert world.effects("R-1").requests == 2


def test_a_later_part_whose_block_went_is_planned_again(
    registry: UndpRegistry, world: UndpWorld, clock: FixedClock
) -> None:
    request = asked(world, 190)
    registry.submit(request)
    clock.advance(TICK)
    world.server.before_writes.append(lambda: world.send_away("CA0NNN-NG-XX-3-1", 40))
    outcome = registry.advance(request, "1")
    assert isinstance(outcome, Pending)
    assert "The sender does not own" in outcome.message
    assert isinstance(run(registry, request, clock), Completed)
    assert world.effects("R-1").retired == 190


def test_a_rest_that_is_not_there_any_more_is_a_matter_for_a_person(
    registry: UndpRegistry, world: UndpWorld, clock: FixedClock
) -> None:
    request, since = asked(world), clock.now()
    registry.submit(request)
    world.send_away("CA0NNN-NG-XX-3-41", 100)
    clock.advance(TICK)
    found = look(registry, request, since)
    assert found == Ambiguous("50 units are still to be asked for, and only 40 are there")
    taken_back = registry.withdraw(request, "1", "cannot be had")
    assert isinstance(taken_back, Found)
    clock.advance(TICK)
    waiting_still = registry.withdraw(request, "1", "cannot be had")
    assert isinstance(waiting_still, Found)
    assert isinstance(waiting_still.outcome, Pending)  # another part may be on its way, for all this call knows
    clock.advance(SETTLED)
    assert look(registry, request, since) == Found(Refused(RefusalCode.WITHDRAWN, "Cancelled"))


def test_done_and_rejected_parts_together_are_a_matter_for_a_person(
    waiting: UndpRegistry, world: UndpWorld, clock: FixedClock
) -> None:
    request, since = asked(world), clock.now()
    waiting.submit(request)
    clock.advance(TICK)
    waiting.advance(request, "1")
    clock.advance(TICK)
    first, second = world.requests("R-1")
    world.decide_one("ACCEPT", first.id)
    clock.advance(TICK)
    found = look(waiting, request, since)
    assert isinstance(found, Found)
    assert isinstance(found.outcome, Pending)
    untouched = waiting.withdraw(request, "1", "too late for that")
    assert isinstance(untouched, Found)
    assert world.effects("R-1").requests == 2  # what is done in part is not taken back in part
    world.decide_one("REJECT", second.id)
    clock.advance(TICK)
    assert look(waiting, request, since) == Ambiguous("one part was rejected or withdrawn, another was not")


def test_all_parts_rejected_is_a_refusal_and_all_are_taken_back_together(
    waiting: UndpRegistry, world: UndpWorld, clock: FixedClock
) -> None:
    request, since = asked(world), clock.now()
    waiting.submit(request)
    clock.advance(TICK)
    waiting.advance(request, "1")
    clock.advance(TICK)
    waiting.withdraw(request, "2", "late")
    clock.advance(TICK)
    assert look(waiting, request, since) == Found(Refused(RefusalCode.WITHDRAWN, "Cancelled"))


def test_serial_numbers_that_two_parts_share_are_a_matter_for_a_person(
    registry: UndpRegistry, world: UndpWorld, clock: FixedClock
) -> None:
    since = clock.now()
    assert isinstance(run(registry, asked(world), clock), Completed)
    world.rules.shown["1"].serial = "CA0NNN-NG-XX-3-101-260-2023"
    assert look(registry, asked(world), since) == Ambiguous("the registry retired the same serial numbers twice")


def test_more_parts_than_fit_a_name_are_counted(clock: FixedClock) -> None:
    with UndpWorld(clock) as world:
        world.rules.next_id = 1_000_000
        for number in range(10):
            world.issue(3, 1, first=number + 1)
        registry = world.adapter()
        outcome = run(registry, world.request("R-1", 10, last=10), clock, rounds=100)
        assert isinstance(outcome, Completed)
        assert outcome.result.registry_transaction.endswith(" and 9 more")
        assert [line.result.units for line in registry.statement("NG-DEV-1", NOW)] == [10]


def test_parts_in_bad_weather_come_out_once_each(world: UndpWorld, clock: FixedClock) -> None:
    world.issue(3, 700, first=301)
    world.faults.weather(11, lose_after=0.25, lose_before=0.25)
    registry = world.adapter()
    for number, units in enumerate((250, 180, 90, 460)):
        request = world.request(f"R-{number}", units, last=1000)
        outcome = run(registry, request, clock, rounds=300)
        assert isinstance(outcome, Completed), outcome
        assert world.effects(f"R-{number}").units == world.effects(f"R-{number}").retired == units
        assert outcome.result.contradiction(request) is None


def test_a_first_part_without_an_answer_is_unknown_like_any_other(
    registry: UndpRegistry, world: UndpWorld, clock: FixedClock
) -> None:
    world.faults.script("lose_before")
    assert isinstance(registry.submit(asked(world)), Unknown)
    world.server.unplug()
    assert isinstance(registry.submit(asked(world)), NotSent)
    world.server.plug()
