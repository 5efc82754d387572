"""Two operators of the shop, who decide what waits for people once a bank has decided about its money."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cached_property, partial

from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from app.audit import service as audit
from app.audit.models import Proposal
from app.checkout.models import Order
from app.checkout.states import OrderState
from app.db import db
from app.fulfilment import risk
from app.kernel.errors import Refusal
from app.payments import disputes, refund_decisions
from app.payments.models import Dispute, Refund
from app.payments.states import DisputeState, RefundState
from tests import people
from tests.chaos.storm.house import House

WHY = "The bank has decided."


class Desk:
    """The operators' desk of a house, in this process."""

    def __init__(self, house: House) -> None:
        self._house = house

    @cached_property
    def _app(self) -> Flask:
        return self._house.app()

    def decide(self) -> int:
        """Decide whatever can be decided; gives how many decisions that were. None while the database is away."""
        if not self._house.books.rows("SELECT id FROM dispute LIMIT 1"):
            return 0
        with self._app.app_context():
            try:
                return self._decide()
            except SQLAlchemyError:
                return 0
            finally:
                db.session.remove()
                db.engine.dispose()

    def _decide(self) -> int:
        eva, ben = (people.actor_of(people.an_operator(f"{name}@tonne.example")) for name in ("eva", "ben"))
        now = self._house.clock.now()
        held = select(Order.id).where(
            Order.state == OrderState.RISK_HOLD, Order.hold_reason == disputes.PAYMENT_DISPUTED
        )
        done = sum(self._about_order(order_id, eva) for order_id in db.session.scalars(held).all())
        failed = select(Refund.id).where(
            Refund.state == RefundState.FAILED, Refund.last_message == disputes.PAYMENT_DISPUTED
        )
        done += sum(self._about_refund(refund_id, eva) for refund_id in db.session.scalars(failed).all())
        # Also what was proposed before the storm was interrupted.
        for proposal_id in db.session.scalars(select(Proposal.id).where(Proposal.state == "proposed")).all():
            done += _is_done(partial(audit.agree, proposal_id, ben, reason=WHY, now=now))
        return done

    def _about_order(self, order_id: int, eva: audit.Actor) -> bool:
        now = self._house.clock.now()
        if not disputes.stand_against_order(order_id):
            return _is_done(partial(risk.let_go, order_id, eva, WHY, now))
        if any(_is_lost(each) for each in disputes.disputes_of(order_id)):
            return _is_done(partial(risk.propose_refusal, order_id, eva, reason=WHY, now=now))
        return False

    def _about_refund(self, refund_id: int, eva: audit.Actor) -> bool:
        """The gateway is asked again where the bank decided for the shop; else the bank has given it to the buyer."""
        now = self._house.clock.now()
        refund = db.session.get_one(Refund, refund_id)
        payment_id = refund.payment_id
        order = db.session.get_one(Order, refund.order_id).reference
        if not disputes.is_refund_forbidden(payment_id, is_retried=False):
            return _is_done(partial(refund_decisions.propose_retry, refund_id, order, eva, reason=WHY, now=now))
        for each in db.session.scalars(select(Dispute).where(Dispute.payment_id == payment_id)).all():
            if _is_lost(each):
                by_bank = partial(refund_decisions.propose_by_hand, refund_id, order, each.gateway_reference, eva)
                return _is_done(partial(by_bank, reason=WHY, now=now))
        return False


def _is_lost(dispute: Dispute) -> bool:
    return dispute.state is DisputeState.LOST and dispute.taken > 0


def _is_done(decision: Callable[[], object]) -> bool:
    """Whether a decision could be made: a worker, or the bank, may have been faster."""
    with suppress(Refusal):
        decision()
        return True
    return False
