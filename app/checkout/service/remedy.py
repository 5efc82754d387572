"""Instead of units that were paid and certainly not cancelled: the money, or other units for it.

A remedy is offered only after the registry refused, or after it was proven that nothing happened and nothing
will: whoever still waits for an answer holds the units. The buyer decides within `TIME_TO_DECIDE`; who says
nothing gets the money. Other units are bought with the money that is here already: an order of its own, paid
by what it draws from the first payment, and what they cost less goes back.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select

from app.catalog.models import Issuance
from app.checkout import mails
from app.checkout.errors import NotLate, RemedyDecided, SubstituteUnfit
from app.checkout.models import Beneficiary, Order, OrderLine, Remedy
from app.checkout.remedies import find_substitute, substitutes
from app.checkout.service.rows import Bought, add_beneficiary, add_lines, add_order
from app.checkout.states import ORDER, REMEDY, OrderState, RemedyState
from app.config import Settings
from app.db import advance, db, end_reading, read_ids, record, transaction
from app.kernel.money import Money
from app.offers import service as offers
from app.payments import disputes
from app.payments import service as payments
from app.payments.models import Payment, Refund
from app.payments.split import split
from app.registry import service as registry
from app.registry.ports import Registries

TIME_TO_DECIDE = timedelta(days=3)

_S = RemedyState

# Said once: the worker asks in every round.
UNDECIDED = (
    select(Remedy.id)
    .where(Remedy.state == _S.OFFERED, Remedy.decide_by <= bindparam("now"))
    .order_by(Remedy.decide_by, Remedy.id)
    .limit(bindparam("most"))
)


def make_good(order: Order, lines: Sequence[OrderLine], settings: Settings, now: datetime) -> None:
    """Offer remedies for paid lines that were not cancelled, or owe their money; inside the caller's transaction.

    The money goes back at once where nothing else of that price is on sale, and where the units were
    themselves a substitute. While a bank has the money, or is asked for it, nobody can promise either: it
    is owed, and people decide.
    """
    payment = payments.get_paid(order.id)
    is_disputed = disputes.stand_against(payment)
    offered, owed = [], []
    for line in lines:
        if payment.drawn_from_id is None and not is_disputed and substitutes(line, now):
            offered.append(line)
        else:
            owed.append(line)
    for line in offered:
        remedy = Remedy(
            order_line_id=line.id,
            order_id=order.id,
            state=_S.OFFERED,
            offered_at=now,
            decide_by=now + TIME_TO_DECIDE,
        )
        db.session.add(remedy)
        db.session.flush()
        record(REMEDY.machine, remedy.id, None, _S.OFFERED, at=now)
    for line in owed:
        _owe(payment, order, line, line.amount, "refused", now)
    if owed:
        mails.order_refused(order, owed, settings, now, is_disputed=is_disputed)
    if offered:
        mails.remedy_offered(order, offered, now + TIME_TO_DECIDE, settings, now)


def take_money(remedy_id: int, settings: Settings, now: datetime) -> None:
    """The buyer wants the money. Raises RemedyDecided."""
    with transaction():
        remedy = _locked(remedy_id)
        _decide(remedy, _S.REFUNDED, now, by="buyer")
        _give_money(remedy, settings, now)


def take_units(
    remedy_id: int,
    offer_id: int,
    shown_price: int,
    *,
    consent_version: str,
    consent_text: str,
    terms_version: str,
    registries: Registries,
    settings: Settings,
    now: datetime,
) -> int:
    """The buyer wants units of this offer instead, at the price that was shown (minor units); gives the new order's id.

    Raises RemedyDecided, SubstituteUnfit where the offer costs more than what was paid or another price than was
    shown, and UnitsUnavailable, PriceChanged, BelowMinimum or OrdersClosed; then nothing has changed.
    """
    with transaction() as session:
        remedy = _locked(remedy_id)
        line = session.get_one(OrderLine, remedy.order_line_id)
        offer = find_substitute(line, offer_id, now)
        if offer is None or offer.price_for(line.units).minor != shown_price:
            raise SubstituteUnfit(offer_id=offer_id)
        first = session.get_one(Order, remedy.order_id)
        project_id = session.get_one(Issuance, offer.issuance_id).project_id
        instead = Bought(offer, project_id, line.units, shown_price)
        order_id = _second_order(first, instead.amount, consent_version, consent_text, terms_version, now)
        line_id = _line(order_id, line, instead, settings)
        offers.reserve([offers.Wanted(offer.id, line_id, line.units, offer.price_version)], now)
        offers.settle([line_id], now)
        _decide(remedy, _S.SUBSTITUTED, now, substitute_order_id=order_id)
        payment = payments.get_paid(first.id)
        order = session.get_one(Order, order_id)
        payments.draw(payment, order_id=order_id, order_reference=order.reference, amount=order.money, now=now)
        if disputes.stand_against(payment):
            order.hold_reason = disputes.PAYMENT_DISPUTED
        advance(Order, order_id, ORDER, OrderState.PAID, at=now, sources=(OrderState.PLACED,), paid_at=now)
        if line.amount > instead.amount:
            refund = _owe(payment, first, line, line.amount - instead.amount, "substituted", now)
            mails.refund_made(first, refund, settings, now)
        mails.order_paid(order_id, settings, registries, now)
        return order_id


def token_of(order_id: int) -> str:
    """The token that opens the page of an order."""
    token = db.session.get_one(Order, order_id).token
    end_reading()
    return token


def due_remedies(now: datetime, limit: int = 100) -> list[int]:
    """Ids of remedies that nobody chose in time."""
    return read_ids(UNDECIDED, now=now, most=limit)


def lapse(remedy_id: int, settings: Settings, now: datetime) -> bool:
    """Nobody chose in time: the money goes back. False if somebody just did."""
    with transaction():
        remedy = _locked(remedy_id)
        try:
            _decide(remedy, _S.REFUNDED, now, by="time")
        except RemedyDecided:
            return False
        _give_money(remedy, settings, now)
    return True


def _locked(remedy_id: int) -> Remedy:
    """A remedy with its order locked: whoever decides about the money of an order takes the order first."""
    remedy = db.session.get_one(Remedy, remedy_id)
    db.session.get_one(Order, remedy.order_id, with_for_update=True)
    return remedy


def _decide(
    remedy: Remedy, to: RemedyState, now: datetime, *, by: str = "buyer", substitute_order_id: int | None = None
) -> None:
    decided = advance(
        Remedy,
        remedy.id,
        REMEDY,
        to,
        at=now,
        sources=(_S.OFFERED,),
        facts={"by": by},
        substitute_order_id=substitute_order_id,
    )
    if not decided:
        raise RemedyDecided


def _give_money(remedy: Remedy, settings: Settings, now: datetime) -> None:
    order = db.session.get_one(Order, remedy.order_id)
    line = db.session.get_one(OrderLine, remedy.order_line_id)
    refund = _owe(payments.get_paid(order.id), order, line, line.amount, "refused", now)
    mails.refund_made(order, refund, settings, now)


def _owe(payment: Payment, order: Order, line: OrderLine, amount: int, cause: str, now: datetime) -> Refund:
    return payments.owe_refund(
        payment=payment,
        order_reference=order.reference,
        amount=Money(amount, order.currency),
        cause=cause,
        order_line_id=line.id,
        now=now,
    )


def _second_order(
    first: Order, total: int, consent_version: str, consent_text: str, terms_version: str, now: datetime
) -> int:
    order_id, _reference = add_order(
        now,
        {"instead_of": first.reference},
        basket_id=None,
        locale=first.locale,
        person_id=first.person_id,
        email=first.email,
        currency=first.currency,
        total=total,
        is_demonstration=first.is_demonstration,
        consent_version=consent_version,
        consent_text=consent_text,
        terms_version=terms_version,
    )
    return order_id


def _line(order_id: int, instead_of: OrderLine, bought: Bought, settings: Settings) -> int:
    said = db.session.get_one(Beneficiary, instead_of.beneficiary_id)
    beneficiary_id = add_beneficiary(
        order_id,
        name=said.name,
        purpose=said.purpose,
        intent=said.intent,
        country=said.country,
        is_name_public=said.is_name_public,
    )
    (line_id,) = add_lines(order_id, beneficiary_id, [bought], split([bought.amount], settings))
    return line_id


def take_back(order_id: int, registries: Registries, now: datetime) -> None:
    """The buyer waited longer than promised and wants the money or other units rather than go on waiting.

    Only what the registry gives up, or never had, is made good: until that is proven nothing changes.
    Raises NotLate.
    """
    with transaction():
        if registry.want_back(order_id, registries, now) == 0:
            raise NotLate
