"""The mails about a direct cancellation, to the person who asked for it, written in the transaction of their cause."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from sqlalchemy import select

from app.accounts.models import Organisation, Person
from app.catalog.models import Issuance, Project
from app.certificates.facts import from_json
from app.certificates.models import Certificate
from app.config import Settings
from app.db import db
from app.direct.models import DirectCancellation
from app.kernel.references import certificate_slug
from app.notifications.messages.direct import DirectCertified, DirectRefused
from app.notifications.messages.facts import Facts
from app.notifications.service import queue_mail
from app.providers.models import Provider


def certified(direct: DirectCancellation, certificate: Certificate, settings: Settings, now: datetime) -> None:
    """The proof, with the link to the certificate."""
    stated = from_json(certificate.facts)
    facts = DirectCertified(
        **_common(direct, settings),
        number=certificate.number,
        verify_url=f"{settings.public_base_url}/{direct.locale}/verify/{certificate_slug(certificate.number)}",
        requested_at=direct.placed_at,
        sent_at=stated.sent_at,
        cancelled_at=cast(datetime, stated.cancelled_at),
        certified_at=now,
    )
    _queue(direct, facts, now)


def refused(
    direct: DirectCancellation,
    settings: Settings,
    now: datetime,
    *,
    is_by_registry: bool = False,
    is_off_sale: bool = False,
) -> None:
    """No unit was cancelled: the registry refused, and offers of the units are off sale with it or not, or we did."""
    common = _common(direct, settings)
    _queue(direct, DirectRefused(**common, is_by_registry=is_by_registry, is_off_sale=is_off_sale), now)


def page_url(direct: DirectCancellation, settings: Settings) -> str:
    """The direct cancellation's page in the participant's room, in its language."""
    code = db.session.scalars(
        select(Organisation.code)
        .join(Provider, Provider.organisation_id == Organisation.id)
        .where(Provider.id == direct.provider_id)
    ).one()
    return f"{settings.public_base_url}/{direct.locale}/sell/{code}/cancellations/{direct.reference}"


def _common(direct: DirectCancellation, settings: Settings) -> dict[str, Any]:
    project = db.session.get_one(Project, direct.project_id)
    return {
        "reference": direct.reference,
        "is_demonstration": direct.is_demonstration,
        "page_url": page_url(direct, settings),
        "project_reference": project.reference,
        "project_title": project.title,
        "unit_type": db.session.get_one(Issuance, direct.issuance_id).unit_type,
        "units": direct.units,
    }


def _queue(direct: DirectCancellation, facts: Facts, now: datetime) -> None:
    queue_mail(
        key=f"{facts.kind}:{direct.reference}",
        recipient=db.session.get_one(Person, direct.person_id).email,
        locale=direct.locale,
        facts=facts,
        order_id=None,
        now=now,
    )
