"""The story after the payment, and what it does when a part of the world is broken."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from inspect import isfunction, signature

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from app.certificates.models import Document, DocumentRequest
from app.checkout.states import OrderState
from app.db import StateEvent, db
from app.fulfilment import process
from app.fulfilment.commands import prepare_to_draw
from app.fulfilment.due import QUESTIONS
from app.fulfilment.finishing import finish_order
from app.fulfilment.process import Collaborators, run_due
from app.jobs import heartbeat
from app.payments.ports import GatewayRefusal, PaymentStatus
from app.registry.ports import NotSent, RefusalCode, Refused, Registries
from app.registry.service.planning import Due
from tests.builders import (
    a_finished_order,
    a_paid_order,
    a_payable_order,
    a_placed_order,
    a_planned_price_that_cannot_be_read,
    all_at_once,
    an_offer,
    cancellations_of,
    certificates_of,
    choose_nothing,
    gateway_of,
    ledger_effects,
    mailer_of,
    pass_time,
    refunds_of,
    registry_of,
    renderer_of,
    the_offer,
    the_order,
)
from tests.fakes import FakeRenderer


def states_of(order_id: int) -> list[str]:
    rows = db.session.scalars(
        select(StateEvent.to_state)
        .where(StateEvent.machine == "order", StateEvent.subject_id == order_id)
        .order_by(StateEvent.id)
    )
    return list(rows)


def test_the_whole_story_of_an_order_is_on_record_step_by_step(world: Collaborators) -> None:
    order_id = a_finished_order(world, {an_offer(): 2})

    assert states_of(order_id) == ["placed", "payment_pending", "paid", "fulfilling", "fulfilled"]
    assert the_order(order_id).finished_at == world.clock.now()


def test_every_step_of_the_worker_is_asked_for() -> None:
    steps = {
        name
        for name, each in vars(process).items()
        if isfunction(each) and each.__module__ == process.__name__ and [*signature(each).parameters] == ["world"]
    }

    assert steps - {"run_due", "help_adapters"} == set(QUESTIONS)


def test_when_nothing_is_due_nothing_is_done(world: Collaborators) -> None:
    a_finished_order(world, {an_offer(): 2})

    assert run_due(world) == 0


def test_many_workers_at_once_fulfil_each_order_once(world: Collaborators, context: Flask) -> None:
    orders = [a_paid_order(world, {an_offer(number=n): n}) for n in (1, 2, 3)]

    assert all(isinstance(done, int) for done in all_at_once(context, [partial(run_due, world)] * 4))
    pass_time(world, minutes=2)
    run_due(world)

    assert [the_order(order_id).state for order_id in orders] == [OrderState.FULFILLED] * 3
    assert [len(certificates_of(order_id)) for order_id in orders] == [1, 1, 1]
    assert ledger_effects() == 6
    assert db.session.scalar(select(func.count()).select_from(Document)) == 3
    assert len(mailer_of(world).sent) == 6


def test_an_order_that_two_workers_finish_at_once_is_finished_by_one(world: Collaborators, context: Flask) -> None:
    order_id = a_paid_order(world, {an_offer(): 2})
    for step in (process.begin_orders, process.cancel_units):
        step(world)

    all_at_once(context, [partial(finish_order, order_id, world.registries, world.settings, world.clock.now())] * 3)

    assert states_of(order_id).count("fulfilled") == 1
    assert len(certificates_of(order_id)) == 1


def test_an_order_whose_cancellations_are_not_final_is_not_finished(world: Collaborators) -> None:
    order_id = a_paid_order(world, {an_offer(): 2})
    process.begin_orders(world)

    finish_order(order_id, world.registries, world.settings, world.clock.now())

    assert the_order(order_id).state is OrderState.FULFILLING
    assert not certificates_of(order_id)


def test_one_order_with_a_broken_part_does_not_keep_the_others_waiting(
    world: Collaborators, caplog: pytest.LogCaptureFixture
) -> None:
    broken, sound = (a_paid_order(world, {an_offer(number=n): 2}) for n in (1, 2))
    registry = registry_of(world)
    registry.submits = ["raise"]
    registry.lookups = ["raise"] * 20

    run_due(world)

    assert the_order(sound).state is OrderState.FULFILLED
    assert the_order(broken).state is OrderState.FULFILLING
    assert "registry adapter raised" in caplog.text


def test_a_fault_in_one_step_is_logged_and_the_other_steps_go_on(
    world: Collaborators, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = gateway_of(world)
    unpaid, paid = a_payable_order(world, {an_offer(number=1): 2}), a_paid_order(world, {an_offer(number=2): 2})
    pass_time(world, minutes=42)
    gateway.problems["status"] = [ZeroDivisionError("a fault of ours") for _ in range(50)]

    with caplog.at_level(logging.ERROR):
        run_due(world)

    assert the_order(paid).state is OrderState.FULFILLED
    assert the_order(unpaid).state is OrderState.PAYMENT_PENDING
    assert "a fault of ours" in caplog.text


def test_however_many_orders_cannot_be_closed_the_others_expire(
    world: Collaborators, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "MOST_AT_ONCE", 2)
    offer_id = an_offer(units=10)
    gateway, lost = gateway_of(world), [a_payable_order(world, {offer_id: 2}) for _order in range(4)]
    pages, ask = set(gateway.payments), gateway.status

    def status(reference: str) -> PaymentStatus:
        if reference in pages:
            raise GatewayRefusal(reason="resource_missing")
        return ask(reference)

    monkeypatch.setattr(gateway, "status", status)
    other = a_payable_order(world, {offer_id: 2})
    pass_time(world, minutes=42)

    for _waking in range(3):
        run_due(world)

    assert the_order(other).state is OrderState.EXPIRED
    assert {the_order(order_id).state for order_id in lost} == {OrderState.PAYMENT_PENDING}
    assert the_offer(offer_id).units_reserved == 8


def test_a_renderer_that_fails_delays_the_paper_and_not_the_certificate(world: Collaborators) -> None:
    renderer = renderer_of(world)
    renderer.problems = [MemoryError(), MemoryError()]
    order_id = a_finished_order(world, {an_offer(): 2})
    assert the_order(order_id).state is OrderState.FULFILLED
    assert len(mailer_of(world).sent) == 2

    for _ in range(2):
        pass_time(world, minutes=2)
        run_due(world)

    assert db.session.scalar(select(func.count()).select_from(Document)) == 1
    assert db.session.scalar(select(func.count()).select_from(DocumentRequest)) == 0


def test_work_that_adapters_asked_for_is_done_and_a_failure_of_it_stops_nobody(
    world: Collaborators, caplog: pytest.LogCaptureFixture
) -> None:
    called: list[datetime] = []

    def post_events(now: datetime) -> int:
        called.append(now)
        return 1 if len(called) == 1 else 0

    def fail(now: datetime) -> int:
        raise ConnectionError("nobody listens")

    order_id = a_paid_order(world, {an_offer(): 2})
    done = run_due(replace(world, background=(fail, post_events)))

    assert called[0] == world.clock.now()
    assert done > 1
    assert the_order(order_id).state is OrderState.FULFILLED
    assert "adapter task failed" in caplog.text


def test_a_row_that_a_whole_step_stumbles_over_keeps_no_other_step_from_its_turn(world: Collaborators) -> None:
    offer_id = an_offer()
    a_planned_price_that_cannot_be_read(offer_id, world.clock.now())
    order_id = a_paid_order(world, {offer_id: 2})

    with pytest.raises((TypeError, ValueError)):
        run_due(world)

    assert the_order(order_id).state is OrderState.FULFILLED
    assert len(mailer_of(world).sent) == 2


def test_a_step_that_the_database_refused_for_a_moment_has_its_turn_in_the_next_round(
    world: Collaborators, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, failures = process.registry_service.due_cancellations, [OperationalError("SELECT", {}, Exception("locked"))]

    def due_cancellations(now: datetime) -> list[Due]:
        if failures:
            raise failures.pop()
        return real(now)

    monkeypatch.setattr(process.registry_service, "due_cancellations", due_cancellations)
    order_id = a_paid_order(world, {an_offer(): 2})

    run_due(world)

    assert the_order(order_id).state is OrderState.FULFILLED


def test_a_registry_that_answers_slowly_keeps_no_buyer_waiting_for_a_receipt(
    world: Collaborators, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "TURN", 0)  # all that begins is longer than that
    offer_id = an_offer()
    waited: list[int] = []
    registry = registry_of(world)
    registry.submits = [NotSent("no connection", timedelta(minutes=5))] * 9
    registry.before_submit = [lambda: waited.append(len(mailer_of(world).sent))] * 9
    for _ in range(9):
        a_paid_order(world, {offer_id: 1})

    run_due(world)

    assert len(waited) == 9, "all of them had their turn"
    assert waited[:2] == [0, 9], "and all the receipts went out after the first of them"


def test_what_a_turn_was_too_short_for_has_its_turn_later_whatever_fails_before_it(
    world: Collaborators, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "TURN", 0)
    offer_id = an_offer()
    orders = [a_paid_order(world, {offer_id: 1}) for _ in range(3)]
    real = process.risk.begin

    def begin(order_id: int, registries: Registries, now: datetime) -> bool:
        if order_id != orders[-1]:
            raise RuntimeError("cannot be begun")
        return real(order_id, registries, now)

    monkeypatch.setattr(process.risk, "begin", begin)
    for _round in range(3):
        run_due(world)

    assert [the_order(order_id).state.value for order_id in orders] == ["paid", "paid", "fulfilled"]


def test_a_worker_that_has_more_to_do_for_hours_gives_a_sign_of_life_meanwhile(
    world: Collaborators, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each round as long as a mail server may think about two mails.
    moments = iter(range(0, 10**9, 180))
    monkeypatch.setattr(process.time, "monotonic", lambda: next(moments))
    seen: list[str] = []

    def look(now: datetime) -> int:
        seen.append(heartbeat.state_of_worker(now))
        return 1

    run_due(replace(world, background=(look,)))

    assert seen == ["never seen"] + ["ok"] * (process.MOST_ROUNDS - 1)


def test_a_world_in_which_there_is_always_more_to_do_still_lets_the_worker_rest(world: Collaborators) -> None:
    assert run_due(replace(world, background=(lambda _now: 1,))) == process.MOST_ROUNDS


@pytest.mark.parametrize("locale", ["en", "fr", "es"])
def test_certificates_of_one_order_speak_the_language_in_which_it_was_placed(world: Collaborators, locale: str) -> None:
    order_id = a_finished_order(world, {an_offer(number=1): 2, an_offer(number=2): 1}, locale=locale)

    documents = db.session.scalars(select(Document).order_by(Document.subject)).all()
    assert {document.locale for document in documents} == {locale}
    assert [document.subject for document in documents] == sorted(
        [*[certificate.number for certificate in certificates_of(order_id)], the_order(order_id).reference]
    )
    assert {mail.locale for mail in mailer_of(world).sent} == {locale}


def test_the_books_balance_after_a_day_of_everything(world: Collaborators) -> None:
    """Payments = units cancelled at their prices + refunds, to the cent and to the unit."""
    offers = [an_offer(number=n, price=100 * n, units=50) for n in (1, 2, 3)]
    registry = registry_of(world)
    gateway = gateway_of(world)
    orders = [a_paid_order(world, {offers[0]: 1, offers[1]: 2, offers[2]: n}) for n in range(1, 6)]
    registry.submits = ["ask", "lose", Refused(RefusalCode.RULES, "no"), "raise", "ask", "lose"]
    a_placed_order(world.settings, {offers[0]: 5}, now=world.clock.now())
    for _ in range(4):
        run_due(world)
        pass_time(world, hours=1)
    choose_nothing(world)

    lines = {line.id: line for order_id in orders for line in the_order(order_id).lines}
    cancelled = [c for order_id in orders for c in cancellations_of(order_id) if c.state == "confirmed"]
    refunds = [refund for order_id in orders for refund in refunds_of(order_id)]
    paid = sum(p.request.amount.minor for p in gateway.payments.values() if p.state == "succeeded")
    assert paid == sum(lines[c.order_line_id].amount for c in cancelled) + sum(refund.amount for refund in refunds)
    assert sum(refund.amount for refund in refunds) == sum(p.refunded for p in gateway.payments.values())
    # Each line is cancelled or refunded, never both and never neither.
    assert sorted([c.order_line_id for c in cancelled] + [r.order_line_id or 0 for r in refunds]) == sorted(lines)
    assert len(refunds) == 1
    assert ledger_effects() == sum(c.units for c in cancelled)
    assert len([c for order_id in orders for c in certificates_of(order_id)]) == len(cancelled)


def test_an_operator_reads_in_the_log_what_keeps_this_machine_from_drawing(caplog: pytest.LogCaptureFixture) -> None:
    class Unwell(FakeRenderer):
        def health(self) -> list[str]:
            return ["no font for Devanagari"]

    for renderer in (FakeRenderer(), Unwell()):
        prepare_to_draw(renderer)

    problems = [vars(record)["facts"] for record in caplog.records if record.message == "drawing certificates"]
    assert problems == [{"problem": "no font for Devanagari"}]
