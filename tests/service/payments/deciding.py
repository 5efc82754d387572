"""What two operators decide about payments, for tests."""

from __future__ import annotations

from app.audit import service as audit
from app.db import db
from app.fulfilment.process import Collaborators, run_due
from app.payments import refund_decisions
from app.payments.states import RefundState
from tests import people
from tests.builders import refunds_of, the_order


def two_operators() -> tuple[audit.Actor, audit.Actor]:
    """One who proposes and one who agrees."""
    eva, ben = (people.actor_of(people.an_operator(f"{name}@tonne.example")) for name in ("eva", "ben"))
    return eva, ben


def tried_again(world: Collaborators, order_id: int) -> RefundState:
    """Two operators let the gateway be asked again for the refund of an order; gives where it stands then."""
    eva, ben = two_operators()
    proposal = refund_decisions.propose_retry(
        refunds_of(order_id)[0].id, the_order(order_id).reference, eva, reason="It is theirs.", now=world.clock.now()
    )
    audit.agree(proposal, ben, reason="Yes.", now=world.clock.now())
    run_due(world)
    db.session.expire_all()
    return refunds_of(order_id)[0].state
