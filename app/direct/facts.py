"""The facts of a direct cancellation's certificate, as a preview and as the real thing: one function makes both."""

from __future__ import annotations

from datetime import datetime

from app.catalog.models import Issuance, Project
from app.certificates.ports import CertificateFacts
from app.checkout.facts import NamedRegistry, Subject, Times, certificate_facts, registry_of, transaction_facts
from app.checkout.models import Beneficiary
from app.config import Settings
from app.db import db
from app.direct.models import DirectCancellation
from app.providers.models import Provider
from app.registry.models import Cancellation
from app.registry.ports import Registries, RegistryAdapter


def of_direct_cancellation(
    direct: DirectCancellation,
    beneficiary: Beneficiary,
    cancellation: Cancellation,
    settings: Settings,
    registries: Registries,
) -> CertificateFacts:
    """What the certificate of a confirmed direct cancellation says."""
    return _facts(
        provider=db.session.get_one(Provider, direct.provider_id),
        issuance=db.session.get_one(Issuance, direct.issuance_id),
        units=direct.units,
        subject=Subject(
            name=beneficiary.name,
            purpose=beneficiary.purpose,
            intent=beneficiary.intent,
            country=beneficiary.country,
            purpose_category=beneficiary.purpose_category,
            scheme_name=beneficiary.scheme_name,
        ),
        times=Times(
            placed_at=direct.placed_at, sent_at=cancellation.first_sent_at, cancelled_at=cancellation.completed_at
        ),
        reference=direct.reference,
        cancellation=cancellation,
        settings=settings,
        registry=registry_of(cancellation.registry_code, registries),
        is_demonstration=direct.is_demonstration or settings.is_demonstration,
    )


def preview(
    provider: Provider,
    issuance: Issuance,
    units: int,
    subject: Subject,
    settings: Settings,
    registry: RegistryAdapter,
    now: datetime,
) -> CertificateFacts:
    """What the certificate would say if the units were cancelled now."""
    return _facts(
        provider=provider,
        issuance=issuance,
        units=units,
        subject=subject,
        times=Times(placed_at=now),
        reference="",
        cancellation=None,
        settings=settings,
        registry=registry,
        is_demonstration=settings.is_demonstration,
    )


def _facts(
    *,
    provider: Provider,
    issuance: Issuance,
    units: int,
    subject: Subject,
    times: Times,
    reference: str,
    cancellation: Cancellation | None,
    settings: Settings,
    registry: RegistryAdapter | NamedRegistry,
    is_demonstration: bool,
) -> CertificateFacts:
    return certificate_facts(
        db.session.get_one(Project, issuance.project_id),
        [transaction_facts(issuance, provider.legal_name, units, cancellation)],
        subject,
        times,
        reference,
        settings,
        registry,
        is_demonstration,
    )
