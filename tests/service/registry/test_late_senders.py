"""Several workers, and one that was given up and comes back: what it did counts, what it thinks does not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask

from app.fulfilment.process import Collaborators
from app.registry import leases, service
from app.registry.ports import (
    Absent,
    Ambiguous,
    CancellationRequest,
    Lookup,
    NotSent,
    Outcome,
    Pending,
    RefusalCode,
    Refused,
    Registries,
    Unavailable,
    Unknown,
)
from app.registry.states import CancellationState
from tests.builders import all_at_once, ledger_effects, pass_time
from tests.fakes import ScriptedRegistry
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
    state_of,
    the_cancellation,
)

S = CancellationState
NOTHING_CERTAIN = [
    Refused(RefusalCode.INSUFFICIENT, "too few units"),
    NotSent("no connection", timedelta(seconds=5)),
    Unknown("timed out"),
    Pending("REQ-1", timedelta(minutes=1)),
]


class PowerCut(BaseException):
    """The machine is gone between two statements."""


def cut_power() -> None:
    raise PowerCut


def give_up(world: Collaborators, cancellation_id: int) -> None:
    """What another worker does when the lease of the first one ran out: look up, and find nothing."""
    pass_time(world, seconds=leases.LENGTH.total_seconds())
    service.doubt(cancellation_id, world.clock)
    world.registries.default.lookups.insert(0, Absent(proven=True, basis="not there"))
    assert look_up(world, cancellation_id) is S.PLANNED


def take_over(world: Collaborators, cancellation_id: int) -> None:
    """The other worker asks again, and has no answer yet."""
    give_up(world, cancellation_id)
    world.registries.default.before_submit.insert(0, cut_power)
    with pytest.raises(PowerCut):
        ask(world, cancellation_id)
    assert state_of(cancellation_id) is S.SENDING


def test_two_workers_at_once_send_one_request(world: Collaborators, context: Flask) -> None:
    cancellation_id = a_planned_cancellation(world)

    results = all_at_once(context, [lambda: service.send(cancellation_id, world.registries, world.clock)] * 4)

    assert sorted(results) == [False, False, False, True]
    assert len(world.registries.default.submitted) == 1
    assert (state_of(cancellation_id), the_cancellation(cancellation_id).attempts) == (S.CONFIRMED, 1)
    assert (ledger_entries(), ledger_effects()) == (1, UNITS)


def test_two_workers_that_look_up_at_once_record_one_result(world: Collaborators, context: Flask) -> None:
    cancellation_id = a_planned_cancellation(world)
    world.registries.default.submits = ["lose"]
    ask(world, cancellation_id)

    results = all_at_once(context, [lambda: service.look_up(cancellation_id, world.registries, world.clock)] * 3)

    assert results == [None] * 3
    assert history_of(cancellation_id) == ["planned", "sending", "unknown", "confirmed"]
    assert [(b.first, b.last) for b in the_cancellation(cancellation_id).blocks] == [(1_002_000, 1_002_009)]


def test_a_sender_that_died_leaves_an_unknown_outcome_once_its_lease_ran_out(
    world: Collaborators, work: Callable[[], int]
) -> None:
    cancellation_id = a_planned_cancellation(world)
    world.registries.default.before_submit = [cut_power]
    with pytest.raises(PowerCut):
        ask(world, cancellation_id)

    pass_time(world, seconds=leases.LENGTH.total_seconds() - 1)
    assert service.due_cancellations(world.clock.now()) == []
    service.doubt(cancellation_id, world.clock)
    assert state_of(cancellation_id) is S.SENDING
    pass_time(world, seconds=1)
    work()

    assert history_of(cancellation_id) == ["planned", "sending", "unknown", "planned", "sending", "confirmed"]
    assert (ledger_entries(), ledger_effects()) == (1, UNITS)


def test_a_sender_that_comes_back_after_its_lease_with_success_has_cancelled_the_units(world: Collaborators) -> None:
    cancellation_id = a_planned_cancellation(world)

    def lease_runs_out() -> None:
        pass_time(world, seconds=leases.LENGTH.total_seconds())
        service.doubt(cancellation_id, world.clock)

    world.registries.default.before_submit = [lease_runs_out]

    assert ask(world, cancellation_id) is S.CONFIRMED
    assert history_of(cancellation_id) == ["planned", "sending", "unknown", "confirmed"]


@pytest.mark.parametrize("answer", [NotSent("no connection", timedelta(0)), Unknown("timed out")])
def test_a_sender_that_comes_back_after_its_lease_knowing_nothing_changes_nothing(
    world: Collaborators, answer: Outcome
) -> None:
    cancellation_id = a_planned_cancellation(world)

    def lease_runs_out() -> None:
        pass_time(world, seconds=leases.LENGTH.total_seconds())
        service.doubt(cancellation_id, world.clock)

    world.registries.default.before_submit = [lease_runs_out]
    world.registries.default.submits = [answer]

    assert ask(world, cancellation_id) is S.UNKNOWN
    assert the_cancellation(cancellation_id).last_message == "the lease ran out"


@pytest.mark.parametrize("answer", NOTHING_CERTAIN, ids=lambda answer: type(answer).__name__)
def test_what_a_sender_thinks_that_lost_its_place_to_another_one_does_not_count(
    world: Collaborators, answer: Outcome
) -> None:
    cancellation_id = a_planned_cancellation(world)
    world.registries.default.before_submit = [lambda: take_over(world, cancellation_id)]
    world.registries.default.submits = [answer]

    assert ask(world, cancellation_id) is S.SENDING

    now = the_cancellation(cancellation_id)
    assert (now.attempts, now.refusal_code, now.registry_transaction) == (2, None, None)
    assert now.lease_until == world.clock.now() + leases.LENGTH == now.next_action_at
    assert attempts_of(cancellation_id) == [("lookup", "absent"), ("submit", type(answer).__name__.lower())]


def test_what_a_sender_did_that_lost_its_place_to_another_one_counts(world: Collaborators) -> None:
    cancellation_id = a_planned_cancellation(world)
    world.registries.default.before_submit = [lambda: take_over(world, cancellation_id)]

    assert ask(world, cancellation_id) is S.CONFIRMED
    assert (ledger_entries(), ledger_effects()) == (1, UNITS)


def test_what_a_sender_did_that_was_given_up_is_not_done_again(world: Collaborators, work: Callable[[], int]) -> None:
    cancellation_id = a_planned_cancellation(world)
    world.registries.default.before_submit = [lambda: give_up(world, cancellation_id)]

    assert ask(world, cancellation_id) is S.CONFIRMED
    work()

    assert history_of(cancellation_id) == ["planned", "sending", "unknown", "planned", "confirmed"]
    assert len(world.registries.default.submitted) == 1
    assert (ledger_entries(), ledger_effects()) == (1, UNITS)


def test_a_wrong_success_of_a_sender_that_was_given_up_goes_to_a_person_instead_of_being_sent_again(
    world: Collaborators, work: Callable[[], int]
) -> None:
    cancellation_id = a_planned_cancellation(world)
    world.registries.default.before_submit = [lambda: give_up(world, cancellation_id)]
    world.registries.default.submits = [done(a_block(1_002_000, 1_002_004), units=5)]

    assert ask(world, cancellation_id) is S.MANUAL
    work()

    assert len(world.registries.default.submitted) == 1


def test_a_second_report_of_a_confirmed_cancellation_is_kept_and_changes_nothing(world: Collaborators) -> None:
    cancellation_id = a_planned_cancellation(world)

    def the_other_one_is_faster() -> None:
        give_up(world, cancellation_id)
        assert ask(world, cancellation_id) is S.CONFIRMED

    world.registries.default.before_submit = [the_other_one_is_faster]
    ask(world, cancellation_id)

    assert history_of(cancellation_id).count("confirmed") == 1
    assert attempts_of(cancellation_id).count(("submit", "completed")) == 2
    assert [(b.first, b.last) for b in the_cancellation(cancellation_id).blocks] == [(1_002_000, 1_002_009)]
    assert (ledger_entries(), ledger_effects()) == (1, UNITS)


class SlowRegistry(ScriptedRegistry):
    """A registry whose look-up answers what was true before something else happened."""

    def __init__(self, world: Collaborators, meanwhile: Callable[[], None]) -> None:
        super().__init__(world.registries.default)
        self.meanwhile = meanwhile

    def lookup(self, request: CancellationRequest, registry_transaction: str | None, since: datetime) -> Lookup:
        answer = super().lookup(request, registry_transaction, since)
        self.meanwhile()
        return answer


@pytest.mark.parametrize(
    "answer",
    [Absent(proven=True, basis="old news"), Ambiguous("old news"), Unavailable("old news")],
    ids=lambda answer: type(answer).__name__,
)
def test_a_look_up_from_before_somebody_asked_again_says_nothing_about_what_was_asked_since(
    world: Collaborators, answer: Lookup
) -> None:
    cancellation_id = a_planned_cancellation(world)
    world.registries.default.submits = ["raise"]
    ask(world, cancellation_id)

    def somebody_asks_again() -> None:
        world.registries.default.lookups = [Absent(proven=True, basis="not there")]
        assert look_up(world, cancellation_id) is S.PLANNED
        world.registries.default.before_submit = [cut_power]
        with pytest.raises(PowerCut):
            ask(world, cancellation_id)

    slow = SlowRegistry(world, somebody_asks_again)
    slow.lookups = [answer]
    service.look_up(cancellation_id, Registries([slow]), world.clock)

    now = the_cancellation(cancellation_id)
    assert (now.state, now.attempts) == (S.SENDING, 2)
    assert now.next_action_at == now.lease_until
    assert now.last_message != "old news"


@pytest.mark.parametrize(
    "answer",
    [Absent(proven=True, basis="old news"), Ambiguous("old news")],
    ids=lambda answer: type(answer).__name__,
)
def test_an_old_answer_about_a_request_decides_nothing_about_a_newer_one_whose_fate_is_unknown_too(
    world: Collaborators, work: Callable[[], int], answer: Lookup
) -> None:
    cancellation_id = a_planned_cancellation(world)
    world.registries.default.submits = ["raise", "lose"]
    ask(world, cancellation_id)

    def somebody_asks_again() -> None:
        assert look_up(world, cancellation_id) is S.PLANNED
        assert ask(world, cancellation_id) is S.UNKNOWN

    slow = SlowRegistry(world, somebody_asks_again)
    slow.lookups = [answer]
    service.look_up(cancellation_id, Registries([slow]), world.clock)
    assert state_of(cancellation_id) is S.UNKNOWN
    pass_time(world, hours=1)
    work()

    assert state_of(cancellation_id) is S.CONFIRMED
    assert len(world.registries.default.submitted) == 2
    assert (ledger_entries(), ledger_effects()) == (1, UNITS)


def test_doubt_about_a_request_does_not_touch_the_one_sent_after_it(world: Collaborators) -> None:
    cancellation_id = a_planned_cancellation(world)
    world.registries.default.before_submit = [cut_power]
    with pytest.raises(PowerCut):
        ask(world, cancellation_id)
    take_over(world, cancellation_id)

    service.doubt(cancellation_id, world.clock)

    assert state_of(cancellation_id) is S.SENDING
