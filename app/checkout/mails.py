"""The mails about an order, written in the transaction of their cause."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, select

from app.catalog.models import Issuance, Project
from app.certificates.facts import from_json
from app.certificates.models import Certificate
from app.checkout.models import Beneficiary, Order, OrderLine
from app.checkout.publication import Publication, publication_of
from app.config import Settings
from app.db import db, write
from app.kernel.money import Money
from app.kernel.references import certificate_slug
from app.notifications.messages.facts import Facts
from app.notifications.messages.orders import (
    BoughtLine,
    CertificatesReady,
    Consent,
    OnBehalfOf,
    OrderLate,
    OrderPaid,
    OrderRefused,
    PaymentFailed,
    PaymentProcessing,
    PriceParts,
    Proof,
    ReadyCertificate,
    RefundCause,
    RefundMade,
    RefusedLine,
    RemedyOffered,
    SellerShare,
)
from app.notifications.service import queue_mail
from app.offers.closing import last_order_at
from app.offers.models import Offer
from app.payments.disputes import is_refund_forbidden, stand_against_order
from app.payments.models import Payment, Refund
from app.payments.service import SHORTEST_SESSION
from app.providers.models import Provider
from app.registry.models import RegistryAccount
from app.registry.ports import Registries
from app.registry.promises import longest_of

# Said once: every order is paid.
_PAID = (
    select(
        *(OrderLine.units, OrderLine.unit_price, OrderLine.amount, OrderLine.seller_share, OrderLine.payment_cost),
        *(OrderLine.tax, OrderLine.platform_fee, Project.reference, Project.title, Issuance.unit_type),
        *(Issuance.commitment_period, Issuance.vintage_year, Issuance.authorisation, Provider.legal_name),
        *(Beneficiary.id, Beneficiary.name, Beneficiary.purpose, Beneficiary.intent, Beneficiary.country),
        *(Beneficiary.is_name_public, Order.reference.label("order_reference"), Order.token, Order.locale, Order.email),
        *(Order.currency, Order.total, Order.is_demonstration, Order.consent_version, Order.consent_text),
        *(Order.placed_at, Order.terms_version, RegistryAccount.registry_code),
    )
    .join(Order, Order.id == OrderLine.order_id)
    .join(Project, Project.id == OrderLine.project_id)
    .join(Issuance, Issuance.id == OrderLine.issuance_id)
    .join(Provider, Provider.id == OrderLine.provider_id)
    .join(Beneficiary, Beneficiary.id == OrderLine.beneficiary_id)
    .join(Offer, Offer.id == OrderLine.offer_id)
    .outerjoin(RegistryAccount, RegistryAccount.identifier == Offer.account)
    .where(OrderLine.order_id == bindparam("order_id"))
    .order_by(OrderLine.position)
)


def order_paid(order_id: int, settings: Settings, registries: Registries, now: datetime) -> None:
    """The receipt, with the consent word for word and who gets what to the cent."""
    rows = write(_PAID, {"order_id": order_id}).all()
    order = rows[0]  # each line says the same of its order and of whom it is for
    currency = order.currency
    sellers: dict[str, int] = {}
    for row in rows:
        sellers[row.legal_name] = sellers.get(row.legal_name, 0) + row.seller_share
    facts = OrderPaid(
        reference=order.order_reference,
        order_url=order_url(order, settings),
        is_demonstration=order.is_demonstration,
        lines=tuple(
            BoughtLine(
                project_reference=row.reference,
                project_title=row.title,
                unit_type=row.unit_type,
                commitment_period=row.commitment_period,
                vintage_year=row.vintage_year,
                authorisation=row.authorisation or "",
                units=row.units,
                unit_price=Money(row.unit_price, currency),
                amount=Money(row.amount, currency),
                provider_name=row.legal_name,
            )
            for row in rows
        ),
        total=Money(order.total, currency),
        parts=PriceParts(
            sellers=tuple(SellerShare(provider_name=name, amount=Money(m, currency)) for name, m in sellers.items()),
            payment_cost=Money(sum(row.payment_cost for row in rows), currency),
            tax=Money(sum(row.tax for row in rows), currency),
            platform_fee=Money(sum(row.platform_fee for row in rows), currency),
        ),
        beneficiary=OnBehalfOf(
            name=order.name,
            purpose=order.purpose,
            intent=order.intent,
            country=order.country,
            is_name_public=order.is_name_public,
            is_held_back=publication_of(order) is Publication.HELD_BACK,
        ),
        consent=Consent(
            version=order.consent_version,
            text=order.consent_text,
            given_at=order.placed_at,
            terms_version=order.terms_version or "",
            terms_url=terms_url(order, settings) if order.terms_version else "",
        ),
        proof=Proof(paid_at=now),
        promise_minutes=int(longest_of([row.registry_code for row in rows], registries).total_seconds() // 60),
    )
    key = f"order_paid:{order.order_reference}"
    queue_mail(key=key, recipient=order.email, locale=order.locale, facts=facts, order_id=order_id, now=now)


def payment_processing(order: Order, payment: Payment, settings: Settings, now: datetime) -> None:
    """The buyer did their part; the bank takes its time, and the units are held."""
    facts = PaymentProcessing(
        reference=order.reference,
        order_url=order_url(order, settings),
        is_demonstration=order.is_demonstration,
        total=order.money,
        held_until=min(filter(None, (order.expires_at, last_order_at([line.offer_id for line in order.lines])))),
    )
    _queue(order, f"payment_processing:{order.reference}:{payment.attempt}", facts, now)


def payment_failed(order: Order, payment: Payment, settings: Settings, now: datetime) -> None:
    """The bank refused in the end; the units are held long enough to pay in another way, or cannot be paid any more."""
    facts = PaymentFailed(
        reference=order.reference,
        order_url=order_url(order, settings),
        is_demonstration=order.is_demonstration,
        total=order.money,
        pay_until=order.expires_at,
        can_pay=order.expires_at > now + SHORTEST_SESSION,
    )
    _queue(order, f"payment_failed:{order.reference}:{payment.attempt}", facts, now)


def certificates_ready(
    order: Order, certificates: Sequence[Certificate], settings: Settings, proof: Proof, now: datetime
) -> None:
    """The proof, with a link to each certificate."""
    page = order_url(order, settings)
    ready = []
    for certificate in certificates:
        stated = from_json(certificate.facts)
        slug = certificate_slug(certificate.number)
        ready.append(
            ReadyCertificate(
                number=certificate.number,
                project_reference=stated.project_reference,
                project_title=stated.project_title,
                unit_type=stated.unit_type,
                units=stated.units,
                verify_url=f"{settings.public_base_url}/{order.locale}/verify/{slug}",
                download_url=f"{page}/certificates/{slug}.pdf",
            )
        )
    facts = CertificatesReady(
        reference=order.reference,
        order_url=page,
        is_demonstration=order.is_demonstration,
        certificates=tuple(ready),
        summary_url=f"{page}/summary.pdf" if len(ready) > 1 else None,
        proof=proof,
    )
    _queue(order, f"certificates_ready:{order.reference}", facts, now)


def order_refused(
    order: Order,
    refused: Sequence[OrderLine],
    settings: Settings,
    now: datetime,
    *,
    is_disputed: bool = False,
    is_by_registry: bool = True,
) -> None:
    """Some lines were refused, or all; their money goes back, unless a bank is asked for it (`is_disputed`).

    Not `is_by_registry`: by us, and it is disputed.
    """
    facts = OrderRefused(
        reference=order.reference,
        order_url=order_url(order, settings),
        is_demonstration=order.is_demonstration,
        is_whole=len(refused) == len(order.lines),
        lines=_refused_lines(order, refused),
        refund=Money(sum(line.amount for line in refused), order.currency),
        is_disputed=is_disputed,
        is_by_registry=is_by_registry,
    )
    _queue(order, f"order_refused:{order.reference}", facts, now)


def remedy_offered(
    order: Order, refused: Sequence[OrderLine], decide_by: datetime, settings: Settings, now: datetime
) -> None:
    """Some lines were certainly not cancelled: the buyer may choose between the money and other units."""
    facts = RemedyOffered(
        reference=order.reference,
        order_url=order_url(order, settings),
        is_demonstration=order.is_demonstration,
        lines=_refused_lines(order, refused),
        decide_by=decide_by,
    )
    _queue(order, f"remedy_offered:{order.reference}", facts, now)


def _refused_lines(order: Order, refused: Sequence[OrderLine]) -> tuple[RefusedLine, ...]:
    rows = db.session.execute(
        select(OrderLine, Project, Issuance)
        .join(Project, Project.id == OrderLine.project_id)
        .join(Issuance, Issuance.id == OrderLine.issuance_id)
        .where(OrderLine.id.in_([line.id for line in refused]))
        .order_by(OrderLine.position)
    ).all()
    return tuple(
        RefusedLine(
            project_reference=project.reference,
            project_title=project.title,
            unit_type=issuance.unit_type,
            units=line.units,
            amount=Money(line.amount, order.currency),
        )
        for line, project, issuance in rows
    )


def refund_made(order: Order, refund: Refund, settings: Settings, now: datetime, *, is_retried: bool = False) -> None:
    """Money goes back for a reason that no other mail tells; none while people decide, because it is disputed.

    `is_retried`: they did.
    """
    if is_refund_forbidden(refund.payment_id, is_retried=is_retried):
        return
    title = None
    if refund.order_line_id is not None:
        title = db.session.scalar(
            select(Project.title)
            .join(OrderLine, OrderLine.project_id == Project.id)
            .where(OrderLine.id == refund.order_line_id)
        )
    facts = RefundMade(
        reference=order.reference,
        order_url=order_url(order, settings),
        is_demonstration=order.is_demonstration,
        amount=refund.money,
        cause=RefundCause(refund.cause),
        project_title=title,
    )
    _queue(order, f"refund_made:{refund.key}", facts, now)


def order_late(order: Order, settings: Settings, promise: timedelta, now: datetime) -> None:
    """The promised time is over; the buyer hears it from us first."""
    facts = OrderLate(
        reference=order.reference,
        order_url=order_url(order, settings),
        is_demonstration=order.is_demonstration,
        promise_minutes=int(promise.total_seconds() // 60),
        proof=Proof(paid_at=order.paid_at),
        is_disputed=stand_against_order(order.id),
    )
    _queue(order, f"order_late:{order.reference}", facts, now)


def order_url(order: Order | Row[Any], settings: Settings) -> str:
    """The order's page, in the order's language, behind its unguessable token."""
    return f"{settings.public_base_url}/{order.locale}/orders/{order.token}"


def terms_url(order: Order | Row[Any], settings: Settings) -> str:
    """The version of the terms of sale that an order was placed under, in the order's language."""
    return f"{settings.public_base_url}/{order.locale}/legal/terms?version={order.terms_version}"


def _queue(order: Order, key: str, facts: Facts, now: datetime) -> None:
    queue_mail(key=key, recipient=order.email, locale=order.locale, facts=facts, order_id=order.id, now=now)
