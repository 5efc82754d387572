"""Direct cancellations as pages and other packages ask for them. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select, tuple_

from app.accounts.models import Organisation
from app.catalog.models import Issuance, Project
from app.certificates.models import Certificate
from app.certificates.ports import SerialRange
from app.certificates.proof import Step, line_of_proof
from app.checkout.models import Beneficiary
from app.db import db
from app.direct.models import DirectCancellation
from app.direct.states import DIRECT, DirectState
from app.kernel.references import certificate_slug
from app.offers.pools import Pool
from app.providers.models import Provider
from app.registry.models import Cancellation
from app.registry.ports import NOT_ABOUT_UNITS
from app.registry.states import CancellationState

MOST_IN_A_LIST = 500


def promised_units(pools: Sequence[Pool]) -> Mapping[Pool, int]:
    """Units (tonnes) of pools that direct cancellations have taken or are to take: all but the refused ones."""
    rows = db.session.execute(
        select(DirectCancellation.account, DirectCancellation.issuance_id, func.sum(DirectCancellation.units))
        .where(
            tuple_(DirectCancellation.account, DirectCancellation.issuance_id).in_(pools),
            DirectCancellation.state != DirectState.REFUSED,
        )
        .group_by(DirectCancellation.account, DirectCancellation.issuance_id)
    ).all()
    return {(account, issuance_id): int(units) for account, issuance_id, units in rows}


@dataclass(frozen=True)
class DirectLine:
    """One direct cancellation in a list."""

    id: int
    reference: str
    state: DirectState
    state_reason: str
    provider_name: str
    organisation: str
    project_reference: str
    project_title: str
    unit_type: str
    units: int
    beneficiary_name: str
    placed_at: datetime


@dataclass(frozen=True)
class DirectView:
    """Everything the page of a direct cancellation says."""

    line: DirectLine
    beneficiary: Beneficiary
    account: str
    consent_text: str
    consent_version: str
    locale: str
    steps: tuple[Step, ...]
    is_unclear: bool
    is_by_registry: bool
    is_off_sale: bool  # where the registry refused: offers of the same units are
    is_demonstration: bool
    registry_transaction: str
    ranges: tuple[SerialRange, ...]
    certificate: Certificate | None

    @property
    def is_final(self) -> bool:
        """Whether nothing on the page changes any more by itself."""
        return DIRECT.is_final(self.line.state)

    @property
    def certificate_slug(self) -> str:
        """The certificate's number as it stands in addresses; empty while there is none."""
        return certificate_slug(self.certificate.number) if self.certificate else ""


def own_cancellations(provider_id: int) -> list[DirectLine]:
    """A participant's direct cancellations, newest first."""
    return _lines(DirectCancellation.provider_id == provider_id)


def held_cancellations() -> list[DirectLine]:
    """Those that wait for an operator, longest first."""
    return _lines(DirectCancellation.state == DirectState.RISK_HOLD, is_oldest_first=True)


def find_id(reference: str) -> int | None:
    """The id behind a reference."""
    return db.session.scalar(select(DirectCancellation.id).where(DirectCancellation.reference == reference))


def find_direct(reference: str, provider_id: int) -> DirectView | None:
    """One of a participant's direct cancellations; None for anybody else's."""
    lines = _lines(DirectCancellation.reference == reference, DirectCancellation.provider_id == provider_id)
    if not lines:
        return None
    (line,) = lines
    direct = db.session.get_one(DirectCancellation, line.id)
    cancellation = db.session.scalar(select(Cancellation).where(Cancellation.direct_cancellation_id == direct.id))
    certificate = db.session.scalar(select(Certificate).where(Certificate.direct_cancellation_id == direct.id))
    return DirectView(
        line=line,
        beneficiary=db.session.scalars(
            select(Beneficiary).where(Beneficiary.direct_cancellation_id == direct.id)
        ).one(),
        account=direct.account,
        consent_text=direct.consent_text,
        consent_version=direct.consent_version,
        locale=direct.locale,
        steps=_steps(direct, cancellation, certificate),
        is_unclear=cancellation is not None
        and cancellation.state in {CancellationState.UNKNOWN, CancellationState.MANUAL},
        is_by_registry=cancellation is not None,
        is_off_sale=direct.state_reason not in NOT_ABOUT_UNITS,
        is_demonstration=direct.is_demonstration,
        registry_transaction=(cancellation.registry_transaction or "") if cancellation else "",
        ranges=tuple(
            SerialRange(block.text_first, block.text_last, block.last - block.first + 1)
            for block in (cancellation.blocks if cancellation else ())
        ),
        certificate=certificate,
    )


def _lines(*conditions: ColumnElement[bool], is_oldest_first: bool = False) -> list[DirectLine]:
    rows = db.session.execute(
        select(
            DirectCancellation, Project, Issuance.unit_type, Provider.legal_name, Organisation.code, Beneficiary.name
        )
        .join(Project, Project.id == DirectCancellation.project_id)
        .join(Issuance, Issuance.id == DirectCancellation.issuance_id)
        .join(Provider, Provider.id == DirectCancellation.provider_id)
        .join(Organisation, Organisation.id == Provider.organisation_id)
        .join(Beneficiary, Beneficiary.direct_cancellation_id == DirectCancellation.id)
        .where(*conditions)
        .order_by(DirectCancellation.id.asc() if is_oldest_first else DirectCancellation.id.desc())
        .limit(MOST_IN_A_LIST)
    ).all()
    return [
        DirectLine(
            id=direct.id,
            reference=direct.reference,
            state=direct.state,
            state_reason=direct.state_reason,
            provider_name=legal_name,
            organisation=code,
            project_reference=project.reference,
            project_title=project.title,
            unit_type=unit_type,
            units=direct.units,
            beneficiary_name=name,
            placed_at=direct.placed_at,
        )
        for direct, project, unit_type, legal_name, code, name in rows
    ]


def _steps(
    direct: DirectCancellation, cancellation: Cancellation | None, certificate: Certificate | None
) -> tuple[Step, ...]:
    times = {
        "requested": direct.placed_at,
        "sent": cancellation.first_sent_at if cancellation else None,
        "cancelled": cancellation.completed_at if cancellation else None,
        "certified": certificate.issued_at if certificate else None,
    }
    return line_of_proof(
        times, failed=direct.state is DirectState.REFUSED, stands=direct.state is DirectState.RISK_HOLD
    )
