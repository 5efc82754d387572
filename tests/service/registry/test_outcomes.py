"""What a registry may answer, and what the buyer gets: units cancelled once and certified, or money back once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.checkout.states import OrderState
from app.db import StateEvent, db
from app.fulfilment.process import Collaborators, run_due
from app.offers.models import Reservation
from app.offers.states import OfferState, ReservationState
from app.payments.states import RefundState
from app.registry.models import CancelledBlock, RegistryAttempt
from app.registry.ports import (
    CancellationRequest,
    CancellationResult,
    Completed,
    Found,
    NotSent,
    Pending,
    RefusalCode,
    Refused,
    SerialBlock,
)
from app.registry.states import CancellationState
from tests.builders import (
    NOW,
    a_begun_order,
    a_finished_order,
    an_offer,
    cancellations_of,
    certificates_of,
    choose_nothing,
    ledger_effects,
    pass_time,
    payments_of,
    refunds_of,
    the_offer,
    the_order,
)
from tests.fakes import FakeGateway, FakeMailer, ScriptedRegistry

REFUSAL = Refused(RefusalCode.RULES, "not eligible")


def registry_of(world: Collaborators) -> ScriptedRegistry:
    registry: ScriptedRegistry = world.registries.default
    return registry


def subjects(world: Collaborators) -> list[str]:
    mailer: FakeMailer = world.mailer
    return [mail.subject for mail in mailer.sent]


def the_state(order_id: int) -> CancellationState:
    return cancellations_of(order_id)[0].state


def test_the_registry_is_asked_for_exactly_what_was_bought_under_a_name_that_says_nothing(
    world: Collaborators,
) -> None:
    order_id = a_finished_order(world, {an_offer(commitment_period=2): 12})

    (request,) = registry_of(world).submitted
    assert request == CancellationRequest(
        reference=request.reference, account="CDM-100-1", project_reference="IN-1", unit_type="CER",
        commitment_period=2, space="IN", serial_first=1_000_000, serial_last=1_099_999, units=12,
        beneficiary_name="Amélie Nguyễn", purpose="Our office heating of 2025",
    )  # fmt: skip
    assert request.reference.isascii()
    assert len(request.reference) <= 32
    assert the_order(order_id).reference not in request.reference
    assert cancellations_of(order_id)[0].fingerprint == request.fingerprint


# --- refused ---------------------------------------------------------------------------------------


def test_a_refused_line_is_refunded_alone_once_and_the_others_are_certified(world: Collaborators) -> None:
    offers = [an_offer(number=n, price=n * 100) for n in (1, 2, 3)]
    registry_of(world).submits = ["ask", REFUSAL]
    order_id = a_finished_order(world, dict.fromkeys(offers, 2))
    choose_nothing(world)

    order = the_order(order_id)
    assert order.state is OrderState.PARTLY_FULFILLED
    (refund,) = refunds_of(order_id)
    assert (refund.amount, refund.cause, refund.state) == (400, "refused", RefundState.SUCCEEDED)
    assert refund.order_line_id == order.lines[1].id
    gateway: FakeGateway = world.gateway
    assert [payment.refunded for payment in gateway.payments.values()] == [400]
    assert len(gateway.refund_calls) == 1
    assert len(certificates_of(order_id)) == 2
    assert ledger_effects() == 4
    assert cancellations_of(order_id)[1].refusal_code == "rules"
    assert len(subjects(world)) == 4  # receipt, certificates, the choice, the refund


def test_the_offer_of_a_refused_line_is_taken_off_sale_until_somebody_has_looked(world: Collaborators) -> None:
    one, two = an_offer(number=1, units=10), an_offer(number=2, units=2)
    registry_of(world).submits = [REFUSAL, REFUSAL]
    a_finished_order(world, {one: 2, two: 2})

    assert [the_offer(offer).state for offer in (one, two)] == [OfferState.FROZEN] * 2
    assert [the_offer(offer).units_left for offer in (one, two)] == [10, 2]
    assert {r.state for r in db.session.scalars(select(Reservation))} == {ReservationState.RELEASED}


def test_an_order_whose_lines_are_all_refused_is_refunded_whole_and_has_no_certificate(world: Collaborators) -> None:
    registry_of(world).submits = [REFUSAL, REFUSAL]
    order_id = a_finished_order(world, {an_offer(number=1): 2, an_offer(number=2): 3})

    order = the_order(order_id)
    assert order.state is OrderState.REFUSED
    assert sum(refund.amount for refund in refunds_of(order_id)) == order.total
    assert not certificates_of(order_id)
    assert ledger_effects() == 0
    assert len(subjects(world)) == 2


def test_a_refusal_by_the_registry_itself_counts_like_any_other(world: Collaborators) -> None:
    order_id = a_finished_order(world, {an_offer(units=10, held=4): 5})

    assert the_order(order_id).state is OrderState.REFUSED
    assert (
        cancellations_of(order_id)[0].last_message == "the account holds 4 units of this issuance that can be cancelled"
    )


# --- later -----------------------------------------------------------------------------------------


def test_what_certainly_was_not_sent_is_sent_again_under_the_same_name_after_a_pause(world: Collaborators) -> None:
    registry_of(world).submits = [NotSent("no connection", timedelta(seconds=30))]
    order_id = a_finished_order(world, {an_offer(): 2})
    assert the_state(order_id) is CancellationState.PLANNED

    pass_time(world, seconds=29)
    run_due(world)
    assert len(registry_of(world).submitted) == 1
    pass_time(world, seconds=1)
    run_due(world)

    first, second = registry_of(world).submitted
    assert first == second
    assert the_order(order_id).state is OrderState.FULFILLED
    assert not registry_of(world).looked_up


def test_an_accepted_cancellation_is_asked_about_at_the_registrys_pace_until_it_is_done(world: Collaborators) -> None:
    registry = registry_of(world)
    registry.submits = [Pending("R-1", timedelta(minutes=10))]
    registry.lookups = [Found(Pending("R-1", timedelta(hours=1)))]
    order_id = a_finished_order(world, {an_offer(): 2})
    assert the_state(order_id) is CancellationState.WAITING
    assert cancellations_of(order_id)[0].registry_transaction == "R-1"

    pass_time(world, minutes=10)
    assert run_due(world) < 5  # it is asked once, not once in every round
    pass_time(world, minutes=59)
    run_due(world)
    assert len(registry.looked_up) == 1

    registry.real.submit(registry.submitted[0])
    pass_time(world, minutes=1)
    run_due(world)
    assert the_order(order_id).state is OrderState.FULFILLED
    assert len(registry.submitted) == 1


def test_an_accepted_cancellation_may_still_be_refused(world: Collaborators) -> None:
    registry = registry_of(world)
    registry.submits = [Pending(None, timedelta(minutes=1))]
    registry.lookups = [Found(REFUSAL)]
    order_id = a_finished_order(world, {an_offer(): 2})
    pass_time(world, minutes=1)
    run_due(world)

    assert the_order(order_id).state is OrderState.REFUSED
    assert [refund.amount for refund in refunds_of(order_id)] == [the_order(order_id).total]


def test_a_buyer_who_waits_longer_than_promised_hears_it_from_us_once(world: Collaborators) -> None:
    registry_of(world).submits = [Pending(None, timedelta(days=10))]
    a_finished_order(world, {an_offer(): 2})
    pass_time(world, minutes=4)
    run_due(world)
    assert len(subjects(world)) == 1

    pass_time(world, minutes=1)
    run_due(world)
    pass_time(world, hours=1)
    run_due(world)
    assert len(subjects(world)) == 2


# --- wrong -----------------------------------------------------------------------------------------


def a_result(units: int, *, in_blocks: int) -> Completed:
    block = SerialBlock("ledger:IN", 1, in_blocks, "IN-1", f"IN-{in_blocks}")
    return Completed(CancellationResult("X-1", units, (block,), completed_at=NOW))


@pytest.mark.parametrize("how", ["sent", "accepted", "looked_up"])
def test_a_registry_that_confirms_other_units_than_asked_calls_a_person_and_nothing_is_certified_or_refunded(
    world: Collaborators, how: str
) -> None:
    registry = registry_of(world)
    if how == "sent":
        registry.submits = [a_result(3, in_blocks=2)]
    elif how == "accepted":
        registry.submits = [Pending("X-1", timedelta(seconds=5))]
        registry.lookups = [Found(a_result(2, in_blocks=1))]
    else:
        registry.submits = ["raise"]
        registry.lookups = [Found(a_result(1, in_blocks=1))]
    order_id = a_finished_order(world, {an_offer(): 2})
    pass_time(world, minutes=1)
    assert run_due(world) < 10
    run_due(world)

    assert the_state(order_id) is CancellationState.MANUAL
    assert the_order(order_id).state is OrderState.FULFILLING
    assert not certificates_of(order_id)
    assert not refunds_of(order_id)
    assert not db.session.scalars(select(CancelledBlock)).all()
    assert "differ" in cancellations_of(order_id)[0].last_message


@pytest.mark.parametrize(
    ("spans", "problem"),
    [
        ([(1_002_000, 1_002_000)], "units differ"),
        ([(999_999, 1_000_000)], "outside the issuance"),
        ([(1_099_999, 1_100_000)], "outside the issuance"),
        ([(1_002_000, 1_002_000), (1_002_000, 1_002_000)], "share serial numbers"),
    ],
)
def test_serial_numbers_that_cannot_be_right_are_never_certified(
    world: Collaborators, spans: list[tuple[int, int]], problem: str
) -> None:
    blocks = tuple(SerialBlock("ledger:IN", first, last, f"IN-{first}", f"IN-{last}") for first, last in spans)
    registry_of(world).submits = [Completed(CancellationResult("X-1", 2, blocks, NOW))]

    order_id = a_finished_order(world, {an_offer(): 2})

    assert the_state(order_id) is CancellationState.MANUAL
    assert problem in cancellations_of(order_id)[0].last_message
    assert not certificates_of(order_id)


def test_a_registry_that_confirms_serial_numbers_which_were_confirmed_before_calls_a_person(
    world: Collaborators,
) -> None:
    offer_id = an_offer()
    a_finished_order(world, {offer_id: 2})
    block = db.session.scalars(select(CancelledBlock)).one()
    stolen = SerialBlock(block.space, block.first, block.last, "a", "b")
    registry_of(world).submits = [Completed(CancellationResult("X-2", 2, (stolen,), world.clock.now()))]

    order_id = a_finished_order(world, {offer_id: 2})

    assert the_state(order_id) is CancellationState.MANUAL
    assert block.text_first in cancellations_of(order_id)[0].last_message
    assert not certificates_of(order_id)
    assert not refunds_of(order_id)
    assert len(db.session.scalars(select(CancelledBlock)).all()) == 1


def test_every_conversation_with_the_registry_is_kept_word_for_word(world: Collaborators) -> None:
    registry_of(world).submits = ["lose"]
    order_id = a_finished_order(world, {an_offer(): 2})
    pass_time(world, minutes=1)
    run_due(world)

    first, second = db.session.scalars(select(RegistryAttempt).order_by(RegistryAttempt.id)).all()
    assert (first.kind, first.outcome, first.answer) == ("submit", "unknown", {"message": "the adapter failed"})
    assert (second.kind, second.outcome) == ("lookup", "found")
    assert second.answer["outcome"]["result"]["units"] == 2
    assert second.answer["outcome"]["result"]["blocks"][0]["first"] == 1_002_000
    assert second.answer["outcome"]["result"]["completed_at"] == str(cancellations_of(order_id)[0].completed_at)
    moves = db.session.scalars(select(StateEvent).where(StateEvent.machine == "cancellation").order_by(StateEvent.id))
    assert [event.to_state for event in moves] == ["planned", "sending", "unknown", "confirmed"]


def test_units_are_cancelled_only_for_orders_that_are_paid(world: Collaborators) -> None:
    order_id = a_begun_order(world, {an_offer(): 2})

    assert registry_of(world).submitted == []
    assert the_order(order_id).paid_at == world.clock.now()
    assert payments_of(order_id)[0].succeeded_at == world.clock.now()
    assert the_state(order_id) is CancellationState.PLANNED
