"""The state machines in code are those of the plan (shared/architecture.md, States), and nothing more in silence."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import pytest

from app.certificates.states import CERTIFICATE, CertificateState
from app.checkout.states import ORDER, OrderState
from app.complaints.states import COMPLAINT
from app.kernel.states import Transitions
from app.notifications.states import MAIL
from app.offers.states import OFFER, RESERVATION, OfferState, ReservationState
from app.payments.states import DISPUTE, PAYMENT, REFUND, DisputeState, PaymentState, RefundState
from app.registry.states import CANCELLATION, CancellationState

# What the plan's table says, word for word.
PLAN: dict[str, str] = {
    "offer": """
        draft -> submitted, submitted -> approved, approved -> live, live -> paused, paused -> live,
        live -> sold_out, sold_out -> live, live -> withdrawn, live -> expired, live -> frozen, frozen -> live
    """,
    "reservation": "held -> settled, held -> released",
    "order": """
        placed -> payment_pending, payment_pending -> paid, paid -> fulfilling,
        fulfilling -> fulfilled, fulfilling -> partly_fulfilled, fulfilling -> refused,
        placed -> expired, payment_pending -> expired, payment_pending -> payment_review, paid -> risk_hold
    """,
    "payment": """
        created -> open, open -> processing, processing -> succeeded, open -> succeeded,
        open -> failed, open -> expired, processing -> failed
    """,
    "refund": "due -> requested, requested -> succeeded, requested -> failed",
    "dispute": "open -> under_review, under_review -> won, under_review -> lost",
    "cancellation": """
        planned -> sending, sending -> confirmed, sending -> waiting, sending -> refused, sending -> unknown,
        sending -> planned, unknown -> confirmed, unknown -> refused, unknown -> planned, unknown -> manual,
        waiting -> confirmed, waiting -> refused
    """,
    "certificate": "issued -> superseded",
}

# What the code allows beyond the plan, each with its reason.
BEYOND: dict[str, dict[str, str]] = {
    "offer": {
        "draft -> withdrawn": "a seller may give up before anybody looked",
        "submitted -> draft": "sent back for correction",
        "submitted -> withdrawn": "a seller may give up while somebody looks",
        "approved -> withdrawn": "a seller may give up before going live",
        "approved -> expired": "one that opens later may expire before",
        "approved -> frozen": "its participant may be suspended before it opens",
        "paused -> withdrawn": "a paused offer ends like a live one",
        "paused -> expired": "a paused offer ends like a live one",
        "paused -> frozen": "the registry's books may differ while an offer rests",
        "sold_out -> withdrawn": "a sold out offer ends like a live one",
        "sold_out -> expired": "a sold out offer ends like a live one",
        "sold_out -> frozen": "the registry refuses units of an offer that is sold out to the last one",
        "frozen -> withdrawn": "reconciliation may show that the units are gone",
        "frozen -> expired": "reconciliation may come too late",
        "frozen -> approved": "one that was frozen before it opened waits for its opening again",
        "frozen -> paused": "one that was frozen while it rested rests again",
        "sold_out -> paused": "a seller may rest an offer whose held units could come back",
    },
    "reservation": {"settled -> released": "a refused or proven-absent cancellation gives its units back"},
    "order": {
        "placed -> paid": "the notice of a payment can be faster than our own record of the page",
        "placed -> payment_review": "and so can the notice of a payment that does not match",
        "payment_pending -> placed": "a failed payment leaves an order that can be paid again",
        "expired -> paid": "money that came too late buys what is still there",
        "expired -> refused": "money that came too late for everything goes back",
        "expired -> payment_review": "money that came too late may also be the wrong sum",
        "payment_review -> paid": "a person found that the payment is right",
        "payment_review -> expired": "a person found that there was none",
        "payment_review -> refused": "a person gave the money back",
        "risk_hold -> fulfilling": "a person let the order go on",
        "risk_hold -> refused": "a person gave the money back",
    },
    "payment": {
        "created -> processing": "our record of the page was lost; the gateway has one",
        "created -> succeeded": "our record of the page was lost; the gateway has one",
        "created -> failed": "the gateway refused to open a page",
        "created -> expired": "our record of the page was lost; the gateway has one",
        "processing -> expired": "a gateway may close a delayed payment without an answer of the bank",
        "expired -> succeeded": "money is never ignored, however late",
        "expired -> processing": "a page thought dead may turn out to be in the bank's hands",
        "failed -> succeeded": "money is never ignored, however late",
    },
    "refund": {
        "due -> succeeded": "most refunds are done in the answer to the request",
        "due -> failed": "a gateway may refuse at once",
        "succeeded -> failed": "a bank can send a refund back days later",
        "failed -> requested": "an operator tries again",
        "failed -> succeeded": "the money arrived after all",
    },
    "dispute": {
        "open -> won": "the buyer gave up, or an inquiry was closed",
        "open -> lost": "nobody answered in time, or it was accepted",
        "under_review -> open": "the bank wants more, or an inquiry became a chargeback",
        "won -> open": "what was closed as an inquiry can become a chargeback",
        "won -> under_review": "the same, heard of late",
        "won -> lost": "the same, heard of later still",
        "lost -> open": "what was lost can be appealed",
        "lost -> under_review": "the same, heard of late",
        "lost -> won": "the bank gave the money back after all",
    },
    "cancellation": {
        "planned -> confirmed": "a sender that lost its lease reports that it is done, after it was proven absent",
        "planned -> unknown": "a restored backup may have forgotten that it was sent",
        "planned -> refused": "what was not carried out can be taken back, and a closed registry takes nothing",
        "planned -> manual": "such a sender reports something that does not add up",
        "unknown -> waiting": "a look-up may find that the registry accepted and is not done",
        "waiting -> manual": "a registry that accepted and then contradicts itself is a matter for a person",
        "sending -> manual": "something else stands under our reference, which no rule can act on",
        "manual -> confirmed": "a person found that it happened",
        "manual -> refused": "a person found that it did not",
    },
    "certificate": {},
}

MACHINES: tuple[tuple[Transitions[Any], type[StrEnum]], ...] = (
    (OFFER, OfferState),
    (RESERVATION, ReservationState),
    (ORDER, OrderState),
    (PAYMENT, PaymentState),
    (REFUND, RefundState),
    (DISPUTE, DisputeState),
    (CANCELLATION, CancellationState),
    (CERTIFICATE, CertificateState),
)
each_machine = pytest.mark.parametrize(("machine", "states"), MACHINES, ids=lambda item: getattr(item, "machine", ""))


def pairs(text: str) -> set[tuple[str, str]]:
    return {tuple(move.split(" -> ")) for move in (part.strip() for part in text.split(","))}  # type: ignore[misc]  # pairs, by the form of the text


@each_machine
def test_a_thing_moves_as_the_plan_says_and_beyond_it_only_for_a_stated_reason(
    machine: Transitions[Any], states: type[StrEnum]
) -> None:
    planned = pairs(PLAN[machine.machine])
    beyond = {move for reasoned in BEYOND[machine.machine] for move in pairs(reasoned)}

    assert not planned & beyond
    assert {(s.value, t.value) for s, t in machine.moves()} == planned | beyond


@each_machine
def test_every_state_of_the_plan_has_a_name_and_can_be_reached(
    machine: Transitions[Any], states: type[StrEnum]
) -> None:
    first = next(iter(states))
    reached, todo = {first}, [first]
    while todo:
        for target in machine.targets(todo.pop()) - reached:
            reached.add(target)
            todo.append(target)

    assert reached == set(states)


def test_nothing_undoes_a_cancellation_or_a_payment_that_succeeded() -> None:
    assert CANCELLATION.is_final(CancellationState.CONFIRMED)
    assert CANCELLATION.is_final(CancellationState.REFUSED)
    assert PAYMENT.is_final(PaymentState.SUCCEEDED)
    assert {s for s in OrderState if ORDER.is_final(s)} == {
        OrderState.FULFILLED, OrderState.PARTLY_FULFILLED, OrderState.REFUSED,
    }  # fmt: skip


def test_a_cancellation_whose_fate_is_not_known_can_never_be_sent_without_having_been_proven_absent() -> None:
    assert CANCELLATION.sources(CancellationState.SENDING) == (CancellationState.PLANNED,)
    assert CancellationState.SENDING not in CANCELLATION.targets(CancellationState.UNKNOWN)
    assert CancellationState.PLANNED not in CANCELLATION.targets(CancellationState.WAITING)
    assert CancellationState.PLANNED not in CANCELLATION.targets(CancellationState.MANUAL)


def test_every_machine_of_the_product_is_compared_with_the_plan() -> None:
    assert {machine.machine for machine, _states in MACHINES} == set(PLAN) == set(BEYOND)
    assert not {MAIL.machine, COMPLAINT.machine} & set(PLAN)  # mails and complaints are not in the plan's table
