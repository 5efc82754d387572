"""The second phase: the authority accepts or rejects, we withdraw, and orphans go to a person."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from app.kernel.clock import FixedClock
from app.registry.adapters.undp import UndpRegistry
from app.registry.ports import (
    Absent,
    Ambiguous,
    Completed,
    Found,
    Lookup,
    Outcome,
    Pending,
    RefusalCode,
    Refused,
    SerialBlock,
)
from tests.undp_standin import UndpWorld
from tests.undp_standin.errand import look, run

TICK = timedelta(seconds=2)


def shown(registry: UndpRegistry, world: UndpWorld, clock: FixedClock, reference: str = "R-1", units: int = 10) -> None:
    """A request that was asked for and shows."""
    assert isinstance(registry.submit(world.request(reference, units)), Pending)
    clock.advance(TICK)


def orphaned(registry: UndpRegistry, world: UndpWorld, clock: FixedClock) -> datetime:
    """A request that shows while the registry holds no units for it; gives when it was sent."""
    since = clock.now()
    shown(registry, world, clock)
    world.make_orphan("R-1")
    return since


def outcome_of(answer: Lookup) -> Outcome | None:
    """The outcome of what a look-up found; None where it found nothing."""
    return answer.outcome if isinstance(answer, Found) else None


def test_as_the_authority_we_accept_by_ourselves_and_take_the_units_from_the_end(
    registry: UndpRegistry, world: UndpWorld, clock: FixedClock
) -> None:
    outcome = run(registry, world.request("R-1", 25), clock)
    assert isinstance(outcome, Completed)
    assert outcome.result.registry_transaction == "1"
    assert outcome.result.blocks == (
        SerialBlock("undp:CA0NNN-NG-XX-3", 976, 1000, "CA0NNN-NG-XX-3-976-976-2023", "CA0NNN-NG-XX-3-1000-1000-2023"),
    )
    assert outcome.result.contradiction(world.request("R-1", 25)) is None
    assert outcome.result.evidence["retirements"] == [
        {
            "id": "1",
            "serial": "CA0NNN-NG-XX-3-976-1000-2023",
            "status": "Completed",
            "shown_at": outcome.result.evidence["retirements"][0]["shown_at"],  # type: ignore[index]  # a list in JSON
        }
    ]


def test_a_receipt_is_never_believed(registry: UndpRegistry, world: UndpWorld) -> None:
    outcome = registry.submit(world.request("R-1", 10))
    assert outcome == Pending("1", timedelta(seconds=2), "asked for, not shown yet")


def test_where_somebody_else_is_the_authority_we_wait_for_their_word(
    waiting: UndpRegistry, world: UndpWorld, clock: FixedClock
) -> None:
    since = clock.now()
    shown(waiting, world, clock)
    for wait in (timedelta(0), timedelta(minutes=5), timedelta(days=2)):
        clock.advance(wait)
        found = look(waiting, world.request("R-1", 10), since)
        assert isinstance(found, Found)
        assert isinstance(found.outcome, Pending)
        assert found.outcome.message == "Pending: waits for the authority of the registry"
        assert not found.outcome.can_advance
    advanced = waiting.advance(world.request("R-1", 10), "1")
    assert isinstance(advanced, Pending)
    assert not [call for call in world.calls if call.path.endswith("performRetireAction")]
    world.decide("ACCEPT", "R-1")
    clock.advance(TICK)
    found = look(waiting, world.request("R-1", 10), since)
    assert isinstance(outcome_of(found), Completed)
    assert isinstance(waiting.advance(world.request("R-1", 10), "1"), Completed)


def test_a_rejection_refuses_and_a_withdrawal_by_hand_does_too(
    waiting: UndpRegistry, world: UndpWorld, clock: FixedClock
) -> None:
    for reference, action, code in (("R-1", "REJECT", RefusalCode.RULES), ("R-2", "CANCEL", RefusalCode.WITHDRAWN)):
        since = clock.now()
        shown(waiting, world, clock, reference)
        world.decide(action, reference)
        clock.advance(TICK)
        found = look(waiting, world.request(reference, 10), since)
        assert isinstance(found, Found)
        assert isinstance(found.outcome, Refused)
        assert found.outcome.code is code
        assert isinstance(waiting.submit(world.request(reference, 10)), Refused)
        assert world.effects(reference).units == 0


@pytest.mark.parametrize("fault", ["lose_after", "lose_before", "error_after", "odd_400_after", "truncate", "away"])
def test_an_acceptance_whose_answer_is_lost_is_repeated_with_one_effect(
    registry: UndpRegistry, world: UndpWorld, clock: FixedClock, fault: str
) -> None:
    shown(registry, world, clock)
    world.faults.script(fault)
    outcome = registry.advance(world.request("R-1", 10), "1")
    assert isinstance(outcome, Pending)
    assert not outcome.can_advance
    assert isinstance(run(registry, world.request("R-1", 10), clock), Completed)
    assert world.effects("R-1").retired == 10


def test_an_acceptance_that_comes_twice_changes_nothing(
    registry: UndpRegistry, world: UndpWorld, clock: FixedClock
) -> None:
    shown(registry, world, clock)
    registry.advance(world.request("R-1", 10), "1")
    again = registry.advance(world.request("R-1", 10), "1")  # inside the lag
    assert isinstance(again, Pending)
    assert "project.noPendingTransactionRecord" in again.message
    clock.advance(TICK)
    assert isinstance(registry.advance(world.request("R-1", 10), "1"), Completed)
    assert world.effects("R-1").retired == 10


def test_an_advance_before_anything_shows_does_nothing(registry: UndpRegistry, world: UndpWorld) -> None:
    outcome = registry.advance(world.request("R-1", 10), None)
    assert isinstance(outcome, Pending)
    assert "it may not show yet" in outcome.message
    registry.submit(world.request("R-1", 10))
    outcome = registry.advance(world.request("R-1", 10), "1")
    assert isinstance(outcome, Pending)
    assert outcome.message == "asked for, not shown yet"


def test_withdrawing_is_believed_when_it_shows(waiting: UndpRegistry, world: UndpWorld, clock: FixedClock) -> None:
    shown(waiting, world, clock)
    request = world.request("R-1", 10)
    first = waiting.withdraw(request, "1", "the buyer's own words, which are private")
    assert isinstance(first, Found)
    assert isinstance(first.outcome, Pending)
    again = waiting.withdraw(request, "1", "again, inside the lag")
    assert isinstance(again, Found)
    assert isinstance(again.outcome, Pending)
    clock.advance(TICK)
    proof = waiting.withdraw(request, "1", "again")
    assert proof == Found(Refused(RefusalCode.WITHDRAWN, "Cancelled"))
    assert "private" not in str(world.rules.log)
    assert world.effects("R-1").requests == 0


def test_what_is_done_or_does_not_show_is_not_withdrawn(
    registry: UndpRegistry, world: UndpWorld, clock: FixedClock
) -> None:
    request = world.request("R-1", 10)
    assert isinstance(registry.withdraw(request, None, "late"), Absent)
    registry.submit(request)
    found = registry.withdraw(request, "1", "late")
    assert isinstance(outcome_of(found), Pending)
    assert isinstance(run(registry, request, clock), Completed)
    found = registry.withdraw(request, "1", "late")
    assert isinstance(outcome_of(found), Completed)


def test_a_withdrawal_that_gets_no_answer_takes_nothing_for_granted(
    waiting: UndpRegistry, world: UndpWorld, clock: FixedClock
) -> None:
    shown(waiting, world, clock)
    world.faults.script("lose_before")
    found = waiting.withdraw(world.request("R-1", 10), "1", "late")
    outcome = outcome_of(found)
    assert isinstance(outcome, Pending)
    assert outcome.message.startswith("not taken back yet: no answer")
    world.decide("ACCEPT", "R-1")
    clock.advance(TICK)
    found = waiting.withdraw(world.request("R-1", 10), "1", "late")
    assert isinstance(outcome_of(found), Completed)


def test_a_withdrawal_after_an_acceptance_that_does_not_show_yet_undoes_nothing(
    waiting: UndpRegistry, world: UndpWorld, clock: FixedClock
) -> None:
    shown(waiting, world, clock)
    world.decide("ACCEPT", "R-1")
    found = waiting.withdraw(world.request("R-1", 10), "1", "late")
    assert isinstance(outcome_of(found), Pending)
    clock.advance(TICK)
    found = look(waiting, world.request("R-1", 10), clock.now())
    assert isinstance(outcome_of(found), Completed)


def test_an_orphan_is_seen_at_the_acceptance_and_goes_to_a_person(
    registry: UndpRegistry, world: UndpWorld, clock: FixedClock
) -> None:
    shown(registry, world, clock)
    world.make_orphan("R-1")
    outcome = registry.advance(world.request("R-1", 10), "1")
    assert isinstance(outcome, Ambiguous)
    assert "an orphan" in outcome.message
    assert isinstance(registry.withdraw(world.request("R-1", 10), "1", "late"), Ambiguous)


def test_who_waits_sees_an_orphan_by_units_that_are_not_held(
    waiting: UndpRegistry, world: UndpWorld, clock: FixedClock
) -> None:
    since = orphaned(waiting, world, clock)
    found = look(waiting, world.request("R-1", 10), since)
    assert isinstance(found, Found)  # not before the window is over
    clock.advance(timedelta(minutes=2))
    found = look(waiting, world.request("R-1", 10), since)
    assert isinstance(found, Ambiguous)
    assert found.message == "request 1 shows, but the registry holds no units for it: an orphan"


def test_a_larger_request_beside_somebody_s_orphan_is_not_taken_for_one(
    waiting: UndpRegistry, world: UndpWorld, clock: FixedClock
) -> None:
    since = clock.now()
    shown(waiting, world, clock, "R-1", 10)
    world.make_orphan("R-1")
    shown(waiting, world, clock, "R-2", 11)
    clock.advance(timedelta(minutes=2))
    found = look(waiting, world.request("R-2", 11), since)
    assert isinstance(outcome_of(found), Pending)


def test_a_request_whose_whole_block_went_is_taken_for_an_orphan(
    waiting: UndpRegistry, world: UndpWorld, clock: FixedClock
) -> None:
    since = orphaned(waiting, world, clock)
    world.send_away("CA0NNN-NG-XX-3-1", 1000)
    clock.advance(timedelta(minutes=2))
    assert isinstance(look(waiting, world.request("R-1", 10), since), Ambiguous)


def test_books_that_change_while_they_are_compared_are_not_compared(
    waiting: UndpRegistry, world: UndpWorld, clock: FixedClock
) -> None:
    since = orphaned(waiting, world, clock)
    clock.advance(timedelta(minutes=2))
    world.server.after_reads["queryRetirements"] = [lambda: None, lambda: shown(waiting, world, clock, "R-2", 5)]
    found = look(waiting, world.request("R-1", 10), since)
    assert isinstance(outcome_of(found), Pending)


def test_a_status_that_nobody_knows_is_a_matter_for_a_person(
    registry: UndpRegistry, world: UndpWorld, clock: FixedClock
) -> None:
    since = clock.now()
    shown(registry, world, clock)
    world.rules.catch_up()
    world.rules.shown["1"].status = "Suspended"
    found = look(registry, world.request("R-1", 10), since)
    assert found == Ambiguous("the registry shows the status 'Suspended'")


@pytest.mark.parametrize(
    "serial", ["CA0NNN-NG-XX-3-992-1000-2023", "CA0NNN-NG-XX-3-1001-1010-2023", "CA0NNN-NG-XX-3-991-1000-2022"]
)
def test_serial_numbers_that_were_not_asked_for_are_a_matter_for_a_person(
    registry: UndpRegistry, world: UndpWorld, clock: FixedClock, serial: str
) -> None:
    since = clock.now()
    assert isinstance(run(registry, world.request("R-1", 10), clock), Completed)
    world.rules.shown["1"].serial = serial
    found = look(registry, world.request("R-1", 10), since)
    assert found == Ambiguous("the registry retired other serial numbers than were asked for")
