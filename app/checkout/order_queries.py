"""What the order page shows. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, exists, func, select

from app.catalog.models import Issuance, Project
from app.certificates.models import Certificate
from app.certificates.ports import SerialRange
from app.certificates.proof import Step, line_of_proof
from app.checkout.models import Basket, Beneficiary, Order, OrderLine, Remedy
from app.checkout.pricing import Breakdown, breakdown
from app.checkout.publication import Publication, publication_of
from app.checkout.states import ORDER, UNPAID, WITHDRAWN, OrderState
from app.current import now
from app.db import StateEvent, db, write
from app.kernel.money import Money
from app.kernel.references import certificate_slug
from app.offers import closing
from app.offers.models import Offer
from app.payments import disputes
from app.payments.models import Payment, Refund
from app.payments.service import SHORTEST_SESSION
from app.payments.split import Share
from app.payments.states import PaymentState, RefundState
from app.providers.models import Provider
from app.registry.models import Cancellation, RegistryAccount
from app.registry.ports import Registries
from app.registry.promises import longest_of
from app.registry.states import CANCELLATION, CancellationState


@dataclass(frozen=True)
class OrderLineView:
    """What became of one line."""

    project_reference: str
    project_title: str
    provider_name: str
    unit_type: str
    commitment_period: int | None
    vintage_year: int | None
    authorisation: str
    monitoring_starts_on: date
    monitoring_ends_on: date
    units: int
    unit_price: Money
    amount: Money
    state: CancellationState | None
    registry_transaction: str | None
    ranges: tuple[SerialRange, ...]
    completed_at: datetime | None
    refusal: str | None
    share: Share

    @property
    def breakdown(self) -> Breakdown:
        """Who gets what of this line."""
        return breakdown([(self.provider_name, self.share)], self.amount.currency)


@dataclass(frozen=True)
class CertificateLink:
    """A certificate to download or to check."""

    number: str
    slug: str
    verification_code: str
    project_reference: str
    project_title: str
    units: int
    unit_type: str
    issued_at: datetime


@dataclass(frozen=True)
class RefundView:
    """Money on its way back."""

    amount: Money
    cause: str
    state: RefundState
    at: datetime
    project_title: str | None


@dataclass(frozen=True)
class OrderView:
    """Everything the order page says."""

    id: int
    reference: str
    token: str
    locale: str
    state: OrderState
    email: str
    placed_at: datetime
    expires_at: datetime
    total: Money
    breakdown: Breakdown
    lines: tuple[OrderLineView, ...]
    steps: tuple[Step, ...]
    certificates: tuple[CertificateLink, ...]
    refunds: tuple[RefundView, ...]
    can_pay: bool  # on a new payment page; one that is open already may be paid until its last second
    is_final: bool
    is_demonstration: bool
    withdrawn_at: datetime | None
    beneficiary: Row[Any]
    publication: Publication
    promise: timedelta
    pending_reason: str
    has_remedies: bool
    is_disputed: bool  # a bank has its money, or is asked for it: none is given back by us, and no choice is offered
    consent_text: str
    consent_version: str
    terms_version: str | None

    @property
    def is_unpaid(self) -> bool:
        """Whether no money has arrived: withdrawing ends the order at once."""
        return self.state in UNPAID

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to withdraw from: it is carried out, or it has ended."""
        return self.state in FINISHED or self.state is OrderState.EXPIRED


FINISHED = frozenset({OrderState.FULFILLED, OrderState.PARTLY_FULFILLED, OrderState.REFUSED})


# Said once: whoever waits for certificates looks at the page again and again.
_ORDER = select(Order).where(Order.token == bindparam("token"))
_REGISTRIES = (
    select(RegistryAccount.registry_code)
    .select_from(OrderLine)
    .join(Offer, Offer.id == OrderLine.offer_id)
    .outerjoin(RegistryAccount, RegistryAccount.identifier == Offer.account)
    .where(OrderLine.order_id == bindparam("order_id"))
)
_LINES = (
    select(
        *(Cancellation, OrderLine.project_id, OrderLine.units, OrderLine.unit_price, OrderLine.amount),
        *(OrderLine.seller_share, OrderLine.payment_cost, OrderLine.tax, OrderLine.platform_fee),
        *(Project.reference, Project.title, Provider.legal_name),
        *(Issuance.unit_type, Issuance.commitment_period, Issuance.vintage_year, Issuance.authorisation),
        *(Issuance.monitoring_starts_on, Issuance.monitoring_ends_on),
    )
    .join(Issuance, Issuance.id == OrderLine.issuance_id)
    .join(Project, Project.id == OrderLine.project_id)
    .join(Provider, Provider.id == OrderLine.provider_id)
    .outerjoin(Cancellation, Cancellation.order_line_id == OrderLine.id)
    .where(OrderLine.order_id == bindparam("order_id"))
    .order_by(OrderLine.position)
)
_NEWEST_PAYMENT = (
    select(func.max(Payment.id))
    .select_from(Order)
    .outerjoin(Payment, Payment.order_id == Order.id)
    .where(Order.token == bindparam("token"))
    .group_by(Order.id)
)
# Its money is on the way.
IS_PROCESSING = exists().where(Payment.order_id == Order.id, Payment.state == PaymentState.PROCESSING)
# An order has one, and with it is asked what else there is to be asked for: of a new one, nothing.
_BENEFICIARY = (
    select(
        *(Beneficiary.id, Beneficiary.name, Beneficiary.purpose, Beneficiary.intent, Beneficiary.country),
        Beneficiary.is_name_public,
        IS_PROCESSING.label("is_processing"),
        exists().where(Certificate.order_id == Order.id).label("is_certified"),
        exists().where(Refund.order_id == Order.id).label("is_refunded"),
        exists().where(Remedy.order_id == Order.id).label("has_remedies"),
        disputes.stands_against(Order.id).label("is_disputed"),
    )
    .join(Order, Order.id == Beneficiary.order_id)
    .where(Order.id == bindparam("order_id"))
    .limit(1)
)
_CERTIFICATES = (
    select(Certificate, Project.reference, Project.title)
    .join(Project, Project.id == Certificate.project_id)
    .where(Certificate.order_id == bindparam("order_id"))
    .order_by(Certificate.id)
)
_REFUNDS = (
    select(Refund, Project.title)
    .outerjoin(OrderLine, OrderLine.id == Refund.order_line_id)
    .outerjoin(Project, Project.id == OrderLine.project_id)
    .where(Refund.order_id == bindparam("order_id"))
    .order_by(Refund.id)
)


def find_order(token: str) -> Order | None:
    """The order behind an unguessable link."""
    return db.session.scalar(_ORDER, {"token": token})


def newest_order_of(basket_token: str) -> str:
    """What opens the last order that was placed from a basket. Raises NoResultFound before the first one."""
    placed = select(Order.token).join(Basket, Basket.id == Order.basket_id).where(Basket.token == basket_token)
    return db.session.scalars(placed.order_by(Order.id.desc()).limit(1)).one()


def newest_payment_of(token: str) -> int | None:
    """The id of an order's last payment attempt; None before the first one. Raises NoResultFound for no order."""
    payment_id: int | None = write(_NEWEST_PAYMENT, {"token": token}).scalar_one()
    return payment_id


def withdrawn_at(order: Order) -> datetime | None:
    """When the buyer withdrew from an order that was not paid (UTC); None for any other order."""
    if order.state is not OrderState.EXPIRED:
        return None
    last = db.session.scalars(
        select(StateEvent)
        .where(
            StateEvent.machine == ORDER.machine,
            StateEvent.subject_id == order.id,
            StateEvent.to_state == OrderState.EXPIRED.value,
        )
        .order_by(StateEvent.id.desc())
        .limit(1)
    ).first()
    return last.at if last is not None and last.facts.get("reason") == WITHDRAWN else None


def promise_of(order_id: int, registries: Registries) -> timedelta:
    """How soon the registries of an order's units are expected to have cancelled all of them."""
    return longest_of(write(_REGISTRIES, {"order_id": order_id}).scalars(), registries)


def order_view(order: Order, *, promise: timedelta) -> OrderView:
    """The order page's content; `promise` is how soon the registries of its units are expected to answer."""
    rows = db.session.execute(_LINES, {"order_id": order.id}).all()
    cancellations = [row.Cancellation for row in rows if row.Cancellation is not None]
    beneficiary = write(_BENEFICIARY, {"order_id": order.id}).one()
    is_processing = beneficiary.is_processing
    certificates = db.session.execute(_CERTIFICATES, {"order_id": order.id}).all() if beneficiary.is_certified else []
    refunds = _refunds(order) if beneficiary.is_refunded else ()
    certified = {
        certificate.id: sum(
            row.units
            for row in rows
            if row.project_id == certificate.project_id
            and row.Cancellation is not None
            and row.Cancellation.state is CancellationState.CONFIRMED
            and row.Cancellation.registry_code == certificate.registry_code
        )
        for certificate, *_project in certificates
    }
    unit_types = {row.project_id: row.unit_type for row in rows}
    pending_reason = _pending_reason(order, cancellations, is_processing=is_processing)
    times = proof_times(order, cancellations, [certificate for certificate, *_project in certificates])
    return OrderView(
        id=order.id,
        reference=order.reference,
        token=order.token,
        locale=order.locale,
        state=order.state,
        email=order.email,
        placed_at=order.placed_at,
        expires_at=order.expires_at,
        total=order.money,
        breakdown=breakdown([(row.legal_name, _share(row)) for row in rows], order.currency),
        lines=tuple(_line_view(row, order.currency) for row in rows),
        steps=line_of_proof(
            times,
            failed=order.state in {OrderState.REFUSED, OrderState.EXPIRED},
            # Nothing is on its way while a person looks at it, nor from the bank that said no.
            stands=order.state is OrderState.RISK_HOLD or pending_reason == "bank_refused",
        ),
        certificates=tuple(
            CertificateLink(
                number=certificate.number,
                slug=certificate_slug(certificate.number),
                verification_code=certificate.verification_code,
                project_reference=reference,
                project_title=title,
                units=certified[certificate.id],
                unit_type=unit_types[certificate.project_id],
                issued_at=certificate.issued_at,
            )
            for certificate, reference, title in certificates
        ),
        refunds=refunds,
        can_pay=order.state in UNPAID and not is_processing and _has_time_to_pay(order),
        is_final=order.state in FINISHED and all(r.state is not RefundState.DUE for r in refunds),
        is_demonstration=order.is_demonstration,
        withdrawn_at=withdrawn_at(order),
        beneficiary=beneficiary,
        publication=publication_of(beneficiary),
        promise=promise,
        pending_reason=pending_reason,
        has_remedies=beneficiary.has_remedies,
        is_disputed=beneficiary.is_disputed,
        consent_text=order.consent_text,
        consent_version=order.consent_version,
        terms_version=order.terms_version,
    )


def _line_view(row: Row[*tuple[Any, ...]], currency: str) -> OrderLineView:
    cancellation: Cancellation | None = row.Cancellation
    return OrderLineView(
        project_reference=row.reference,
        project_title=row.title,
        provider_name=row.legal_name,
        unit_type=row.unit_type,
        commitment_period=row.commitment_period,
        vintage_year=row.vintage_year,
        authorisation=row.authorisation or "",
        monitoring_starts_on=row.monitoring_starts_on,
        monitoring_ends_on=row.monitoring_ends_on,
        units=row.units,
        unit_price=Money(row.unit_price, currency),
        amount=Money(row.amount, currency),
        state=cancellation.state if cancellation else None,
        registry_transaction=cancellation.registry_transaction if cancellation else None,
        ranges=tuple(
            SerialRange(block.text_first, block.text_last, block.last - block.first + 1)
            for block in (cancellation.blocks if cancellation else ())
        ),
        completed_at=cancellation.completed_at if cancellation else None,
        refusal=cancellation.refusal_code if cancellation else None,
        share=_share(row),
    )


def _share(line: Row[*tuple[Any, ...]]) -> Share:
    return Share(line.amount, line.seller_share, line.payment_cost, line.tax, line.platform_fee)


def _refunds(order: Order) -> tuple[RefundView, ...]:
    rows = db.session.execute(_REFUNDS, {"order_id": order.id}).all()
    return tuple(RefundView(r.money, r.cause, r.state, r.created_at, title) for r, title in rows)


def proof_times(
    order: Order, cancellations: Sequence[Cancellation | Row[Any]], certificates: list[Certificate]
) -> dict[str, datetime | None]:
    """When each station of the line of proof was reached, for the order as a whole (UTC)."""
    confirmed = [c.completed_at for c in cancellations if c.state is CancellationState.CONFIRMED and c.completed_at]
    all_final = bool(cancellations) and all(CANCELLATION.is_final(c.state) for c in cancellations)
    sent = [c.first_sent_at for c in cancellations if c.first_sent_at]
    return {
        "paid": order.paid_at,
        "sent": min(sent) if sent else None,
        "cancelled": max(confirmed) if all_final and confirmed else None,
        "certified": max(c.issued_at for c in certificates) if certificates else None,
    }


def _pending_reason(order: Order, cancellations: list[Cancellation], *, is_processing: bool) -> str:
    """Which wait the page explains: bank, bank_refused, registry, registry_unclear, review, payment or nothing."""
    if order.state is OrderState.PAYMENT_REVIEW:
        return "review"
    if is_processing:
        return "bank"
    if order.state in UNPAID:
        return "bank_refused" if _was_refused(order) else "payment"
    if any(c.state in {CancellationState.UNKNOWN, CancellationState.MANUAL} for c in cancellations):
        return "registry_unclear"
    if order.state in {OrderState.PAID, OrderState.FULFILLING}:
        return "registry"
    return ""


def _has_time_to_pay(order: Order) -> bool:
    """Whether a payment page could still be opened before the last order of its units (`require_time_to_pay`)."""
    last = closing.last_order_at([line.offer_id for line in order.lines])
    return last is None or last > now() + SHORTEST_SESSION


def _was_refused(order: Order) -> bool:
    """Whether the last payment page of an order ended in a refusal by the bank."""
    last = db.session.scalar(select(Payment).where(Payment.order_id == order.id).order_by(Payment.id.desc()).limit(1))
    return last is not None and last.state is PaymentState.FAILED and last.gateway_reference is not None
