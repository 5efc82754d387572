"""A paid order is looked at before the step that nobody can undo, and of what is held nothing was sent."""

from __future__ import annotations

import pytest
from flask import Flask

from app.audit import service as audit
from app.audit.errors import NoLongerPossible, ReasonMissing, SamePerson
from app.checkout.states import OrderState
from app.db import transaction
from app.direct.errors import MatchOpen
from app.fulfilment import risk
from app.fulfilment.errors import OrderBegun, OrderNotHeld
from app.fulfilment.process import Collaborators, run_due
from app.screening.service import decide
from app.screening.states import MatchState
from tests import people
from tests.builders import (
    NOW,
    a_begun_order,
    a_finished_order,
    a_paid_order,
    a_payable_order,
    all_at_once,
    an_offer,
    cancellations_of,
    certificates_of,
    gateway_of,
    ledger_effects,
    look_again,
    mailer_of,
    refunds_of,
    the_offer,
    the_order,
)
from tests.service.conftest import Shop
from tests.service.screening import listing

LISTED = "Mustafa Rahim Darvani"  # made up


def an_actor(email: str = "eva@tonne.example") -> audit.Actor:
    return people.actor_of(people.an_operator(email))


def a_held_order(world: Collaborators, units: int = 4) -> int:
    order_id = a_payable_order(world, {an_offer(): units})
    risk.hold(order_id, an_actor(), "A stranger called about it.", NOW)
    gateway_of(world).pay()
    look_again(world, order_id)
    run_due(world)
    assert the_order(order_id).state is OrderState.RISK_HOLD
    return order_id


def test_of_a_held_order_nothing_is_planned_and_its_page_says_that_a_person_looks(shop: Shop) -> None:
    with shop.inside() as world:
        order_id = a_held_order(world)
        token = the_order(order_id).token
        assert cancellations_of(order_id) == []
        assert ledger_effects() == 0
    page = shop.visitor().get(f"/en/orders/{token}")
    assert "A person is looking at your order." in page.words
    assert "stranger" not in page.words
    assert "If a person has to look at the order first, its page says so." in shop.mailer.sent[-1].text
    withdrawal = shop.visitor().get(f"/en/orders/{token}/withdraw")
    assert "A person is looking at your order" in withdrawal.words
    assert "looking at your payment" not in withdrawal.words, "nothing is wrong with the money"


def test_an_order_that_is_let_go_is_carried_out(world: Collaborators) -> None:
    order_id = a_held_order(world)
    risk.let_go(order_id, an_actor(), "The caller meant another order.", NOW)
    run_due(world)
    assert the_order(order_id).state is OrderState.FULFILLED
    assert (ledger_effects(), len(certificates_of(order_id))) == (4, 1)
    with pytest.raises(OrderNotHeld):
        risk.let_go(order_id, an_actor(), "Once more.", NOW)


def test_a_reason_to_hold_can_be_taken_back_before_the_order_is_paid(world: Collaborators) -> None:
    order_id = a_payable_order(world, {an_offer(): 2})
    risk.hold(order_id, an_actor(), "Wait for the bank.", NOW)
    risk.let_go(order_id, an_actor(), "The bank has answered.", NOW)
    gateway_of(world).pay()
    look_again(world, order_id)
    run_due(world)
    assert the_order(order_id).state is OrderState.FULFILLED


def test_what_is_paid_and_not_begun_is_held_at_once_and_what_is_begun_cannot_be(world: Collaborators) -> None:
    paid = a_paid_order(world, {an_offer(number=1): 1})
    risk.hold(paid, an_actor(), "A question.", NOW)
    assert the_order(paid).state is OrderState.RISK_HOLD
    begun = a_begun_order(world, {an_offer(number=2): 1})
    with pytest.raises(OrderBegun):
        risk.hold(begun, an_actor(), "Too late.", NOW)
    with pytest.raises(ReasonMissing):
        risk.hold(paid, an_actor(), " ", NOW)
    with pytest.raises(OrderNotHeld):
        risk.propose_refusal(begun, an_actor(), reason="Too late.", now=NOW)


def test_two_people_refuse_a_held_order_and_all_of_its_money_goes_back_once(world: Collaborators) -> None:
    order_id = a_held_order(world, units=4)
    eva, ben = an_actor(), an_actor("ben@tonne.example")
    proposal = risk.propose_refusal(order_id, eva, reason="Stolen card.", now=NOW)
    with pytest.raises(SamePerson):
        audit.agree(proposal, eva, now=NOW)
    assert refunds_of(order_id) == []
    audit.agree(proposal, ben, now=NOW)
    order = the_order(order_id)
    (refund,) = refunds_of(order_id)
    assert (order.state, refund.amount, refund.cause) == (OrderState.REFUSED, order.total, "held")
    offer = the_offer(order.lines[0].offer_id)
    assert (offer.units_settled, offer.units_reserved, cancellations_of(order_id)) == (0, 0, [])
    run_due(world)
    assert "we decided not to carry it out" in mailer_of(world).sent[-1].text
    assert (ledger_effects(), certificates_of(order_id)) == (0, [])


def test_an_order_that_was_let_go_meanwhile_is_not_refused_and_no_money_moves(world: Collaborators) -> None:
    order_id = a_held_order(world)
    proposal = risk.propose_refusal(order_id, an_actor(), reason="Stolen card.", now=NOW)
    risk.let_go(order_id, an_actor(), "It was not stolen.", NOW)
    with pytest.raises(NoLongerPossible):
        audit.agree(proposal, an_actor("ben@tonne.example"), now=NOW)
    run_due(world)
    assert (the_order(order_id).state, refunds_of(order_id)) == (OrderState.FULFILLED, [])


def test_a_beneficiary_like_a_listed_name_waits_until_somebody_has_cleared_it(world: Collaborators) -> None:
    listing.take()
    order_id = a_paid_order(world, {an_offer(): 2}, beneficiary=LISTED)
    run_due(world)
    assert the_order(order_id).state is OrderState.RISK_HOLD
    assert cancellations_of(order_id) == []
    with pytest.raises(MatchOpen):
        risk.let_go(order_id, an_actor(), "Looks well.", NOW)
    for match in listing.matches():
        decide(match.id, MatchState.CLEARED, an_actor(), reason="Another birth year.", now=NOW)
    risk.let_go(order_id, an_actor(), "Somebody else.", NOW)
    run_due(world)
    assert the_order(order_id).state is OrderState.FULFILLED


def test_a_buyer_with_an_account_is_compared_too(world: Collaborators) -> None:
    listing.take()
    order_id = a_payable_order(world, {an_offer(): 2})
    person_id = people.a_person("listed@example.org", name=LISTED)
    with transaction():
        the_order(order_id).person_id = person_id
    gateway_of(world).pay()
    look_again(world, order_id)
    run_due(world)
    assert the_order(order_id).state is OrderState.RISK_HOLD
    assert [subject.id for subject in risk.open_subjects()] == [order_id]


def test_an_order_held_while_workers_begin_it_is_either_held_or_carried_out(
    world: Collaborators, context: Flask
) -> None:
    order_id = a_paid_order(world, {an_offer(): 2})
    eva = an_actor()
    jobs = [lambda: risk.begin(order_id, world.registries, NOW)] * 3
    results = all_at_once(context, [*jobs, lambda: risk.hold(order_id, eva, "A question.", NOW)])
    state, planned = the_order(order_id).state, len(cancellations_of(order_id))
    assert (state, planned) in {(OrderState.RISK_HOLD, 0), (OrderState.FULFILLING, 1)}
    assert results[:3].count(True) <= 1
    assert (state is OrderState.FULFILLING) == isinstance(results[3], OrderBegun)


def test_a_finished_order_is_not_begun_again(world: Collaborators) -> None:
    order_id = a_finished_order(world, {an_offer(): 2})
    assert not risk.begin(order_id, world.registries, NOW)
    assert len(cancellations_of(order_id)) == 1
