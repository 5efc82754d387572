"""When nobody knows whether the registry did it: look, never guess, never send twice, never refund too early."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from app.checkout.states import OrderState
from app.db import db
from app.fulfilment.process import Collaborators, run_due
from app.registry import service
from app.registry.models import RegistryAttempt
from app.registry.ports import (
    Absent,
    Ambiguous,
    CancellationResult,
    Completed,
    Found,
    Lookup,
    NotSent,
    Outcome,
    Pending,
    RefusalCode,
    Refused,
    Unavailable,
    Unknown,
)
from app.registry.states import CancellationState
from tests.builders import (
    NOW,
    a_begun_order,
    a_finished_order,
    an_offer,
    cancellations_of,
    certificates_of,
    ledger_effects,
    pass_time,
    refunds_of,
    the_order,
)
from tests.fakes import ScriptedRegistry

PROVEN = Absent(proven=True, basis="the reference is not in the ledger")
UNPROVEN = Absent(proven=False, basis="not in the list, which is an hour old")
S = CancellationState


def registry_of(world: Collaborators) -> ScriptedRegistry:
    registry: ScriptedRegistry = world.registries.default
    return registry


def the_state(order_id: int) -> CancellationState:
    return cancellations_of(order_id)[0].state


def an_order(world: Collaborators, submits: list[Outcome | str], lookups: list[Lookup | str]) -> int:
    registry_of(world).submits, registry_of(world).lookups = submits, lookups
    return a_finished_order(world, {an_offer(): 2})


def nothing_is_decided(order_id: int) -> bool:
    return not certificates_of(order_id) and not refunds_of(order_id)


def test_an_answer_that_was_lost_after_the_effect_is_found_by_looking_and_the_units_are_cancelled_once(
    world: Collaborators,
) -> None:
    order_id = an_order(world, ["lose"], [])
    assert the_state(order_id) is S.UNKNOWN
    assert (ledger_effects(), nothing_is_decided(order_id)) == (2, True)

    pass_time(world, seconds=5)
    run_due(world)

    assert the_order(order_id).state is OrderState.FULFILLED
    assert (len(registry_of(world).submitted), len(registry_of(world).looked_up)) == (1, 1)
    assert ledger_effects() == 2


def test_a_request_lost_before_the_effect_is_proven_absent_and_sent_again_under_the_same_name(
    world: Collaborators,
) -> None:
    order_id = an_order(world, ["raise"], [])
    pass_time(world, seconds=5)
    run_due(world)

    first, second = registry_of(world).submitted
    assert first == second
    assert the_order(order_id).state is OrderState.FULFILLED
    assert ledger_effects() == 2
    assert cancellations_of(order_id)[0].attempts == 2
    assert cancellations_of(order_id)[0].first_sent_at == NOW


def test_an_absence_that_nobody_proves_is_never_answered_by_sending_again(world: Collaborators) -> None:
    order_id = an_order(world, ["raise"], [UNPROVEN] * 60)
    waited = []
    while the_state(order_id) is S.UNKNOWN:
        before = world.clock.now()
        due = cancellations_of(order_id)[0].next_action_at
        world.clock.advance(due - before)
        waited.append((due - before).total_seconds())
        run_due(world)
        assert len(waited) < 40

    assert len(registry_of(world).submitted) == 1
    assert waited[:7] == [5, 60, 300, 900, 3600, 3600, 3600]
    assert the_state(order_id) is S.MANUAL
    assert world.clock.now() - NOW > timedelta(hours=24)
    assert nothing_is_decided(order_id)
    assert cancellations_of(order_id)[0].last_message == UNPROVEN.basis
    run_due(world)
    assert the_order(order_id).state is OrderState.FULFILLING


def test_a_registry_that_is_away_is_asked_later_and_believed_when_it_is_back(world: Collaborators) -> None:
    order_id = an_order(world, ["lose"], [Unavailable("maintenance"), "raise"])
    for _ in range(3):
        pass_time(world, minutes=6)
        run_due(world)

    assert the_order(order_id).state is OrderState.FULFILLED
    outcomes = db.session.scalars(select(RegistryAttempt.outcome).order_by(RegistryAttempt.id)).all()
    assert list(outcomes) == ["unknown", "unavailable", "unavailable", "found"]


def test_books_that_contradict_the_request_are_a_matter_for_a_person(world: Collaborators) -> None:
    order_id = an_order(world, [Unknown("timeout")], [Ambiguous("two transactions carry the reference")])
    pass_time(world, seconds=5)
    run_due(world)
    pass_time(world, days=3)
    run_due(world)

    assert the_state(order_id) is S.MANUAL
    assert cancellations_of(order_id)[0].last_message == "two transactions carry the reference"
    assert (len(registry_of(world).submitted), nothing_is_decided(order_id)) == (1, True)


def test_a_registry_that_accepted_and_then_contradicts_itself_is_a_matter_for_a_person(world: Collaborators) -> None:
    for answer in (PROVEN, Ambiguous("gone")):
        number = len(registry_of(world).submitted) + 1
        registry_of(world).submits = [Pending("R-1", timedelta(seconds=1))]
        registry_of(world).lookups = [answer]
        order_id = a_finished_order(world, {an_offer(number=number): 2})
        pass_time(world, seconds=1)
        assert run_due(world) < 5
        assert the_state(order_id) is S.MANUAL
        assert nothing_is_decided(order_id)
        assert len(registry_of(world).submitted) == number


def test_an_accepted_cancellation_that_cannot_be_looked_up_for_days_is_still_waited_for(world: Collaborators) -> None:
    order_id = an_order(world, [Pending("R-1", timedelta(seconds=1))], [Unavailable("away"), UNPROVEN])
    pass_time(world, days=2)
    assert run_due(world) < 5
    pass_time(world, days=1)
    run_due(world)

    assert the_state(order_id) is S.WAITING
    assert nothing_is_decided(order_id)


def test_an_unknown_outcome_may_turn_out_to_be_accepted_and_then_done(world: Collaborators) -> None:
    order_id = an_order(world, ["lose"], [Found(Pending("R-1", timedelta(seconds=60)))])
    pass_time(world, seconds=5)
    run_due(world)
    assert the_state(order_id) is S.WAITING

    pass_time(world, seconds=60)
    run_due(world)
    assert the_order(order_id).state is OrderState.FULFILLED


def test_an_unknown_outcome_that_turns_out_to_be_refused_gives_the_money_back(world: Collaborators) -> None:
    order_id = an_order(world, ["raise"], [Found(Refused(RefusalCode.SUSPENDED, "the account is closed"))])
    assert not refunds_of(order_id)
    pass_time(world, seconds=5)
    run_due(world)

    assert the_order(order_id).state is OrderState.REFUSED
    assert [refund.amount for refund in refunds_of(order_id)] == [the_order(order_id).total]


def test_a_notice_about_a_cancellation_that_is_over_changes_nothing(world: Collaborators) -> None:
    order_id = an_order(world, [], [])
    before = cancellations_of(order_id)[0]
    confirmed = (before.state, before.registry_transaction, before.completed_at)
    other = Completed(CancellationResult("OTHER", 2, (), NOW))

    for answer in (Found(Refused(RefusalCode.RULES, "no")), Found(Pending("P", timedelta(1))), PROVEN, UNPROVEN,
                   Found(other), Ambiguous("what?")):  # fmt: skip
        registry_of(world).lookups = [answer]
        service.look_up(before.id, world.registries, world.clock)

    after = cancellations_of(order_id)[0]
    assert (after.state, after.registry_transaction, after.completed_at) == confirmed
    assert not refunds_of(order_id)


def test_a_person_is_called_after_a_day_of_silence_and_not_after_a_day_of_waiting_to_send(world: Collaborators) -> None:
    closed = NotSent("closed for maintenance", timedelta(hours=25))
    order_id = an_order(world, [closed, Unknown("lost")], [UNPROVEN] * 99)
    pass_time(world, hours=25)
    run_due(world)
    assert the_state(order_id) is S.UNKNOWN, "it was asked a minute ago"

    for _hour in range(24):
        pass_time(world, hours=1)
        run_due(world)
    assert the_state(order_id) is S.UNKNOWN
    pass_time(world, hours=1)
    run_due(world)
    assert the_state(order_id) is S.MANUAL


def test_what_a_backup_of_the_day_before_had_planned_is_looked_up_for_a_day_like_anything_else(
    world: Collaborators,
) -> None:
    order_id = a_begun_order(world, {an_offer(): 2})
    cancellation_id = cancellations_of(order_id)[0].id
    pass_time(world, hours=25)
    service.doubt_planned(cancellation_id, world.clock)
    registry_of(world).lookups = [UNPROVEN]

    service.look_up(cancellation_id, world.registries, world.clock)
    assert the_state(order_id) is S.UNKNOWN
