"""Money goes back once for each decision, however often it has to be asked for, and never more than was paid."""

from __future__ import annotations

from functools import partial

import pytest
from flask import Flask
from sqlalchemy import select

from app.db import StateEvent, advance, db, transaction
from app.fulfilment.process import Collaborators, run_due
from app.kernel import checkpoints
from app.kernel.money import Money
from app.payments import service
from app.payments.models import Payment, Refund
from app.payments.ports import (
    GatewayFault,
    GatewayOutcomeUnknown,
    GatewayRefusal,
    GatewayUnavailable,
    RefundOutcome,
    RefundStatus,
)
from app.payments.states import REFUND, RefundState
from tests.builders import (
    a_paid_order,
    all_at_once,
    an_offer,
    gateway_of,
    pass_time,
    payments_of,
    refunds_of,
    the_order,
)


def owe(world: Collaborators, order_id: int, minor: int) -> int:
    with transaction() as session:
        payment = session.scalars(select(Payment).where(Payment.order_id == order_id)).one()
        refund = service.owe_refund(
            payment=payment, order_reference=the_order(order_id).reference, amount=Money(minor, "USD"),
            cause="refused", order_line_id=None, now=world.clock.now(),
        )  # fmt: skip
        return int(refund.id)


def a_refund(world: Collaborators, minor: int = 200) -> tuple[int, int]:
    """A refund that is owed of an order that was paid 1,000 minor units; gives order and refund."""
    order_id = a_paid_order(world, {an_offer(price=250): 4})
    return order_id, owe(world, order_id, minor)


def the_refund(refund_id: int) -> Refund:
    db.session.expire_all()
    return db.session.get_one(Refund, refund_id)


def pursue(world: Collaborators, refund_id: int) -> None:
    service.pursue_refund(refund_id, world.gateway, world.clock)


def given_back(world: Collaborators) -> int:
    return sum(payment.refunded for payment in gateway_of(world).payments.values())


def answer(world: Collaborators, refund_id: int, outcome: RefundOutcome) -> None:
    """Let the gateway change its mind about a refund."""
    refund = the_refund(refund_id)
    gateway_of(world).refunds[refund.key] = RefundStatus(str(refund.gateway_reference), outcome, refund.money)


def test_refunds_of_one_payment_that_are_decided_at_once_are_all_owed(world: Collaborators, context: Flask) -> None:
    order_id = a_paid_order(world, {an_offer(price=250): 4})

    owed = all_at_once(context, [partial(owe, world, order_id, 400)] * 3)

    refunds = refunds_of(order_id)
    assert [refund.amount for refund in refunds] == [400, 400]
    assert sorted(isinstance(each, GatewayFault) for each in owed) == [False, False, True]


def test_a_worker_that_comes_late_asks_for_nothing_that_failed_or_was_paid_by_hand(world: Collaborators) -> None:
    _order_id, refund_id = a_refund(world)
    gateway_of(world).problems["refund"] = [GatewayRefusal(reason="charge_disputed")]
    pursue(world, refund_id)
    pursue(world, refund_id)
    assert (the_refund(refund_id).state, len(gateway_of(world).refund_calls)) == (RefundState.FAILED, 1)

    with transaction():
        advance(Refund, refund_id, REFUND, RefundState.SUCCEEDED, at=world.clock.now())
    pursue(world, refund_id)
    assert (given_back(world), len(gateway_of(world).refund_calls)) == (0, 1)


def test_a_refund_that_succeeds_at_once_is_asked_for_once(world: Collaborators) -> None:
    _order_id, refund_id = a_refund(world)

    run_due(world)
    run_due(world)

    refund = the_refund(refund_id)
    assert (refund.state, refund.gateway_reference) == (RefundState.SUCCEEDED, f"re_{refund.key}")
    assert gateway_of(world).refund_calls == [refund.key]
    assert given_back(world) == 200


def test_a_refund_that_takes_its_time_is_asked_about_with_pauses_and_not_asked_for_again(world: Collaborators) -> None:
    gateway_of(world).refund_outcome = RefundOutcome.PENDING
    _order_id, refund_id = a_refund(world)
    waited = []
    pursue(world, refund_id)
    for _ in range(6):
        assert the_refund(refund_id).state is RefundState.REQUESTED
        pause = the_refund(refund_id).next_action_at - world.clock.now()
        waited.append(pause.total_seconds())
        assert service.due_refunds(world.clock.now()) == []
        pass_time(world, seconds=pause.total_seconds())
        assert service.due_refunds(world.clock.now()) == [refund_id]
        pursue(world, refund_id)

    assert waited == [10, 60, 300, 1800, 7200, 7200]
    assert len(gateway_of(world).refund_calls) == 1
    answer(world, refund_id, RefundOutcome.SUCCEEDED)
    pursue(world, refund_id)
    assert the_refund(refund_id).state is RefundState.SUCCEEDED
    assert service.due_refunds(world.clock.now()) == []


@pytest.mark.parametrize("before", [RefundOutcome.PENDING, RefundOutcome.SUCCEEDED])
def test_a_refund_that_a_bank_sends_back_later_waits_for_an_operator(
    world: Collaborators, before: RefundOutcome
) -> None:
    gateway_of(world).refund_outcome = before
    _order_id, refund_id = a_refund(world)
    pursue(world, refund_id)
    answer(world, refund_id, RefundOutcome.FAILED)
    pursue(world, refund_id)

    pass_time(world, days=30)
    run_due(world)
    assert the_refund(refund_id).state is RefundState.FAILED
    assert len(gateway_of(world).refund_calls) == 1
    moves = db.session.scalars(select(StateEvent.to_state).where(StateEvent.machine == "refund"))
    assert list(moves)[-1] == "failed"


def test_a_gateway_that_is_away_is_asked_again_under_the_same_key(world: Collaborators) -> None:
    _order_id, refund_id = a_refund(world)
    gateway_of(world).problems["refund"] = [GatewayUnavailable(), GatewayOutcomeUnknown()]
    for pause in (0, 10, 60):
        pass_time(world, seconds=pause)
        run_due(world)

    assert the_refund(refund_id).state is RefundState.SUCCEEDED
    assert gateway_of(world).refund_calls == [the_refund(refund_id).key] * 3
    assert given_back(world) == 200


def test_an_answer_lost_after_the_money_went_back_does_not_send_it_twice(world: Collaborators) -> None:
    _order_id, refund_id = a_refund(world)
    gateway_of(world).problems["refund_answer"] = [GatewayOutcomeUnknown(), GatewayOutcomeUnknown()]
    for _ in range(3):
        run_due(world)
        pass_time(world, hours=3)

    assert (the_refund(refund_id).state, given_back(world)) == (RefundState.SUCCEEDED, 200)
    assert len(set(gateway_of(world).refund_calls)) == 1


def test_a_worker_that_dies_after_the_call_is_followed_by_one_that_repeats_it_without_harm(
    world: Collaborators,
) -> None:
    def die(point: str) -> None:
        if point == "refund.after_call":
            checkpoints.forget_observers()
            raise RuntimeError("killed")

    _order_id, refund_id = a_refund(world)
    checkpoints.observe(die)
    run_due(world)
    run_due(world)

    assert (the_refund(refund_id).state, given_back(world)) == (RefundState.SUCCEEDED, 200)


def test_many_workers_give_back_once(world: Collaborators, context: Flask) -> None:
    _order_id, refund_id = a_refund(world)

    assert all_at_once(context, [partial(pursue, world, refund_id)] * 4) == [None] * 4

    assert (the_refund(refund_id).state, given_back(world)) == (RefundState.SUCCEEDED, 200)


@pytest.mark.parametrize("problem", [GatewayRefusal(reason="charged back"), GatewayFault("wrong key")])
def test_a_refund_that_the_gateway_refuses_waits_for_an_operator_with_the_reason(
    world: Collaborators, problem: Exception
) -> None:
    _order_id, refund_id = a_refund(world)
    gateway_of(world).problems["refund"] = [problem]
    run_due(world)
    run_due(world)

    refund = the_refund(refund_id)
    assert refund.state is RefundState.FAILED
    assert str(problem) in refund.last_message
    assert len(gateway_of(world).refund_calls) == 1


@pytest.mark.parametrize("problem", [GatewayRefusal(reason="resource_missing"), GatewayFault("wrong key")])
def test_a_refund_that_the_gateway_took_has_not_failed_because_it_cannot_be_asked_about(
    world: Collaborators, problem: Exception
) -> None:
    gateway_of(world).refund_outcome = RefundOutcome.PENDING
    _order_id, refund_id = a_refund(world)
    pursue(world, refund_id)
    gateway_of(world).problems["refund_status"] = [problem]
    pursue(world, refund_id)
    assert (the_refund(refund_id).state, the_refund(refund_id).last_message) == (RefundState.REQUESTED, str(problem))

    answer(world, refund_id, RefundOutcome.SUCCEEDED)
    pass_time(world, hours=1)
    run_due(world)
    assert (the_refund(refund_id).state, given_back(world)) == (RefundState.SUCCEEDED, 200)


def test_two_equal_refunds_are_two_refunds(world: Collaborators) -> None:
    order_id, _first = a_refund(world, 300)
    owe(world, order_id, 300)
    run_due(world)

    assert [refund.state for refund in refunds_of(order_id)] == [RefundState.SUCCEEDED] * 2
    assert len({refund.key for refund in refunds_of(order_id)}) == 2
    assert given_back(world) == 600


def test_refunds_never_exceed_what_was_paid(world: Collaborators) -> None:
    order_id, _first = a_refund(world, 700)
    with pytest.raises(GatewayFault, match="exceed"):
        owe(world, order_id, 301)
    owe(world, order_id, 300)
    with pytest.raises(GatewayFault):
        owe(world, order_id, 1)
    run_due(world)

    assert sum(refund.amount for refund in refunds_of(order_id)) == payments_of(order_id)[0].amount == 1_000
    assert given_back(world) == 1_000
