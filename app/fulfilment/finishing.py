"""The end of an order: certificates for what was cancelled, and for what was refused the money or other units.

One transaction freezes the facts, gives the numbers, owes the refunds and queues what is to be drawn and mailed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, exists, select

from app.certificates import service as certificates
from app.checkout import facts as certificate_facts
from app.checkout import mails
from app.checkout import service as checkout
from app.checkout.models import Order, OrderLine
from app.checkout.order_queries import proof_times
from app.checkout.states import ORDER, OrderState
from app.config import Settings
from app.db import advance, db, read_ids, transaction, write
from app.fulfilment import sales
from app.kernel import checkpoints
from app.kernel.money import Money
from app.notifications.messages.orders import Proof
from app.offers import service as offers
from app.payments import service as payments
from app.payments.notices import is_unheard_about
from app.registry.doubts import are_units_doubted
from app.registry.models import Cancellation
from app.registry.ports import RefusalCode, Registries
from app.registry.states import CANCELLATION, CancellationState
from app.selling import service as selling

_S = OrderState

# Asked for each order: all cancellations that are not final would be looked for among all that ever were.
_WAITS = exists().where(Cancellation.order_id == Order.id, Cancellation.state.in_(CANCELLATION.unfinished()))
# Somebody may have told us already that the payment is disputed.
_IS_HEARD = ~is_unheard_about(Order.id)
PAID = select(Order.id).where(Order.state == _S.PAID, _IS_HEARD).order_by(Order.id).limit(bindparam("most"))
READY = select(Order.id).where(Order.state == _S.FULFILLING, ~_WAITS).order_by(Order.id).limit(bindparam("most"))
_TO_BEGIN, _TO_FINISH = (each.offset(bindparam("skipped")) for each in (PAID, READY))


_CANCELLATIONS = (
    select(
        *(Cancellation.order_line_id, Cancellation.state, Cancellation.first_sent_at, Cancellation.completed_at),
        *(Cancellation.refusal_code, Cancellation.reference, Cancellation.account, Cancellation.issuance_id),
    )
    .where(Cancellation.order_id == bindparam("order_id"))
    .order_by(Cancellation.id)
)
_LINES = (
    select(
        *(OrderLine.id, OrderLine.provider_id, OrderLine.issuance_id, OrderLine.offer_id, OrderLine.units),
        *(OrderLine.unit_price, OrderLine.amount, OrderLine.seller_share),
    )
    .where(OrderLine.order_id == bindparam("order_id"))
    .order_by(OrderLine.position)
)


def due_to_begin(limit: int, skipped: int) -> list[int]:
    """The paid orders that nobody took to the registry yet, oldest first, without the first ones."""
    return read_ids(_TO_BEGIN, most=limit, skipped=skipped)


def due_to_finish(limit: int, skipped: int) -> list[int]:
    """The orders whose cancellations are all final, oldest first, without the first ones."""
    return read_ids(_TO_FINISH, most=limit, skipped=skipped)


def finish_order(order_id: int, registries: Registries, settings: Settings, now: datetime) -> None:
    """Freeze the facts, give numbers, owe refunds, queue mails and PDFs: one transaction, once."""
    with transaction() as session:
        cancellations = write(_CANCELLATIONS, {"order_id": order_id}).all()
        lines = write(_LINES, {"order_id": order_id}).all()
        confirmed = [c for c in cancellations if c.state is CancellationState.CONFIRMED]
        refused = [c for c in cancellations if c.state is CancellationState.REFUSED]
        planned_lines = {c.order_line_id for c in cancellations}
        whole = len(confirmed) == len(lines)
        to = _S.FULFILLED if whole else _S.PARTLY_FULFILLED if confirmed else _S.REFUSED
        if len(confirmed) + len(refused) != len(planned_lines) or not advance(
            Order, order_id, ORDER, to, at=now, sources=(_S.FULFILLING,), finished_at=now
        ):
            return
        order = session.get_one(Order, order_id)
        drafts = certificate_facts.drafts(order, settings, registries)
        issued = certificates.issue(drafts, order_id=order_id, base_url=settings.public_base_url, now=now)
        if issued:
            summary = [order.reference] if len(issued) > 1 else []
            subjects = [*(certificate.number for certificate in issued), *summary]
            certificates.request_documents(order_id=order_id, subjects=subjects, locale=order.locale, now=now)
            times = proof_times(order, cancellations, issued)
            proof = Proof(
                paid_at=times["paid"], sent_at=times["sent"], cancelled_at=times["cancelled"], certified_at=now
            )
            mails.certificates_ready(order, issued, settings, proof, now)
            cancelled = {cancellation.order_line_id for cancellation in confirmed}
            sales.tell_sellers(order, [line for line in lines if line.id in cancelled], now)
        if refused:
            _give_back(order, refused, settings, now)
    checkpoints.reached("certificate.facts_frozen")


def _give_back(order: Order, refused: Sequence[Row[Any]], settings: Settings, now: datetime) -> None:
    """A refused line is made good alone, and offers of its units are frozen: the registry knows something we do not.

    Unless the refusal says nothing of the units. Above all what one buyer wrote must take no seller's offer off sale:
    a registry that refuses a name would let anybody do that, for a price that comes back.
    """
    given_up = [(db.session.get_one(OrderLine, each.order_line_id), each) for each in refused]
    doubted = [each for each in refused if are_units_doubted(each.refusal_code, each.account, each.issuance_id)]
    if doubted:
        units = {(each.account, each.issuance_id) for each in doubted}
        note = f"registry refused {', '.join(each.reference for each in doubted)}"
        selling.freeze_units(units, note, now, beside=[line.offer_id for line, _cancellation in given_up])
    offers.release_all([line.id for line, _cancellation in given_up], now)
    lines = []
    for line, cancellation in given_up:
        if cancellation.refusal_code == RefusalCode.CLOSED:
            _refund_closed(order, line, settings, now)
        else:
            lines.append(line)
    if lines:
        checkout.make_good(order, lines, settings, now)


def _refund_closed(order: Order, line: OrderLine, settings: Settings, now: datetime) -> None:
    refund = payments.owe_refund(
        payment=payments.get_paid(order.id),
        order_reference=order.reference,
        amount=Money(line.amount, order.currency),
        cause="closed",
        order_line_id=line.id,
        now=now,
    )
    mails.refund_made(order, refund, settings, now)
