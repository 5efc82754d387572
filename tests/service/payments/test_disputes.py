"""A buyer asks their bank for the money back: it is written down, nothing is undone, and nothing is paid twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from itertools import count
from threading import Event
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event as sql_event
from sqlalchemy import select

from app.audit import service as audit
from app.audit.errors import NoLongerPossible
from app.checkout import service as checkout
from app.checkout.models import Remedy
from app.checkout.states import OrderState
from app.db import StateEvent, db, transaction
from app.fulfilment import disputes, risk
from app.fulfilment.errors import PaymentDisputed
from app.fulfilment.process import Collaborators, run_due
from app.kernel.money import Money
from app.notifications.messages.kinds import MailKind
from app.notifications.models import Mail
from app.operations import check_books
from app.operations.findings import Level
from app.operations.patient import Limits, Patient
from app.payments import disputes as kept
from app.payments import payouts, service
from app.payments.errors import PayoutUnfit
from app.payments.models import Dispute, Payment, Payout, Refund
from app.payments.notices import store
from app.payments.ports import GatewayEvent, GatewayFault, GatewayUnavailable
from app.payments.states import DisputeState, PaymentState, RefundState
from app.providers.models import Payee
from app.providers.states import PayeeState
from app.reconciliation import balance
from app.registry.ports import RefusalCode, Refused
from app.reporting.earnings import read_earnings
from tests import people
from tests.asked import statements
from tests.builders import (
    NOW,
    a_finished_order,
    a_paid_order,
    a_payable_order,
    all_at_once,
    an_offer,
    cancellations_of,
    certificates_of,
    choose_nothing,
    gateway_of,
    ledger_effects,
    pass_time,
    payments_of,
    refunds_of,
    registry_of,
    take_units_instead,
    the_order,
)
from tests.service.payments.deciding import tried_again, two_operators

CREATED = "charge.dispute.created"
NUMBERS = count()
_D = DisputeState


def charge_of(order_id: int) -> str:
    return str(payments_of(order_id)[0].charge_reference)


def say(world: Collaborators, order_id: int, stage: DisputeState, **changes: object) -> None:
    """What the gateway says from now on of the payment of an order."""
    gateway_of(world).dispute(charge_of(order_id), stage, NOW, **changes)


def tell(world: Collaborators, order_id: int, kind: str = CREATED) -> None:
    """A notice comes, and is acted on."""
    event = GatewayEvent(f"evt_{next(NUMBERS)}", kind, charge_of(order_id), None, False, world.clock.now())
    store("fake", event, world.clock.now())
    run_due(world)


def disputed(world: Collaborators, order_id: int, stage: DisputeState = DisputeState.OPEN, **changes: object) -> None:
    say(world, order_id, stage, **changes)
    tell(world, order_id, f"charge.dispute.{stage}")


def the_dispute() -> Dispute:
    db.session.expire_all()
    return db.session.scalars(select(Dispute)).one()


def states_of(dispute: Dispute) -> list[tuple[str | None, str]]:
    events = select(StateEvent).where(StateEvent.machine == "dispute", StateEvent.subject_id == dispute.id)
    return [(event.from_state, event.to_state) for event in db.session.scalars(events.order_by(StateEvent.id))]


def owe(world: Collaborators, order_id: int, minor: int = 200) -> None:
    with transaction() as session:
        payment = session.scalars(select(Payment).where(Payment.order_id == order_id)).one()
        service.owe_refund(
            payment=payment, order_reference=the_order(order_id).reference, amount=Money(minor, "USD"),
            cause="refused", order_line_id=None, now=world.clock.now(),
        )  # fmt: skip


# --- writing it down -----------------------------------------------------------------------------------


def test_a_notice_makes_us_ask_and_what_the_gateway_says_is_kept_beside_the_payment(world: Collaborators) -> None:
    order_id = a_finished_order(world, {an_offer(): 4})
    disputed(world, order_id)

    dispute = the_dispute()
    assert (dispute.state, dispute.reason, dispute.money, dispute.taken) == (
        _D.OPEN,
        "fraudulent",
        Money(1000, "USD"),
        1000,
    )
    assert (dispute.order_id, dispute.evidence_due_at) == (order_id, NOW + timedelta(days=7))
    assert payments_of(order_id)[0].state is PaymentState.SUCCEEDED


def test_a_notice_that_the_gateway_does_not_confirm_changes_nothing(world: Collaborators) -> None:
    order_id = a_finished_order(world, {an_offer(): 4})
    tell(world, order_id)

    assert db.session.scalars(select(Dispute)).all() == []


def test_a_notice_about_a_charge_that_we_do_not_know_yet_is_acted_on_when_we_do(world: Collaborators) -> None:
    order_id = a_finished_order(world, {an_offer(): 4})
    charge = charge_of(order_id)
    say(world, order_id, DisputeState.OPEN)
    with transaction():
        payments_of(order_id)[0].charge_reference = None
    store("fake", GatewayEvent("evt", CREATED, charge, None, False, NOW), NOW)
    run_due(world)
    assert db.session.scalars(select(Dispute)).all() == []

    with transaction():
        payments_of(order_id)[0].charge_reference = charge
    pass_time(world, minutes=15)
    run_due(world)
    assert the_dispute().state is _D.OPEN


def test_units_bought_with_money_about_which_a_notice_is_unheard_are_not_cancelled_before_it_is_heard(
    world: Collaborators,
) -> None:
    registry_of(world).submits = [Refused(RefusalCode.RULES, "the project is under review")]
    other, first = an_offer(number=2, price=250), a_finished_order(world, {an_offer(number=1, price=300): 4})
    say(world, first, DisputeState.OPEN)
    gateway_of(world).problems["disputes"] = [GatewayFault("an answer of an unexpected shape")]
    tell(world, first)
    second = take_units_instead(world, first, other)
    run_due(world)
    assert (the_order(second).state, ledger_effects()) == (OrderState.PAID, 0)

    pass_time(world, minutes=1)
    run_due(world)
    assert (the_order(second).state, ledger_effects()) == (OrderState.RISK_HOLD, 0)


def test_the_units_stay_cancelled_and_nothing_is_done_twice_however_the_bank_decides(world: Collaborators) -> None:
    order_id = a_finished_order(world, {an_offer(): 4})
    before = ledger_effects(), len(certificates_of(order_id)), len(db.session.scalars(select(Mail)).all())
    for stage in (DisputeState.OPEN, DisputeState.UNDER_REVIEW, DisputeState.LOST, DisputeState.WON):
        disputed(world, order_id, stage)
        pass_time(world, days=2)
        run_due(world)

    assert (ledger_effects(), len(certificates_of(order_id)), len(db.session.scalars(select(Mail)).all())) == before
    assert (the_order(order_id).state, refunds_of(order_id)) == (OrderState.FULFILLED, [])
    assert states_of(the_dispute()) == [
        (None, "open"), ("open", "under_review"), ("under_review", "lost"), ("lost", "won"),
    ]  # fmt: skip


def test_money_that_is_taken_later_than_the_dispute_was_opened_is_known_by_the_next_notice(
    world: Collaborators,
) -> None:
    order_id = a_finished_order(world, {an_offer(): 4})
    disputed(world, order_id, taken=0)
    assert the_dispute().taken == 0
    say(world, order_id, DisputeState.OPEN)
    tell(world, order_id, "charge.dispute.funds_withdrawn")

    assert the_dispute().taken == 1000
    assert states_of(the_dispute()) == [(None, "open")]


def test_a_dispute_whose_end_nobody_told_us_of_is_asked_about_once_a_day(world: Collaborators) -> None:
    order_id = a_finished_order(world, {an_offer(): 4})
    disputed(world, order_id)
    say(world, order_id, DisputeState.WON, taken=1000)
    run_due(world)
    assert the_dispute().state is _D.OPEN

    pass_time(world, days=1)
    run_due(world)
    assert (the_dispute().state, the_dispute().taken) == (_D.WON, 1000)

    say(world, order_id, DisputeState.WON)
    pass_time(world, days=1)
    run_due(world)
    assert the_dispute().taken == 0
    assert kept.due_disputes(world.clock.now() + timedelta(days=99)) == []


def test_a_gateway_that_does_not_answer_is_asked_again_in_an_hour(world: Collaborators) -> None:
    order_id = a_finished_order(world, {an_offer(): 4})
    disputed(world, order_id)
    say(world, order_id, DisputeState.LOST)
    pass_time(world, days=1)
    gateway_of(world).problems["disputes"] = [GatewayUnavailable()]
    run_due(world)
    assert the_dispute().state is _D.OPEN
    pass_time(world, hours=1)
    run_due(world)
    assert the_dispute().state is _D.LOST


def test_a_dispute_that_the_gateway_does_not_name_any_more_is_asked_about_once_a_day(world: Collaborators) -> None:
    order_id = a_finished_order(world, {an_offer(): 4})
    disputed(world, order_id)
    gateway_of(world).disputed.clear()
    pass_time(world, days=1)
    run_due(world)

    assert the_dispute().state is _D.OPEN
    assert kept.due_disputes(world.clock.now()) == []


def test_two_workers_that_hear_of_a_dispute_at_once_write_it_down_once(world: Collaborators, context: Flask) -> None:
    order_id = a_finished_order(world, {an_offer(): 4})
    say(world, order_id, DisputeState.OPEN)
    payment_id = payments_of(order_id)[0].id
    db.session.rollback()

    look = partial(disputes.look_into, payment_id, world.gateway, world.clock)
    assert all_at_once(context, [look] * 3) == [None] * 3
    assert states_of(the_dispute()) == [(None, "open")]


def test_disputes_that_no_notice_came_of_are_found_in_the_night(world: Collaborators) -> None:
    order_id = a_finished_order(world, {an_offer(): 4})
    say(world, order_id, DisputeState.OPEN)
    gateway_of(world).disputed["ch_of_another_shop"] = gateway_of(world).disputed[charge_of(order_id)]
    db.session.rollback()

    assert disputes.look_for_unheard(world.gateway, world.clock)
    assert the_dispute().state is _D.OPEN
    db.session.rollback()
    gateway_of(world).problems["disputes"] = [GatewayFault("asked about one that is known")]
    assert disputes.look_for_unheard(world.gateway, world.clock)


def test_a_dispute_that_cannot_be_read_keeps_no_others_from_being_found_in_the_night(world: Collaborators) -> None:
    offer = an_offer(units=100)
    orders = [a_finished_order(world, {offer: 4}) for _order in range(2)]
    for order_id in orders:
        say(world, order_id, DisputeState.OPEN)
    db.session.rollback()
    gateway_of(world).problems["disputes"] = [GatewayFault("an answer of an unexpected shape")]

    assert disputes.look_for_unheard(world.gateway, world.clock)
    assert the_dispute().order_id == orders[1]


def test_a_dispute_that_is_opened_again_unheard_is_found_in_the_night(world: Collaborators) -> None:
    order_id = a_finished_order(world, {an_offer(): 4})
    disputed(world, order_id, DisputeState.WON)
    pass_time(world, days=1)
    say(world, order_id, DisputeState.OPEN)
    db.session.rollback()

    assert disputes.look_for_unheard(world.gateway, world.clock)
    assert the_dispute().state is _D.OPEN


def test_the_night_goes_on_where_the_gateway_tells_nothing(world: Collaborators) -> None:
    gateway_of(world).problems["disputed_since"] = [GatewayUnavailable(), GatewayFault("not with this key")]
    assert [disputes.look_for_unheard(world.gateway, world.clock) for _night in range(2)] == [False, True]


def test_a_payment_that_no_gateway_made_is_not_asked_about(world: Collaborators) -> None:
    order_id = a_finished_order(world, {an_offer(): 4})
    with transaction():
        payments_of(order_id)[0].charge_reference = None
    payment_id = payments_of(order_id)[0].id
    gateway_of(world).problems["disputes"] = [GatewayFault("asked")]
    db.session.rollback()
    disputes.look_into(payment_id, world.gateway, world.clock)


# --- before the units are cancelled ----------------------------------------------------------------------


def test_an_order_that_is_disputed_before_it_begins_is_held_for_a_person(world: Collaborators) -> None:
    order_id = a_paid_order(world, {an_offer(): 4})
    disputed(world, order_id)

    order = the_order(order_id)
    assert (order.state, order.hold_reason) == (OrderState.RISK_HOLD, "payment_disputed")
    assert (ledger_effects(), cancellations_of(order_id)) == (0, [])


def test_nobody_lets_go_of_an_order_while_the_bank_may_have_its_money(world: Collaborators) -> None:
    order_id = a_paid_order(world, {an_offer(): 4})
    eva, _ben = two_operators()
    for stage in (DisputeState.OPEN, DisputeState.UNDER_REVIEW, DisputeState.LOST):
        disputed(world, order_id, stage)
        with pytest.raises(PaymentDisputed):
            risk.let_go(order_id, eva, "Asked the buyer.", world.clock.now())
    disputed(world, order_id, DisputeState.WON)
    assert the_order(order_id).state is OrderState.RISK_HOLD

    risk.let_go(order_id, eva, "The bank decided for us.", world.clock.now())
    run_due(world)
    assert (the_order(order_id).state, ledger_effects()) == (OrderState.FULFILLED, 4)


def test_an_operators_own_reason_to_hold_an_order_is_kept(world: Collaborators) -> None:
    order_id = a_paid_order(world, {an_offer(): 4})
    eva, _ben = two_operators()
    risk.hold(order_id, eva, "A stranger called about it.", world.clock.now())
    disputed(world, order_id)
    assert the_order(order_id).hold_reason == "A stranger called about it."


def test_what_was_begun_goes_on(world: Collaborators) -> None:
    order_id = a_finished_order(world, {an_offer(): 4})
    disputed(world, order_id)
    assert (the_order(order_id).state, the_order(order_id).hold_reason) == (OrderState.FULFILLED, "")


def test_other_units_bought_with_disputed_money_wait_for_a_person(world: Collaborators) -> None:
    refused, other = an_offer(number=1), an_offer(number=2)
    registry_of(world).submits = [Refused(RefusalCode.RULES, "no")]
    order_id = a_finished_order(world, {refused: 4})
    disputed(world, order_id)
    instead = take_units_instead(world, order_id, other)
    run_due(world)

    assert (the_order(instead).state, the_order(instead).hold_reason) == (OrderState.RISK_HOLD, "payment_disputed")
    with pytest.raises(PaymentDisputed):
        risk.let_go(instead, two_operators()[0], "Why not.", world.clock.now())


def test_a_dispute_holds_the_order_that_its_money_was_drawn_for(world: Collaborators) -> None:
    refused, other = an_offer(number=1), an_offer(number=2)
    registry_of(world).submits = [Refused(RefusalCode.RULES, "no")]
    order_id = a_finished_order(world, {refused: 4})
    instead = take_units_instead(world, order_id, other)
    disputed(world, order_id)

    assert the_order(instead).state is OrderState.RISK_HOLD


def test_an_order_whose_dispute_was_told_before_its_payment_is_held_and_not_begun(world: Collaborators) -> None:
    order_id = a_payable_order(world, {an_offer(): 4})
    page = gateway_of(world).pay()
    charge = f"ch_{page}"
    gateway_of(world).dispute(charge, DisputeState.OPEN, NOW)
    for number, about in enumerate((charge, page)):
        store("fake", GatewayEvent(f"evt_first_{number}", CREATED, about, None, False, NOW), NOW)
    run_due(world)
    assert ledger_effects() == 0
    pass_time(world, seconds=2)
    run_due(world)

    assert (the_order(order_id).state, ledger_effects()) == (OrderState.RISK_HOLD, 0)


def test_a_dispute_and_the_refusal_of_an_order_that_drew_on_its_money_do_not_block_each_other(
    world: Collaborators, context: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused, other = an_offer(number=1), an_offer(number=2)
    registry_of(world).submits = [Refused(RefusalCode.RULES, "no")]
    order_id = a_finished_order(world, {refused: 4})
    instead = take_units_instead(world, order_id, other)
    eva, ben = two_operators()
    risk.hold(instead, eva, "A stranger called about it.", world.clock.now())
    proposal = risk.propose_refusal(instead, eva, reason="It is not theirs.", now=world.clock.now())
    say(world, order_id, DisputeState.OPEN)
    payment_id = payments_of(order_id)[0].id
    db.session.rollback()

    is_keeping, is_refusing = Event(), Event()
    keep, owe_refund = kept.keep, service.owe_refund

    def keep_slowly(*known: Any) -> bool:
        is_keeping.set()
        is_refusing.wait(2)
        return keep(*known)

    def owe_slowly(**known: Any) -> Refund:
        is_refusing.set()
        is_keeping.wait(2)
        return owe_refund(**known)

    monkeypatch.setattr(kept, "keep", keep_slowly)
    monkeypatch.setattr(service, "owe_refund", owe_slowly)
    look = partial(disputes.look_into, payment_id, world.gateway, world.clock)
    agree = partial(audit.agree, proposal, ben, reason="So it is.", now=world.clock.now())

    assert all_at_once(context, [look, agree]) == [None, None]
    assert (the_order(instead).state, the_dispute().state) == (OrderState.REFUSED, _D.OPEN)


@pytest.mark.parametrize("wants", ["money", "cheaper units"])
def test_a_dispute_and_the_choice_of_its_buyer_do_not_block_each_other(
    world: Collaborators, context: Flask, monkeypatch: pytest.MonkeyPatch, wants: str
) -> None:
    registry_of(world).submits = [Refused(RefusalCode.RULES, "no")]
    other, order_id = an_offer(number=2, price=250), a_finished_order(world, {an_offer(number=1, price=300): 4})
    say(world, order_id, DisputeState.OPEN)
    payment_id = payments_of(order_id)[0].id
    remedy_id = db.session.scalars(select(Remedy.id)).one()
    db.session.rollback()

    has_order, has_money = Event(), Event()
    orders_of = kept.orders_of

    def orders_slowly(payment_id: int) -> Iterator[int]:
        yield from orders_of(payment_id)
        has_order.set()
        has_money.wait(2)

    def wait(*_refund: object) -> None:
        has_money.set()
        has_order.wait(2)

    def choose() -> object:
        if wants == "money":
            return checkout.take_money(remedy_id, world.settings, world.clock.now())
        return take_units_instead(world, order_id, other)

    monkeypatch.setattr(kept, "orders_of", orders_slowly)
    look = partial(disputes.look_into, payment_id, world.gateway, world.clock)
    sql_event.listen(Refund, "before_insert", wait)
    try:
        results = all_at_once(context, [look, choose])
    finally:
        sql_event.remove(Refund, "before_insert", wait)

    assert [type(each) for each in results if isinstance(each, Exception)] == []
    assert ([refund.amount for refund in refunds_of(order_id)], the_dispute().state) == (
        [1200 if wants == "money" else 200],
        _D.OPEN,
    )


# --- no money goes back twice ------------------------------------------------------------------------------


def test_a_refund_that_is_due_while_the_payment_is_disputed_is_put_before_people(world: Collaborators) -> None:
    order_id = a_finished_order(world, {an_offer(): 4})
    disputed(world, order_id)
    owe(world, order_id)
    run_due(world)

    (refund,) = refunds_of(order_id)
    assert (refund.state, refund.last_message) == (RefundState.FAILED, "payment_disputed")
    assert gateway_of(world).refund_calls == []


def test_people_cannot_give_back_what_the_bank_has_and_can_once_it_is_won(world: Collaborators) -> None:
    order_id = a_finished_order(world, {an_offer(): 4})
    disputed(world, order_id)
    owe(world, order_id)
    run_due(world)

    assert tried_again(world, order_id) is RefundState.FAILED
    assert gateway_of(world).refund_calls == []
    disputed(world, order_id, DisputeState.WON)
    assert tried_again(world, order_id) is RefundState.SUCCEEDED
    assert len(gateway_of(world).refund_calls) == 1


def test_people_may_give_the_money_back_that_a_bank_only_asks_about(world: Collaborators) -> None:
    order_id = a_finished_order(world, {an_offer(): 4})
    disputed(world, order_id, taken=0)
    owe(world, order_id)
    run_due(world)
    assert refunds_of(order_id)[0].state is RefundState.FAILED

    assert tried_again(world, order_id) is RefundState.SUCCEEDED


def test_a_refund_that_was_on_its_way_before_the_dispute_is_followed_to_its_end(world: Collaborators) -> None:
    order_id = a_finished_order(world, {an_offer(): 4})
    owe(world, order_id)
    gateway_of(world).problems["refund_answer"] = [GatewayUnavailable()]
    run_due(world)
    disputed(world, order_id)
    pass_time(world, minutes=1)
    run_due(world)

    assert refunds_of(order_id)[0].state is RefundState.SUCCEEDED


def test_a_disputed_order_that_is_refused_owes_its_money_and_promises_no_refund_by_mail(world: Collaborators) -> None:
    order_id = a_paid_order(world, {an_offer(): 4})
    disputed(world, order_id)
    eva, ben = two_operators()
    proposal = risk.propose_refusal(order_id, eva, reason="A stolen card.", now=world.clock.now())
    audit.agree(proposal, ben, reason="So it is.", now=world.clock.now())
    run_due(world)

    assert the_order(order_id).state is OrderState.REFUSED
    assert [(refund.state, refund.amount) for refund in refunds_of(order_id)] == [(RefundState.FAILED, 1000)]
    told = db.session.scalars(select(Mail.kind).where(Mail.order_id == order_id)).all()
    assert MailKind.REFUND_MADE not in told


def test_no_mail_says_that_disputed_money_goes_back_when_nobody_chose_other_units_in_time(
    world: Collaborators,
) -> None:
    refused, _other = an_offer(number=1), an_offer(number=2)
    registry_of(world).submits = [Refused(RefusalCode.RULES, "no")]
    order_id = a_finished_order(world, {refused: 4})
    disputed(world, order_id)
    choose_nothing(world)

    assert [(refund.state, refund.amount) for refund in refunds_of(order_id)] == [(RefundState.FAILED, 1000)]
    assert MailKind.REFUND_MADE not in db.session.scalars(select(Mail.kind).where(Mail.order_id == order_id)).all()


# --- what sellers are owed, and the books --------------------------------------------------------------------


def owed_to_seller(order_id: int) -> tuple[int, int, int]:
    """Earned, waiting and due of the seller of an order."""
    db.session.expire_all()
    found = payouts.balance(the_order(order_id).lines[0].provider_id, "USD")
    assert found.earned == found.paid_out + found.waiting + found.due
    return found.earned, found.waiting, found.due


def test_a_sellers_share_waits_while_the_bank_decides_and_is_due_again_however_it_does(world: Collaborators) -> None:
    first = a_finished_order(world, {an_offer(number=1): 4})
    share = the_order(first).lines[0].seller_share
    assert owed_to_seller(first) == (share, 0, share)
    for stage, is_waiting in (
        (DisputeState.OPEN, True), (DisputeState.UNDER_REVIEW, True), (DisputeState.LOST, False),
        (DisputeState.OPEN, True), (DisputeState.WON, False),
    ):  # fmt: skip
        say(world, first, stage)
        tell(world, first)
        pass_time(world, days=1)
        assert owed_to_seller(first) == ((share, share, 0) if is_waiting else (share, 0, share))


def test_only_the_disputed_order_waits_and_what_was_paid_out_before_is_not_asked_back(world: Collaborators) -> None:
    offer = an_offer(units=100)
    orders = [a_finished_order(world, {offer: 4}) for _order in range(2)]
    share = the_order(orders[0]).lines[0].seller_share
    disputed(world, orders[0])
    assert owed_to_seller(orders[0]) == (2 * share, share, share)

    asked_by = people.an_operator("ann@tonne.example")
    with transaction() as session:
        provider_id = the_order(orders[0]).lines[0].provider_id
        session.add(a_payee := Payee(
            provider_id=provider_id, holder="H", bank="B", account="sealed", state=PayeeState.CURRENT,
            requested_by=asked_by, requested_at=NOW,
        ))  # fmt: skip
        session.flush()
        session.add(
            Payout(provider_id=provider_id, payee_id=a_payee.id, amount=2 * share - 5, currency="USD", reference="1",
                   paid_on=NOW.date(), created_at=NOW)
        )  # fmt: skip
    assert owed_to_seller(orders[0]) == (2 * share, 5, 0)


def test_no_payout_of_a_share_that_waits_can_be_written_down(world: Collaborators) -> None:
    order_id = a_finished_order(world, {an_offer(): 4})
    eva, _ben = two_operators()
    disputed(world, order_id)
    provider_id = the_order(order_id).lines[0].provider_id
    with pytest.raises(PayoutUnfit) as unfit:
        payouts.propose_payout(provider_id, Money(1, "USD"), "R1", NOW.date(), eva, reason="Why.", now=NOW)
    assert unfit.value.facts == {"reason": "amount", "due": 0}


def test_what_sellers_see_of_their_earnings_adds_up_with_what_waits(world: Collaborators) -> None:
    order_id = a_finished_order(world, {an_offer(): 4})
    disputed(world, order_id)
    line = the_order(order_id).lines[0]
    found = read_earnings(line.provider_id, "USD")
    assert (found.whole.earned, found.waiting.minor, found.due.minor) == (line.seller_share, line.seller_share, 0)


def test_no_payout_that_was_proposed_before_a_dispute_is_agreed_on_while_it_stands(world: Collaborators) -> None:
    order_id = a_finished_order(world, {an_offer(): 4})
    eva, ben = two_operators()
    line = the_order(order_id).lines[0]
    provider_id, share = line.provider_id, Money(line.seller_share, "USD")
    with transaction() as session:
        session.add(Payee(
            provider_id=provider_id, holder="H", bank="B", account="sealed", state=PayeeState.CURRENT,
            requested_by=eva.person_id, requested_at=NOW,
        ))  # fmt: skip
    proposal = payouts.propose_payout(provider_id, share, "R1", NOW.date(), eva, reason="Why.", now=NOW)
    disputed(world, order_id)
    with pytest.raises(NoLongerPossible):
        audit.agree(proposal, ben, reason="Yes.", now=world.clock.now())
    assert owed_to_seller(order_id) == (share.minor, share.minor, 0)


def test_of_an_order_that_was_paid_twice_either_payment_may_be_disputed(world: Collaborators) -> None:
    order_id = a_payable_order(world, {an_offer(): 4})
    first = gateway_of(world).pay()
    with transaction() as session:
        service.create_payment(
            order_id=order_id, order_reference=the_order(order_id).reference, attempt=2, amount=Money(1000, "USD"),
            gateway="fake", now=NOW,
        )  # fmt: skip
        session.flush()
    pass_time(world, minutes=2)
    run_due(world)
    second = gateway_of(world).pay()
    assert second != first
    for page in (first, second):
        store("fake", GatewayEvent(f"evt_{page}", "checkout.session.completed", page, None, False, NOW), NOW)
    run_due(world)
    assert [(refund.state, refund.amount) for refund in refunds_of(order_id)] == [(RefundState.SUCCEEDED, 1000)]
    share = the_order(order_id).lines[0].seller_share
    assert owed_to_seller(order_id) == (share, 0, share)

    charges = [str(payment.charge_reference) for payment in payments_of(order_id)]
    for number, (charge, waits) in enumerate(zip(charges, (share, share), strict=True)):
        gateway_of(world).dispute(charge, DisputeState.OPEN, NOW)
        store("fake", GatewayEvent(f"evt_both_{number}", CREATED, charge, None, False, NOW), world.clock.now())
        run_due(world)
        assert owed_to_seller(order_id) == (share, waits, share - waits)
    db.session.rollback()
    told = [(each.subject, each.ours) for each in balance.check(NOW)[1]]
    assert told == [(f"disputes: {the_order(order_id).reference}", "1000")], "the second went back already"
    for number, charge in enumerate(charges):
        gateway_of(world).dispute(charge, DisputeState.WON, NOW)
        store("fake", GatewayEvent(f"evt_won_{number}", CREATED, charge, None, False, NOW), world.clock.now())
    run_due(world)
    assert owed_to_seller(order_id) == (share, 0, share)
    db.session.rollback()
    assert balance.check(NOW)[1] == []


def test_books_of_disputed_orders_agree_unless_money_went_back_twice(world: Collaborators) -> None:
    order_id = a_finished_order(world, {an_offer(): 4})
    for stage in (DisputeState.OPEN, DisputeState.LOST, DisputeState.WON, DisputeState.OPEN):
        disputed(world, order_id, stage)
        db.session.rollback()
        assert balance.check(NOW)[1] == []

    disputed(world, order_id, DisputeState.WON)
    owe(world, order_id)
    run_due(world)
    disputed(world, order_id, DisputeState.LOST)
    db.session.rollback()
    told = [(each.subject, each.ours) for each in balance.check(NOW)[1] if each.subject.startswith("disputes")]
    assert told == [(f"disputes: {the_order(order_id).reference}", "200")]


def test_the_doctor_says_until_when_evidence_is_wanted_and_what_the_house_lost(world: Collaborators) -> None:
    patient = Patient(world.settings, world, online=False, limits=Limits())

    def said() -> list[tuple[Level, str]]:
        found = [(finding.level, finding.words) for finding in check_books.disputes(patient)]
        db.session.rollback()
        return found

    assert said() == [(Level.OK, "No dispute waits for our evidence.")]
    order_id = a_finished_order(world, {an_offer(): 4})
    disputed(world, order_id)
    ((level, words),) = said()
    assert (level, f"1, the first by {NOW + timedelta(days=7):%Y-%m-%d %H:%M} UTC" in words) == (Level.WARNING, True)
    pass_time(world, days=5)
    assert [level for level, _words in said()] == [Level.PROBLEM]
    say(world, order_id, DisputeState.OPEN, evidence_due_at=None)
    tell(world, order_id, "charge.dispute.updated")
    assert [level for level, _words in said()] == [Level.WARNING]
    disputed(world, order_id, DisputeState.LOST)
    assert said()[1][1].startswith("The house has lost 10.00 USD")
    # The bank has its time from its decision on, however long it took for that.
    pass_time(world, days=20)
    disputed(world, order_id, DisputeState.WON, taken=1000)
    assert [level for level, _words in said()] == [Level.OK]
    pass_time(world, days=15)
    assert [level for level, _words in said()] == [Level.OK, Level.PROBLEM]
    # Decided anew, it has its time anew.
    disputed(world, order_id, DisputeState.UNDER_REVIEW)
    disputed(world, order_id, DisputeState.WON, taken=1000)
    assert [level for level, _words in said()] == [Level.OK]


def test_the_orders_that_a_disputed_payment_paid_for_are_found_among_a_million(context: Flask) -> None:
    with statements() as asked:
        assert kept.orders_of(1) == []
    ((statement, parameters),) = [each for each in asked if "drawn_from_id" in each[0]]
    connection = db.session.connection()
    if connection.dialect.name == "postgresql":
        # Of no row the planner would rather read all rows.
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        plan = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
    else:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
    words = "\n".join(str(step) for step in plan)

    assert "ix_payment_drawn" in words
    assert "Seq Scan" not in words
    assert "SCAN payment" not in words
