"""The facts of certificates, before the payment as a preview and after it as the real thing.

Both are made by the same function, so what the buyer sees before paying is what will be issued.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import Row, bindparam, select
from sqlalchemy.orm import selectinload

from app.catalog.models import Issuance, Project, ProjectParty
from app.certificates.facts import SCHEMA, from_json
from app.certificates.models import Certificate
from app.certificates.ports import CertificateDraft, CertificateFacts, SerialRange, SummaryFacts, TransactionFacts
from app.checkout.models import Basket, BasketLine, Beneficiary, Order, OrderLine
from app.config import Settings
from app.db import db, write
from app.offers.models import Offer
from app.providers.models import Provider
from app.registry.models import Cancellation, RegistryAccount
from app.registry.ports import Registries, RegistryAdapter
from app.registry.states import CancellationState


@dataclass(frozen=True)
class Subject:
    """Who gets the certificate and what for, as typed or as ordered."""

    name: str
    purpose: str
    intent: str
    country: str
    purpose_category: str = ""  # of a direct cancellation only, and so is the scheme
    scheme_name: str = ""


@dataclass(frozen=True)
class Times:
    """The line of proof up to the issue of the certificate; None for what has not happened."""

    placed_at: datetime
    paid_at: datetime | None = None
    sent_at: datetime | None = None
    cancelled_at: datetime | None = None


@dataclass(frozen=True)
class NamedRegistry:
    """What a certificate says of a registry that this copy is not connected to any more."""

    display_name: str
    is_registry_of_record: bool


@dataclass(frozen=True, slots=True)
class ProjectRead:
    """What a certificate says of a project, as it was read for a preview."""

    mechanism_code: str
    reference: str
    title: str
    kind: str
    project_type: str
    page_url: str
    methodologies: str
    host_parties: tuple[str, ...]


# A row for each host Party of each line.
_IN_BASKET = (
    select(
        *(Project.mechanism_code, Project.reference, Project.title, Project.kind, Project.project_type),
        *(Project.page_url, Project.methodologies, BasketLine.id, BasketLine.units, Issuance.project_id),
        *(Issuance.unit_type, Issuance.commitment_period, Issuance.vintage_year, Issuance.authorisation),
        *(Issuance.monitoring_starts_on, Issuance.monitoring_ends_on, Provider.legal_name),
        *(RegistryAccount.registry_code, ProjectParty.country),
    )
    .join(Basket, Basket.id == BasketLine.basket_id)
    .join(Offer, Offer.id == BasketLine.offer_id)
    .join(Issuance, Issuance.id == Offer.issuance_id)
    .join(Project, Project.id == Issuance.project_id)
    .join(Provider, Provider.id == Offer.provider_id)
    .outerjoin(ProjectParty, ProjectParty.project_id == Project.id)
    .outerjoin(RegistryAccount, RegistryAccount.identifier == Offer.account)
    .where(Basket.token == bindparam("token"))
    .order_by(BasketLine.id, ProjectParty.position)
)
_EARNED = (
    select(OrderLine.units, Issuance, Project, Provider.legal_name, Beneficiary, Cancellation)
    .join(Issuance, Issuance.id == OrderLine.issuance_id)
    .join(Project, Project.id == OrderLine.project_id)
    .join(Provider, Provider.id == OrderLine.provider_id)
    .join(Beneficiary, Beneficiary.id == OrderLine.beneficiary_id)
    .join(Cancellation, Cancellation.order_line_id == OrderLine.id)
    .where(OrderLine.order_id == bindparam("order_id"), Cancellation.state == CancellationState.CONFIRMED)
    .order_by(OrderLine.position)
    .options(selectinload(Cancellation.blocks))
)


_ORDERED = (
    select(Order.reference, Order.is_demonstration, OrderLine.units)
    .join(OrderLine, OrderLine.order_id == Order.id)
    .where(Order.id == bindparam("order_id"))
)
_CERTIFIED = (
    select(Certificate.facts, Certificate.issued_at)
    .where(Certificate.order_id == bindparam("order_id"))
    .order_by(Certificate.id)
)


_OF_REGISTRY = (
    select(Certificate.facts)
    .where(Certificate.registry_code == bindparam("code"))
    .order_by(Certificate.id.desc())
    .limit(1)
)


def registry_of(code: str, registries: Registries) -> RegistryAdapter | NamedRegistry:
    """The registry that units were cancelled in, also where it was taken out of the settings since.

    It is called then what the last certificate of it called it. Raises UnknownRegistry where there is none.
    """
    if not registries.has(code):
        text = db.session.scalar(_OF_REGISTRY, {"code": code})
        if text is not None:
            stated = from_json(text)
            return NamedRegistry(stated.registry_name, stated.registry_of_record)
    return registries.of(code)


def preview(
    token: str, details: Mapping[str, Any], settings: Settings, registries: Registries, now: datetime
) -> list[CertificateFacts]:
    """The certificates that ordering this basket now would give."""
    rows = write(_IN_BASKET, {"token": token}).all()
    subject = Subject(
        name=details["beneficiary"],
        purpose=details["purpose"],
        intent=details["intent"],
        country=details["country"],
    )
    grouped: dict[tuple[int, str], tuple[ProjectRead, list[TransactionFacts]]] = {}
    for _line_id, of_line in groupby(rows, key=attrgetter("id")):
        row, *others = of_line
        code = row.registry_code or registries.default.name
        if (row.project_id, code) not in grouped:
            parties = tuple(each.country for each in (row, *others) if each.country)
            named = (row.mechanism_code, row.reference, row.title, row.kind, row.project_type)
            project = ProjectRead(*named, row.page_url, row.methodologies, parties)
            grouped[row.project_id, code] = project, []
        grouped[row.project_id, code][1].append(transaction_facts(row, row.legal_name, row.units, cancellation=None))
    return [
        certificate_facts(
            project,
            transactions,
            subject,
            Times(placed_at=now),
            "",
            settings,
            registries.of(code),
            settings.is_demonstration,
        )
        for (_, code), (project, transactions) in grouped.items()
    ]


def drafts(order: Order, settings: Settings, registries: Registries) -> list[CertificateDraft]:
    """The certificates an order has earned: its confirmed cancellations by project, beneficiary and registry."""
    rows = db.session.execute(_EARNED, {"order_id": order.id}).all()
    grouped: dict[tuple[int, int, str], list[Any]] = {}
    for row in rows:
        key = (row.Project.id, row.Beneficiary.id, row.Cancellation.registry_code)
        grouped.setdefault(key, []).append(row)
    result = []
    for (project_id, beneficiary_id, code), group in grouped.items():
        beneficiary = group[0].Beneficiary
        times = Times(
            placed_at=order.placed_at,
            paid_at=order.paid_at,
            # What was found at a registry after a restore was sent at an instant that nobody remembers.
            sent_at=min((sent for row in group if (sent := row.Cancellation.first_sent_at)), default=None),
            cancelled_at=max(row.Cancellation.completed_at for row in group),
        )
        facts = certificate_facts(
            group[0].Project,
            [transaction_facts(row.Issuance, row.legal_name, row.units, row.Cancellation) for row in group],
            Subject(beneficiary.name, beneficiary.purpose, beneficiary.intent, beneficiary.country),
            times,
            order.reference,
            settings,
            registry_of(code, registries),
            order.is_demonstration or settings.is_demonstration,
        )
        result.append(CertificateDraft(facts, project_id, beneficiary_id, code))
    return result


def summary(order_id: int | None, settings: Settings) -> SummaryFacts:
    """The facts of an order's summary: its certificates as frozen, and what was refunded."""
    ordered = write(_ORDERED, {"order_id": order_id}).all()
    certificates = write(_CERTIFIED, {"order_id": order_id}).all()
    facts = tuple(from_json(certificate.facts) for certificate in certificates)
    return SummaryFacts(
        order_reference=ordered[0].reference,
        certificates=facts,
        refunded_units=sum(line.units for line in ordered) - sum(f.units for f in facts),
        operator_name=settings.operator_name,
        is_demonstration=ordered[0].is_demonstration or any(each.is_demonstration for each in facts),
        issued_at=max(certificate.issued_at for certificate in certificates),
    )


def transaction_facts(
    issuance: Issuance | Row[Any], holder: str, units: int, cancellation: Cancellation | None
) -> TransactionFacts:
    """What a certificate says of one cancellation; without one, as a preview."""
    return TransactionFacts(
        identifier=(cancellation.registry_transaction or "") if cancellation else "",
        unit_type=issuance.unit_type,
        commitment_period=issuance.commitment_period,
        vintage_year=issuance.vintage_year,
        authorisation=issuance.authorisation or "",
        units=units,
        ranges=tuple(
            SerialRange(block.text_first, block.text_last, block.last - block.first + 1)
            for block in (cancellation.blocks if cancellation else ())
        ),
        completed_at=cancellation.completed_at if cancellation else None,
        monitoring_starts_on=issuance.monitoring_starts_on,
        monitoring_ends_on=issuance.monitoring_ends_on,
        holder=holder,
        reference=cancellation.reference if cancellation else "",
    )


def certificate_facts(
    project: Project | ProjectRead,
    transactions: list[TransactionFacts],
    subject: Subject,
    times: Times,
    order_reference: str,
    settings: Settings,
    registry: RegistryAdapter | NamedRegistry,
    is_demonstration: bool,
) -> CertificateFacts:
    """What a certificate says, before it has a number; `order_reference` may be that of a direct cancellation."""
    return CertificateFacts(
        schema=SCHEMA,
        number="",
        verification_code="",
        verify_url="",
        order_reference=order_reference,
        beneficiary_name=subject.name,
        purpose=subject.purpose,
        intent=subject.intent,
        country=subject.country,
        units=sum(transaction.units for transaction in transactions),
        unit_type=transactions[0].unit_type,
        mechanism=project.mechanism_code,
        project_reference=project.reference,
        project_title=project.title,
        project_kind=project.kind,
        project_type=project.project_type,
        project_url=project.page_url,
        host_parties=project.host_parties,
        methodologies=project.methodologies,
        transactions=tuple(transactions),
        registry_name=registry.display_name,
        registry_of_record=registry.is_registry_of_record,
        operator_name=settings.operator_name,
        is_demonstration=is_demonstration,
        placed_at=times.placed_at,
        paid_at=times.paid_at,
        sent_at=times.sent_at,
        cancelled_at=times.cancelled_at,
        issued_at=None,
        purpose_category=subject.purpose_category,
        scheme_name=subject.scheme_name,
    )
