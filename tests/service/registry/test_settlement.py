"""What became of a cancellation that its registry cannot tell us: two operators state it, and it has to add up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app.audit import service as audit
from app.audit.errors import NoLongerPossible, ReasonMissing, SamePerson
from app.fulfilment.process import Collaborators, run_due
from app.providers.errors import OwnOrganisation
from app.registry import settlement
from app.registry.errors import CancellationNotStuck, OutcomeUnfit
from app.registry.ports import Ambiguous, Unknown
from app.registry.states import CancellationState as S
from tests import people
from tests.builders import NOW, a_begun_order, cancellations_of, certificates_of, pass_time, refunds_of, the_order
from tests.service.registry.asking import UNITS, a_planned_cancellation, ask, attempts_of, look_up, the_cancellation

FIRST = 1_002_000
RANGE = f"in-5-{FIRST}-2-2-0-1 to IN-5-{FIRST + UNITS - 1}-2-2-0-1\n\n"
EVIDENCE = "Attestation of the registry of 22 November."


def an_actor(email: str = "eva@tonne.example") -> audit.Actor:
    return people.actor_of(people.an_operator(email))


def a_stuck_cancellation(world: Collaborators) -> int:
    cancellation_id = a_planned_cancellation(world)
    world.registries.default.submits = [Unknown("line broke")]
    world.registries.default.lookups = [Ambiguous("two of them")]
    ask(world, cancellation_id)
    assert look_up(world, cancellation_id) is S.MANUAL
    return cancellation_id


def confirm(cancellation_id: int, **changes: Any) -> int:
    facts: dict[str, Any] = {
        "registry_transaction": "IN-12345", "completed_at": NOW, "serials": RANGE, "evidence": EVIDENCE, "now": NOW,
    }  # fmt: skip
    return settlement.propose_confirmed(cancellation_id, an_actor(), **facts | changes)


def test_two_operators_state_that_it_was_done_and_the_certificate_follows(world: Collaborators) -> None:
    cancellation_id = a_stuck_cancellation(world)
    proposal = confirm(cancellation_id)
    with pytest.raises(SamePerson):
        audit.agree(proposal, an_actor(), now=NOW)
    audit.agree(proposal, an_actor("ben@tonne.example"), now=NOW)
    kept = the_cancellation(cancellation_id)
    assert (kept.state, kept.registry_transaction, kept.completed_at) == (S.CONFIRMED, "IN-12345", NOW)
    assert [(b.space, b.first, b.last) for b in kept.blocks] == [("ledger:IN", FIRST, FIRST + UNITS - 1)]
    assert attempts_of(cancellation_id)[-1] == ("stated", "completed")
    run_due(world)
    assert len(certificates_of(kept.order_id or 0)) == 1
    with pytest.raises(CancellationNotStuck):
        confirm(cancellation_id)


def test_two_operators_state_that_it_was_not_done_and_the_money_goes_back(world: Collaborators) -> None:
    cancellation_id = a_stuck_cancellation(world)
    with pytest.raises(ReasonMissing):
        settlement.propose_refused(cancellation_id, an_actor(), evidence=" ", now=NOW)
    proposal = settlement.propose_refused(cancellation_id, an_actor(), evidence=EVIDENCE, now=NOW)
    audit.agree(proposal, an_actor("ben@tonne.example"), now=NOW)
    assert the_cancellation(cancellation_id).state is S.REFUSED
    run_due(world)
    order = the_order(the_cancellation(cancellation_id).order_id or 0)
    assert [refund.amount for refund in refunds_of(order.id)] == [order.total]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"registry_transaction": " "}, "registry_transaction"),
        ({"registry_transaction": "x" * 61}, "registry_transaction"),
        ({"completed_at": NOW + timedelta(seconds=1)}, "completed_at"),
        ({"completed_at": NOW - timedelta(days=2)}, "completed_at"),
        ({"serials": "\x00"}, "serials"),
        ({"serials": "ten units"}, "serials"),
        ({"serials": f"IN-5-{FIRST}-2 IN-5-{FIRST}-2 IN-5-{FIRST}-2"}, "serials"),
        ({"serials": f"IN-5-{FIRST + 9}-2 to IN-5-{FIRST}-2"}, "serials"),
        ({"serials": f"IN-5-{FIRST}-2 to BR-5-{FIRST + 9}-2"}, "serials"),
        ({"serials": f"BR-5-{FIRST}-2 to BR-5-{FIRST + 9}-2"}, "serials"),
        ({"serials": f"IN-5-{FIRST}-2 to IN-5-{FIRST + 8}-2"}, "serials"),
        ({"serials": "IN-5-1-2 to IN-5-10-2"}, "serials"),
    ],
)
def test_what_does_not_add_up_cannot_be_proposed(world: Collaborators, changes: dict[str, Any], field: str) -> None:
    cancellation_id = a_stuck_cancellation(world)
    with pytest.raises(OutcomeUnfit) as refused:
        confirm(cancellation_id, **changes)
    assert refused.value.facts["field"] == field
    assert the_cancellation(cancellation_id).state is S.MANUAL


def test_serial_numbers_that_were_recorded_meanwhile_are_not_recorded_twice(world: Collaborators) -> None:
    stuck = a_stuck_cancellation(world)
    proposal = confirm(stuck)
    order_id = the_cancellation(stuck).order_id
    assert order_id is not None
    another = another_of_the_same_offer(world, order_id)
    assert ask(world, another) is S.CONFIRMED
    with pytest.raises(OutcomeUnfit):
        audit.agree(proposal, an_actor("ben@tonne.example"), now=NOW)
    assert the_cancellation(stuck).state is S.MANUAL


def another_of_the_same_offer(world: Collaborators, order_id: int) -> int:
    offer_id = the_order(order_id).lines[0].offer_id
    return cancellations_of(a_begun_order(world, {offer_id: UNITS}))[0].id


def test_an_unknown_outcome_is_for_people_only_when_it_lasts(world: Collaborators) -> None:
    cancellation_id = a_planned_cancellation(world)
    world.registries.default.submits = [Unknown("line broke")]
    assert ask(world, cancellation_id) is S.UNKNOWN
    with pytest.raises(CancellationNotStuck):
        confirm(cancellation_id)
    pass_time(world, hours=1)
    proposal = confirm(cancellation_id, now=world.clock.now())
    look_up(world, cancellation_id)
    assert the_cancellation(cancellation_id).state is not S.UNKNOWN
    with pytest.raises(NoLongerPossible):
        audit.agree(proposal, an_actor("ben@tonne.example"), now=world.clock.now())


def test_nobody_states_what_became_of_units_of_an_organisation_of_their_own(world: Collaborators) -> None:
    cancellation_id = a_stuck_cancellation(world)
    proposal = confirm(cancellation_id)
    ben = an_actor("ben@tonne.example")
    people.a_participant(people.an_organisation(viewer=ben.person_id or 0))

    with pytest.raises(OwnOrganisation):
        audit.agree(proposal, ben, now=NOW)
    with pytest.raises(OwnOrganisation):
        settlement.propose_refused(cancellation_id, ben, evidence=EVIDENCE, now=NOW)
    assert the_cancellation(cancellation_id).state is S.MANUAL
