"""After a restore: learn what was forgotten, compare, and let two operators lift the hold.

flask restore ──> the hold stands, planned cancellations are doubted
                        │
journal ────────> replayed into the embedded ledger                          (replay)
                        │
payments asked about, orders begun, every open cancellation looked up        (registry service)
                        │
statements of all registries compared; what nobody here asked for is a stray (service)
                        │
one operator proposes to lift the hold, another agrees
"""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy import func, select, update

from app.audit.errors import NoLongerPossible
from app.audit.models import Proposal
from app.audit.service import Actor, Subject, on_agreement, propose
from app.checkout.models import Order
from app.checkout.states import UNDERWAY
from app.db import db, end_reading, insert_once, transaction
from app.fulfilment import disputes, process, risk
from app.fulfilment.errors import OrderBegun
from app.fulfilment.process import Collaborators
from app.jobs import hold
from app.jobs.models import RestorationHold
from app.payments.models import Payment, Refund
from app.payments.ports import GatewayFault, GatewayRefusal, GatewayUnavailable
from app.payments.states import PaymentState
from app.reconciliation import service
from app.reconciliation.errors import DeclarationMissing, NoHold, NotCompared
from app.reconciliation.journal import Journal
from app.reconciliation.journalling import CERTIFICATE, COMPLAINT, COUNTERS
from app.reconciliation.models import ReconciliationRun
from app.reconciliation.replay import is_needed, replay
from app.reconciliation.states import RunCause
from app.registry import service as registry_service
from app.registry.models import Cancellation
from app.registry.states import CANCELLATION, CancellationState

log = logging.getLogger(__name__)

LIFT_HOLD = "lift_restoration_hold"
# What an operator declares where the journal is lost, and what counts it.
DECLARED = {"last_number": COUNTERS[CERTIFICATE], "last_complaint": COUNTERS[COMPLAINT]}
# A registry that does not answer is asked again so soon.
AGAIN_AFTER = timedelta(minutes=10)
# Why an order is held: a code, beside those of `app/fulfilment/risk.py`.
WENT_BACK = "money_went_back"
_RESTORE = Actor(None, "restore")


def init_app() -> None:
    """Say what carries out the proposal of this room."""
    on_agreement(LIFT_HOLD, _lift)


def catch_up(world: Collaborators) -> int:
    """What the worker does about a hold that stands: compare until it is compared; gives 1 if it did something."""
    standing, now = hold.find_standing(), world.clock.now()
    if standing is None or standing.compared_at is not None:
        return 0
    last = db.session.scalar(
        select(func.max(ReconciliationRun.started_at)).where(ReconciliationRun.cause == RunCause.RESTORED)
    )
    is_recent = last is not None and standing.restored_at <= last > now - AGAIN_AFTER
    end_reading()
    if is_recent:
        return 0
    compare(world)
    return 1


def compare(world: Collaborators) -> service.Result:
    """Learn from the journal and from every registry what the restored database forgot.

    Raises NoHold, and JournalBroken where the journal cannot be true. The hold stands until operators lift it.
    """
    standing = hold.find_standing()
    if standing is None:
        raise NoHold
    hold_id, restored_at, made_at = standing.id, standing.restored_at, standing.backup_made_at
    end_reading()
    journal = Journal(world.settings.journal_path)
    if is_needed(journal):
        done = replay(journal, world.clock.now())
        log.warning("journal replayed", extra={"facts": vars(done)})
    for step in (process.hear_notices, process.check_payments):
        step(world)
    # Before anything is begun: the backup may have forgotten that a payment is disputed.
    are_disputes_known = disputes.look_for_unheard(world.gateway, world.clock)
    for step in (process.check_disputes, process.begin_orders, process.begin_direct):
        step(world)
    _look_up_all(world, restored_at)
    is_money_known = _look_for_money_that_went_back(world) and are_disputes_known
    result = service.compare_restored(world, made_at)
    if result.unread == 0 and is_money_known:
        with transaction() as session:
            session.execute(
                update(RestorationHold).where(RestorationHold.id == hold_id).values(compared_at=world.clock.now())
            )
    return result


def _look_up_all(world: Collaborators, restored_at: datetime) -> None:
    """Ask for every cancellation without a final answer. What was planned before may have been sent since."""
    rows = db.session.execute(
        select(Cancellation.id, Cancellation.state, Cancellation.created_at)
        .where(Cancellation.state.in_(CANCELLATION.unfinished()))
        .order_by(Cancellation.id)
    ).all()
    end_reading()
    for row in rows:
        if row.state is CancellationState.PLANNED and row.created_at <= restored_at:
            registry_service.doubt_planned(row.id, world.clock)
        elif row.state is CancellationState.SENDING:
            registry_service.doubt(row.id, world.clock)
        registry_service.look_up(row.id, world.registries, world.clock)


def _look_for_money_that_went_back(world: Collaborators) -> bool:
    """Leave orders to people that go on although the gateway gave their money back; False where it could not say.

    A registry that keeps no refusals would be asked for their units once more.
    """
    rows = db.session.execute(
        select(Payment.order_id, Payment.gateway_reference, func.coalesce(func.sum(Refund.amount), 0).label("known"))
        .join(Order, Order.id == Payment.order_id)
        .outerjoin(Refund, Refund.payment_id == Payment.id)
        .where(Payment.state == PaymentState.SUCCEEDED, Payment.drawn_from_id.is_(None), Order.state.in_(UNDERWAY))
        .group_by(Payment.id, Payment.order_id, Payment.gateway_reference)
        .order_by(Payment.id)
    ).all()
    end_reading()
    is_known = True
    for row in rows:
        try:
            status = world.gateway.status(row.gateway_reference)
        except GatewayUnavailable:
            is_known = False
        except (GatewayRefusal, GatewayFault):
            log.exception("nobody can say whether money went back", extra={"facts": {"order": row.order_id}})
        else:
            if status.refunded > row.known:
                _leave_to_people(row.order_id, world.clock.now())
    return is_known


def _leave_to_people(order_id: int, now: datetime) -> None:
    with suppress(OrderBegun):
        risk.hold(order_id, _RESTORE, WENT_BACK, now)
    planned = select(Cancellation.id).where(Cancellation.order_id == order_id).order_by(Cancellation.id)
    for cancellation_id in db.session.scalars(planned).all():
        registry_service.stop(cancellation_id, "money of its order went back, and the backup forgot it", now)


# --- lifting it ------------------------------------------------------------------------------------------


def propose_lift(
    actor: Actor, *, reason: str, last_number: int | None, last_complaint: int | None = None, now: datetime
) -> int:
    """Propose to lift the hold; gives the proposal's id.

    `last_number` is the sequence of the last certificate of this year (UTC) that was ever given, `last_complaint` that
    of the last complaint, by whatever an operator found in mails and papers; they are needed where the journal is
    lost. Raises NoHold, NotCompared, DeclarationMissing, and what `propose` raises.
    """
    standing = hold.find_standing()
    if standing is None:
        raise NoHold
    if standing.compared_at is None or standing.replayed_at is None:
        raise NotCompared
    declared = {"last_number": last_number, "last_complaint": last_complaint}
    for name, number in declared.items():
        given = db.session.scalar(select(DECLARED[name].last).where(DECLARED[name].year == now.year)) or 0
        if not standing.is_journal_kept and (number is None or number < given):
            raise DeclarationMissing(field=name, least=given)
    subject = Subject("restoration_hold", standing.id, f"{standing.backup_made_at:%Y-%m-%d %H:%M} UTC")
    facts = {name: number for name, number in declared.items() if number is not None}
    return propose(actor, LIFT_HOLD, subject, reason=reason, facts=facts and {**facts, "year": now.year}, now=now)


def _lift(proposal: Proposal, now: datetime) -> None:
    """Both operators say so. Several holds that stand are lifted together: each comparison saw all that is open."""
    standing = hold.find_standing()
    if standing is None or standing.id != proposal.subject_id or standing.compared_at is None:
        raise NoLongerPossible
    if not standing.is_journal_kept and DECLARED.keys() - proposal.facts.keys():
        # It stands since before complaints were asked about.
        raise NoLongerPossible
    for name in DECLARED.keys() & proposal.facts.keys():
        counts, year, number = DECLARED[name], int(proposal.facts["year"]), int(proposal.facts[name])
        insert_once(counts, year=year, last=0)
        db.session.execute(update(counts).where(counts.year == year, counts.last < number).values(last=number))
    db.session.execute(update(RestorationHold).where(RestorationHold.lifted_at.is_(None)).values(lifted_at=now))
