"""What gateways tell us: repeated, late, in any order, or never. One order is paid, one cancellation is made."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from itertools import permutations

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.checkout.states import OrderState
from app.db import StateEvent, db
from app.fulfilment import process
from app.fulfilment.process import Collaborators, run_due
from app.payments import notices
from app.payments import service as payments
from app.payments.models import WebhookDelivery
from app.payments.ports import (
    GatewayEvent,
    GatewayFault,
    GatewayRefusal,
    GatewayUnavailable,
    RefundOutcome,
    RefundStatus,
)
from app.payments.states import RefundState
from app.registry.models import Cancellation
from app.registry.ports import RefusalCode, Refused
from tests.builders import (
    a_finished_order,
    a_payable_order,
    all_at_once,
    an_offer,
    cancellations_of,
    certificates_of,
    gateway_of,
    ledger_effects,
    mailer_of,
    pass_time,
    refunds_of,
    registry_of,
    the_order,
)


def test_what_cannot_be_asked_about_lets_the_others_go_first(world: Collaborators) -> None:
    orders = [a_payable_order(world, {an_offer(number=number): 1}) for number in (1, 2)]
    pages = list(gateway_of(world).payments)
    pass_time(world, minutes=6)
    for number, page in enumerate(pages):
        hear(world, page, number)
        gateway_of(world).pay(page)
    gateway_of(world).problems["status"] = [GatewayRefusal(reason="resource_missing")] * 2
    payments_first = payments.due_payments(world.clock.now(), limit=1)
    notices_first = notices.due_notices(world.clock.now(), limit=1)

    process._each(notices_first, lambda id_: process._hear(id_, world))  # noqa: SLF001 - one of many
    process._each(payments_first, lambda id_: process._check(id_, world))  # noqa: SLF001 - one of many

    assert payments.due_payments(world.clock.now(), limit=1) not in ([], payments_first)
    assert notices.due_notices(world.clock.now(), limit=1) not in ([], notices_first)
    pass_time(world, minutes=1)
    run_due(world)
    assert [the_order(order_id).state for order_id in orders] == [OrderState.FULFILLED] * 2
    assert all(delivery.processed_at for delivery in deliveries())


def an_event(reference: str, number: int, at: datetime, kind: str = "checkout.session.completed") -> GatewayEvent:
    return GatewayEvent(f"evt_{number}", kind, reference, None, False, at)


def hear(world: Collaborators, reference: str, number: int) -> bool:
    return notices.store("fake", an_event(reference, number, world.clock.now()), world.clock.now())


def deliveries() -> list[WebhookDelivery]:
    db.session.expire_all()
    return list(db.session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.id)))


def one_order_and_one_cancellation(world: Collaborators, order_id: int) -> bool:
    mailer = mailer_of(world)
    paid = db.session.scalar(
        select(func.count()).select_from(StateEvent).where(StateEvent.machine == "order", StateEvent.to_state == "paid")
    )
    return (
        the_order(order_id).state is OrderState.FULFILLED
        and paid == 1
        and db.session.scalar(select(func.count()).select_from(Cancellation)) == 1
        and len(certificates_of(order_id)) == 1
        and ledger_effects() == 2
        and len(mailer.sent) == 2
        and not refunds_of(order_id)
    )


def test_five_deliveries_of_one_event_make_one_paid_order_and_one_cancellation(world: Collaborators) -> None:
    order_id = a_payable_order(world, {an_offer(): 2})
    page = gateway_of(world).pay()

    assert [hear(world, page, 1) for _ in range(5)] == [True, False, False, False, False]
    run_due(world)
    assert [hear(world, page, 1) for _ in range(5)] == [False] * 5
    pass_time(world, days=2)
    run_due(world)

    assert len(deliveries()) == 1
    assert one_order_and_one_cancellation(world, order_id)


def test_five_different_events_of_one_payment_late_and_while_all_workers_run_make_one_cancellation(
    world: Collaborators, context: Flask
) -> None:
    order_id = a_payable_order(world, {an_offer(): 2})
    page = gateway_of(world).pay()
    pass_time(world, minutes=20)

    stored = all_at_once(context, [partial(hear, world, page, number) for number in (1, 2, 3, 4, 5, 1, 2, 3)])
    worked = all_at_once(context, [partial(run_due, world)] * 4)

    assert sorted(stored) == [False] * 3 + [True] * 5
    assert all(isinstance(done, int) for done in worked), worked
    run_due(world)
    assert one_order_and_one_cancellation(world, order_id)
    assert all(delivery.processed_at for delivery in deliveries())


def test_the_order_in_which_events_come_does_not_matter_because_each_only_makes_us_look(world: Collaborators) -> None:
    for number, order in enumerate(permutations(["completed", "expired", "async_payment_succeeded"]), 1):
        order_id = a_payable_order(world, {an_offer(number=number): 2})
        page = gateway_of(world).pay()
        for place, kind in enumerate(order):
            event = an_event(page, number * 10 + place, world.clock.now(), f"checkout.session.{kind}")
            notices.store("fake", event, world.clock.now())
            run_due(world)
        assert the_order(order_id).state is OrderState.FULFILLED, order
        assert len(cancellations_of(order_id)) == 1


def test_an_event_that_claims_a_payment_which_the_gateway_does_not_know_of_pays_nothing(world: Collaborators) -> None:
    order_id = a_payable_order(world, {an_offer(): 2})
    hear(world, gateway_of(world).newest(), 1)
    run_due(world)

    assert the_order(order_id).state is OrderState.PAYMENT_PENDING
    assert not cancellations_of(order_id)
    assert deliveries()[0].processed_at == world.clock.now()


def test_an_event_faster_than_our_own_record_waits_for_it(world: Collaborators) -> None:
    future = a_payable_order(world, {an_offer(): 2})
    page = gateway_of(world).newest()
    payment_id = payments.unfinished_payments(future)[0]
    db.session.execute(
        db.metadata.tables["payment"].update().values(gateway_reference=None).where(db.text(f"id = {payment_id}"))
    )
    db.session.commit()
    gateway_of(world).pay(page)
    hear(world, page, 1)
    run_due(world)
    assert deliveries()[0].processed_at is None

    db.session.execute(db.metadata.tables["payment"].update().values(gateway_reference=page))
    db.session.commit()
    pass_time(world, seconds=2)
    run_due(world)
    assert the_order(future).state is OrderState.FULFILLED


def test_an_event_about_something_unknown_is_looked_at_ever_more_rarely_and_given_up_after_three_days(
    world: Collaborators,
) -> None:
    hear(world, "pay_of_somebody_else", 1)
    waited = []
    while deliveries()[0].processed_at is None:
        assert run_due(world) == 1
        pause = deliveries()[0].next_action_at - world.clock.now()
        waited.append(pause.total_seconds())
        pass_time(world, seconds=(pause if len(waited) < 7 else timedelta(days=1)).total_seconds())

    assert waited[:7] == [2, 10, 60, 300, 900, 900, 900]
    assert world.clock.now() - deliveries()[0].received_at > timedelta(days=3)
    assert run_due(world) == 0


def test_an_event_is_kept_until_the_gateway_could_be_asked(world: Collaborators) -> None:
    order_id = a_payable_order(world, {an_offer(): 2})
    hear(world, gateway_of(world).pay(), 1)
    gateway_of(world).problems["status"] = [GatewayUnavailable()]
    run_due(world)
    assert deliveries()[0].processed_at is None

    pass_time(world, seconds=2)
    run_due(world)
    assert one_order_and_one_cancellation(world, order_id)


def test_an_event_about_a_refund_makes_us_ask_where_it_stands(world: Collaborators) -> None:
    registry = registry_of(world)
    registry.submits = [Refused(RefusalCode.RULES, "no")]
    order_id = a_finished_order(world, {an_offer(): 2})
    (refund,) = refunds_of(order_id)
    reference = str(refund.gateway_reference)
    gateway_of(world).refunds[refund.key] = RefundStatus(reference, RefundOutcome.FAILED, refund.money)

    hear(world, reference, 1)
    run_due(world)

    assert refunds_of(order_id)[0].state is RefundState.FAILED
    assert deliveries()[0].processed_at is not None


@pytest.mark.parametrize("problem", [GatewayUnavailable(), GatewayFault("wrong key")])
def test_an_event_about_a_refund_that_was_done_is_kept_until_the_gateway_could_be_asked(
    world: Collaborators, problem: Exception
) -> None:
    registry_of(world).submits = [Refused(RefusalCode.RULES, "no")]
    order_id = a_finished_order(world, {an_offer(): 2})
    (refund,) = refunds_of(order_id)
    reference = str(refund.gateway_reference)
    gateway_of(world).refunds[refund.key] = RefundStatus(reference, RefundOutcome.FAILED, refund.money)
    gateway_of(world).problems["refund_status"] = [problem, problem]

    hear(world, reference, 1)
    for wait in (timedelta(0), timedelta(days=4)):
        pass_time(world, seconds=wait.total_seconds())
        run_due(world)
        assert (refunds_of(order_id)[0].state, deliveries()[0].processed_at) == (RefundState.SUCCEEDED, None)

    pass_time(world, minutes=15)
    run_due(world)
    assert refunds_of(order_id)[0].state is RefundState.FAILED
    assert deliveries()[0].processed_at is not None
