"""What buyers read while a bank has their money, or is asked for it: no mail and no page promises it twice."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.audit import service as audit
from app.checkout.models import Order, Remedy
from app.checkout.states import OrderState
from app.db import db
from app.fulfilment import disputes, risk
from app.fulfilment.process import Collaborators, run_due
from app.notifications.messages.kinds import MailKind
from app.notifications.models import Mail
from app.payments.ports import GatewayRefusal, RefundOutcome
from app.payments.states import DisputeState, RefundState
from app.registry.ports import Found, Pending, RefusalCode, Refused
from tests.builders import (
    NOW,
    a_finished_order,
    a_paid_order,
    an_offer,
    gateway_of,
    mailer_of,
    pass_time,
    payments_of,
    refunds_of,
    registry_of,
    take_units_instead,
    the_order,
)
from tests.service.conftest import Shop
from tests.service.payments.deciding import tried_again, two_operators

AT_THE_BANK = "Your bank was asked to give you the money of this order back."
REFUSED = Refused(RefusalCode.RULES, "the project is under review")
LATER = Pending("R-1", timedelta(minutes=1))
PROMISES = (
    "goes back to you",
    "your money goes back",
    "get your money back",
    "is refunded",
    "you choose",
    "Choose what you get",
)


def dispute(world: Collaborators, order_id: int, stage: DisputeState = DisputeState.OPEN) -> None:
    """The gateway says it of the payment of an order, and is asked."""
    payment = payments_of(order_id)[0]
    gateway_of(world).dispute(str(payment.charge_reference), stage, NOW)
    payment_id = payment.id
    db.session.rollback()
    disputes.look_into(payment_id, world.gateway, world.clock)
    db.session.expire_all()


def refused_while_disputed(world: Collaborators, wanted: dict[int, int]) -> int:
    """An order that is disputed after it has begun, and of which the registry refuses the first line."""
    order_id = a_paid_order(world, wanted)
    risk.begin(order_id, world.registries, world.clock.now())
    dispute(world, order_id)
    registry_of(world).submits = [REFUSED]
    run_due(world)
    return order_id


def mails_of(order_id: int) -> dict[str, Mail]:
    db.session.expire_all()
    return {mail.kind: mail for mail in db.session.scalars(select(Mail).where(Mail.order_id == order_id))}


def test_who_disputes_is_told_of_a_refusal_and_offered_neither_money_nor_other_units(world: Collaborators) -> None:
    _other = an_offer(number=2, price=250)
    order_id = refused_while_disputed(world, {an_offer(number=1, price=300): 4})

    assert the_order(order_id).state is OrderState.REFUSED
    assert db.session.scalars(select(Remedy)).all() == []
    assert [(refund.state, refund.amount) for refund in refunds_of(order_id)] == [(RefundState.FAILED, 1200)]
    told = mails_of(order_id)
    assert MailKind.REMEDY_OFFERED not in told
    assert MailKind.REFUND_MADE not in told
    assert told[MailKind.ORDER_REFUSED].facts["is_disputed"] is True


def test_of_units_bought_with_disputed_money_and_refused_no_mail_says_that_money_goes_back(
    world: Collaborators,
) -> None:
    other = an_offer(number=2, price=250)
    registry_of(world).submits = [REFUSED]
    first = a_finished_order(world, {an_offer(number=1, price=300): 4})
    second = take_units_instead(world, first, other)
    risk.begin(second, world.registries, world.clock.now())
    dispute(world, first)
    registry_of(world).submits = [REFUSED]
    run_due(world)

    assert the_order(second).state is OrderState.REFUSED
    assert mails_of(second)[MailKind.ORDER_REFUSED].facts["is_disputed"] is True


def test_who_is_told_that_it_takes_longer_and_disputes_is_promised_no_money(world: Collaborators) -> None:
    order_id = a_paid_order(world, {an_offer(): 4})
    registry_of(world).submits = [LATER]
    registry_of(world).lookups = [Found(LATER)] * 200
    run_due(world)
    dispute(world, order_id)
    pass_time(world, minutes=20)
    run_due(world)

    assert mails_of(order_id)[MailKind.ORDER_LATE].facts["is_disputed"] is True


def refused_by_us(world: Collaborators, order_id: int) -> None:
    """Two operators end a held order."""
    eva, ben = two_operators()
    proposal = risk.propose_refusal(order_id, eva, reason="A stolen card.", now=world.clock.now())
    audit.agree(proposal, ben, reason="So it is.", now=world.clock.now())
    run_due(world)


def test_whose_held_order_is_refused_while_they_dispute_hears_that_nothing_was_cancelled(world: Collaborators) -> None:
    order_id = a_paid_order(world, {an_offer(): 4})
    dispute(world, order_id)
    refused_by_us(world, order_id)

    told = mailer_of(world).sent[-1]
    assert told.subject.endswith(f"Order {the_order(order_id).reference} was not carried out")
    for part in (told.text, told.html):
        words = " ".join(part.split())
        assert "we decided not to carry it out. No unit was cancelled for you, and there is no certificate." in words
        assert "The registry refused" not in words
        assert_nothing_is_promised(words)


def test_whose_money_goes_back_by_us_after_all_hears_of_it_when_it_does(world: Collaborators) -> None:
    order_id = a_paid_order(world, {an_offer(): 4})
    dispute(world, order_id)
    refused_by_us(world, order_id)
    assert tried_again(world, order_id) is RefundState.FAILED
    assert MailKind.REFUND_MADE not in mails_of(order_id), "the bank has the money still"

    dispute(world, order_id, DisputeState.WON)
    assert tried_again(world, order_id) is RefundState.SUCCEEDED

    told = mailer_of(world).sent[-1]
    assert f"of order {the_order(order_id).reference} is on its way back to you" in " ".join(told.text.split())
    assert MailKind.REFUND_MADE in mails_of(order_id)


def test_who_was_told_of_a_refund_hears_of_it_no_second_time_when_it_is_tried_again(world: Collaborators) -> None:
    registry_of(world).submits = [REFUSED]
    gateway_of(world).problems["refund"] = [GatewayRefusal(reason="no_balance")]
    order_id = a_finished_order(world, {an_offer(): 4})
    assert [refund.state for refund in refunds_of(order_id)] == [RefundState.FAILED]

    assert tried_again(world, order_id) is RefundState.SUCCEEDED
    assert mails_of(order_id).keys() == {MailKind.ORDER_PAID, MailKind.ORDER_REFUSED}


def test_whose_refund_fails_after_their_dispute_hears_of_it_once_and_nobody_reads_that_they_dispute(
    world: Collaborators,
) -> None:
    order_id = a_paid_order(world, {an_offer(): 4})
    dispute(world, order_id)
    refused_by_us(world, order_id)
    dispute(world, order_id, DisputeState.WON)
    gateway_of(world).refund_outcome = RefundOutcome.FAILED
    assert tried_again(world, order_id) is RefundState.FAILED
    assert refunds_of(order_id)[0].last_message == ""

    gateway_of(world).refund_outcome = RefundOutcome.SUCCEEDED
    gateway_of(world).payments[str(payments_of(order_id)[0].gateway_reference)].refunded = 0
    assert tried_again(world, order_id) is RefundState.SUCCEEDED
    assert refunds_of(order_id)[0].last_message == ""
    made = select(Mail).where(Mail.order_id == order_id, Mail.kind == MailKind.REFUND_MADE)
    assert len(db.session.scalars(made).all()) == 1


def test_money_is_promised_again_once_the_bank_has_decided_for_us(world: Collaborators) -> None:
    an_offer(number=2, price=250)
    order_id = a_paid_order(world, {an_offer(number=1, price=300): 4})
    risk.begin(order_id, world.registries, world.clock.now())
    dispute(world, order_id)
    dispute(world, order_id, DisputeState.WON)
    registry_of(world).submits = [REFUSED]
    run_due(world)

    assert MailKind.REMEDY_OFFERED in mails_of(order_id)


def page_of(order_id: int) -> str:
    return f"/en/orders/{db.session.get_one(Order, order_id).token}"


def assert_nothing_is_promised(words: str) -> None:
    assert AT_THE_BANK in words
    assert [promise for promise in PROMISES if promise in words] == []


@pytest.mark.parametrize("is_whole", [True, False])
def test_the_page_of_an_order_that_was_refused_while_it_is_disputed_promises_nothing(
    shop: Shop, *, is_whole: bool
) -> None:
    with shop.inside():
        wanted = {an_offer(number=1): 4} if is_whole else {an_offer(number=1): 4, an_offer(number=2): 1}
        order_id = refused_while_disputed(shop.world, wanted)
        assert the_order(order_id).state is (OrderState.REFUSED if is_whole else OrderState.PARTLY_FULFILLED)
        address = page_of(order_id)

    page = shop.visitor().get(address)
    assert_nothing_is_promised(page.words)
    assert "A person is looking after it" in page.words
    if is_whole:
        assert_nothing_is_promised(shop.visitor().get(f"{address}/withdraw").words)


def test_a_choice_is_not_offered_while_a_dispute_stands_and_offered_again_when_it_is_won(shop: Shop) -> None:
    with shop.inside():
        an_offer(number=2, price=250)
        registry_of(shop.world).submits = [REFUSED]
        order_id = a_finished_order(shop.world, {an_offer(number=1, price=300): 4})
        dispute(shop.world, order_id)
        address = page_of(order_id)
    visitor = shop.visitor()
    assert_nothing_is_promised(visitor.get(address).words)
    visitor.get(f"{address}/instead/0", 303)

    with shop.inside():
        dispute(shop.world, order_id, DisputeState.WON)
    assert "Choose: your money or other units" in visitor.get(address).words
    visitor.get(f"{address}/instead/0")


def test_who_is_held_and_disputes_is_promised_no_money(shop: Shop) -> None:
    with shop.inside():
        order_id = a_paid_order(shop.world, {an_offer(): 4})
        dispute(shop.world, order_id)
        assert the_order(order_id).state is OrderState.RISK_HOLD
        address = page_of(order_id)
    for path in (address, f"{address}/withdraw"):
        words = shop.visitor().get(path).words
        assert AT_THE_BANK in words
        assert "money back" not in words


def test_who_stops_waiting_and_disputes_is_promised_no_choice(shop: Shop) -> None:
    with shop.inside():
        order_id = a_paid_order(shop.world, {an_offer(): 4})
        registry_of(shop.world).submits = [LATER]
        registry_of(shop.world).lookups = [Found(LATER)] * 200
        run_due(shop.world)
        dispute(shop.world, order_id)
        pass_time(shop.world, minutes=20)
        address = page_of(order_id)
    page = shop.visitor().get(f"{address}/stop-waiting")
    assert "we ask it to give back" in page.words
    assert AT_THE_BANK in page.words
    assert "you choose between your money" not in page.words
