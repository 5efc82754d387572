"""Decisions of two people, notes and corrections, where things have moved on or nothing is left to decide."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from app.accounts.errors import LinkGone
from app.accounts.service import links
from app.accounts.service.links import Purpose
from app.audit import service as audit
from app.audit.errors import NoLongerPossible, ProposalClosed, ReasonMissing
from app.audit.models import Note, Proposal
from app.audit.service import Subject
from app.audit.states import ProposalState
from app.checkout.errors import NothingChanged, OrderNotPayable, TooLateToChange
from app.checkout.models import Order
from app.checkout.service import correct, review
from app.checkout.states import OrderState
from app.db import db, record, transaction
from app.fulfilment.process import Collaborators
from app.offers import service as offers
from app.offers.errors import BelowMinimum
from app.offers.service import Wanted
from tests.builders import (
    NOW,
    a_finished_order,
    a_payable_order,
    an_offer,
    change_offer,
    refunds_of,
    the_offer,
    the_order,
)
from tests.people import actor_of, an_operator

WHY = "The buyer asked for it on the telephone."


def under_review(order_id: int) -> None:
    """An order whose payment differs, as an earlier version wrote it down: without the payment's name."""
    with transaction() as session:
        session.execute(update(Order).where(Order.id == order_id).values(state=OrderState.PAYMENT_REVIEW))
        record(
            "order",
            order_id,
            OrderState.PAYMENT_PENDING,
            OrderState.PAYMENT_REVIEW,
            at=NOW,
            facts={"paid": 400, "currency": "USD"},
        )


def after(order_id: int, **changes: str) -> dict[str, str]:
    return correct.words_of(order_id) | changes


def proposed(order_id: int) -> int:
    actor = actor_of(an_operator())
    return correct.propose_beneficiary(order_id, after(order_id, name="Amélie Nguyen"), actor, reason=WHY, now=NOW)


def test_only_its_own_author_takes_a_proposal_back(world: Collaborators) -> None:
    proposal_id = proposed(a_payable_order(world, {an_offer(): 2}))

    with pytest.raises(ProposalClosed):
        audit.take_back(proposal_id, actor_of(an_operator("ole@tonne.example")), now=NOW)
    assert db.session.get_one(Proposal, proposal_id).state is ProposalState.PROPOSED

    audit.take_back(proposal_id, actor_of(an_operator()), now=NOW)
    with pytest.raises(ProposalClosed):
        audit.agree(proposal_id, actor_of(an_operator("ole@tonne.example")), now=NOW)


def test_what_was_never_proposed_cannot_be_agreed_to(world: Collaborators) -> None:
    with pytest.raises(NoLongerPossible):
        audit.agree(4711, actor_of(an_operator()), now=NOW)


def test_an_empty_note_is_no_note(world: Collaborators) -> None:
    with pytest.raises(ReasonMissing):
        audit.write_note(actor_of(an_operator()), Subject("order", 1, "T-7KMQ-2XHD"), " \n ", NOW)
    assert db.session.scalar(select(Note)) is None


def test_what_stands_there_already_and_what_was_sent_cannot_be_corrected(world: Collaborators) -> None:
    actor = actor_of(an_operator())
    order_id = a_payable_order(world, {an_offer(): 2})
    with pytest.raises(NothingChanged):
        correct.propose_beneficiary(order_id, after(order_id), actor, reason=WHY, now=NOW)

    sent = a_finished_order(world, {an_offer(number=2): 1})
    with pytest.raises(TooLateToChange):
        correct.propose_beneficiary(sent, after(sent, name="Somebody"), actor, reason=WHY, now=NOW)


def test_a_name_may_be_taken_off_by_two_people(world: Collaborators) -> None:
    order_id = a_payable_order(world, {an_offer(): 2})
    proposal_id = correct.propose_beneficiary(
        order_id, after(order_id, name=""), actor_of(an_operator()), reason=WHY, now=NOW
    )

    audit.agree(proposal_id, actor_of(an_operator("ole@tonne.example")), now=NOW)

    assert correct.words_of(order_id)["name"] == ""


def test_only_an_order_under_review_has_a_payment_to_give_back(world: Collaborators) -> None:
    order_id = a_payable_order(world, {an_offer(): 2})

    assert review.what_arrived(order_id) is None
    with pytest.raises(OrderNotPayable):
        review.propose_refund(order_id, actor_of(an_operator()), reason=WHY, now=NOW)


def test_a_link_that_was_used_works_no_more(world: Collaborators) -> None:
    with transaction():
        token = links.issue(Purpose.JOIN, "ana@example.org", None, NOW)
    assert token is not None
    with transaction():
        assert links.use(Purpose.JOIN, token, NOW).email == "ana@example.org"
    with pytest.raises(LinkGone), transaction():
        links.use(Purpose.JOIN, token, NOW)


def test_less_than_the_smallest_purchase_is_not_held_and_the_minimum_is_told(world: Collaborators) -> None:
    offer_id = an_offer(units=100)
    order_id = a_payable_order(world, {offer_id: 10})
    line_id = the_order(order_id).lines[0].id
    with transaction():
        offers.release(line_id, NOW)
    change_offer(offer_id, minimum_units=5)
    version = the_offer(offer_id).price_version

    with pytest.raises(BelowMinimum) as refusal, transaction():
        offers.reserve([Wanted(offer_id, line_id, 3, version)], NOW)

    assert refusal.value.facts["minimum_units"] == 5
    assert the_offer(offer_id).units_reserved == 0


def test_the_newest_payment_is_the_one_that_differed_where_an_older_event_names_none(world: Collaborators) -> None:
    order_id = a_payable_order(world, {an_offer(): 2})
    under_review(order_id)

    arrived = review.what_arrived(order_id)

    assert arrived is not None
    assert arrived[0].order_id == order_id
    assert arrived[1].minor == 400


def test_a_refund_that_two_people_agreed_on_is_not_made_for_an_order_that_has_moved_on(world: Collaborators) -> None:
    order_id = a_payable_order(world, {an_offer(): 2})
    under_review(order_id)
    proposal_id = review.propose_refund(order_id, actor_of(an_operator()), reason=WHY, now=NOW)
    with transaction() as session:
        session.execute(update(Order).where(Order.id == order_id).values(state=OrderState.REFUSED))

    with pytest.raises(NoLongerPossible):
        audit.agree(proposal_id, actor_of(an_operator("ole@tonne.example")), now=NOW)

    assert db.session.get_one(Proposal, proposal_id).state is ProposalState.PROPOSED
    assert refunds_of(order_id) == []
