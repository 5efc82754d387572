"""Participants and what they may offer, as others ask for it. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select

from app.accounts.models import Organisation, Person
from app.db import db
from app.providers.models import Application, BeneficialOwner, Evidence, Payee, ProjectAuthority, Provider
from app.providers.parts import EvidenceKind, Part, missing_parts
from app.providers.states import ApplicationState, AuthorityState, PayeeState, ProviderState
from app.screening.service import Standing, standings


def find_provider_of(organisation_id: int) -> Provider | None:
    """The participant that an organisation is, once its application was approved."""
    return db.session.scalar(select(Provider).where(Provider.organisation_id == organisation_id))


def may_offer(provider: Provider, project_id: int) -> bool:
    """Whether a participant may offer units of a project: approved, and its authority for the project accepted.

    One that an operator imported, without an organisation behind it, was checked outside of Tonne.
    """
    if provider.state is not ProviderState.APPROVED:
        return False
    if provider.organisation_id is None:
        return True
    return (
        db.session.scalar(
            select(ProjectAuthority.id).where(
                ProjectAuthority.organisation_id == provider.organisation_id,
                ProjectAuthority.project_id == project_id,
                ProjectAuthority.state == AuthorityState.APPROVED,
            )
        )
        is not None
    )


@dataclass(frozen=True)
class OwnerView:
    """A natural person behind an applicant."""

    id: int
    name: str
    country: str
    birth_year: int | None
    share: int | None


@dataclass(frozen=True)
class DocumentView:
    """A document without its content; `size` in bytes."""

    id: int
    file_name: str
    media_type: str
    size: int
    uploaded_at: datetime


@dataclass(frozen=True)
class ClaimView:
    """A claim to offer units of a project, with its evidence."""

    id: int
    organisation_id: int
    project_id: int
    state: AuthorityState
    reason: str
    claimed_at: datetime
    document: DocumentView


@dataclass(frozen=True)
class ApplicationView:
    """An application whole. Of the account number only whether there is one; its end is read apart."""

    id: int
    organisation_id: int
    organisation_code: str
    organisation_name: str
    state: ApplicationState
    legal_name: str
    address: str
    country: str
    register_number: str
    contact_name: str
    contact_email: str
    contact_phone: str
    payee_holder: str
    payee_bank: str
    payee_account: str
    certification: str
    certified_at: datetime | None
    submitted_at: datetime | None
    decided_at: datetime | None
    decided_by: str
    reason: str
    provider_id: int | None
    owners: tuple[OwnerView, ...]
    documents: tuple[DocumentView, ...]
    claims: tuple[ClaimView, ...]
    missing: tuple[Part, ...]

    @property
    def is_editable(self) -> bool:
        """Whether the applicant may change it."""
        return self.state in {ApplicationState.DRAFT, ApplicationState.RETURNED}


@dataclass(frozen=True)
class ApplicationRow:
    """An application in the operators' queue."""

    id: int
    legal_name: str
    country: str
    state: ApplicationState
    submitted_at: datetime
    standing: Standing


@dataclass(frozen=True)
class PayeeView:
    """A payee of a participant; `account` is sealed."""

    id: int
    provider_id: int
    state: PayeeState
    holder: str
    bank: str
    account: str
    requested_at: datetime
    requested_by: str


def application_of(organisation_id: int) -> ApplicationView | None:
    """The last application of an organisation, or None."""
    found = db.session.scalar(
        select(Application)
        .where(Application.organisation_id == organisation_id)
        .order_by(Application.id.desc())
        .limit(1)
    )
    return _application(found) if found else None


def find_application(application_id: int) -> ApplicationView | None:
    """One application, or None."""
    found = db.session.get(Application, application_id)
    return _application(found) if found else None


def waiting_applications() -> list[ApplicationRow]:
    """The applications that wait for an operator, the oldest first."""
    found = db.session.scalars(
        select(Application)
        .where(Application.state == ApplicationState.SUBMITTED)
        .order_by(Application.submitted_at, Application.id)
    ).all()
    return _rows(found)


def decided_applications(limit: int = 50) -> list[ApplicationRow]:
    """The last applications that are with the applicant again or decided, the newest first."""
    found = db.session.scalars(
        select(Application)
        .where(Application.submitted_at.is_not(None), Application.state != ApplicationState.SUBMITTED)
        .order_by(Application.decided_at.desc(), Application.id.desc())
        .limit(limit)
    ).all()
    return _rows(found)


def claims_of(organisation_id: int) -> tuple[ClaimView, ...]:
    """The claims of an organisation, in order."""
    return _claims(ProjectAuthority.organisation_id == organisation_id)


def find_claim(authority_id: int) -> ClaimView | None:
    """One claim, or None."""
    return next(iter(_claims(ProjectAuthority.id == authority_id)), None)


def claimed_since_approval() -> tuple[ClaimView, ...]:
    """Claims of participants that were approved before, and that wait."""
    participants = select(Provider.organisation_id).where(Provider.organisation_id.is_not(None))
    return _claims(ProjectAuthority.state == AuthorityState.CLAIMED, ProjectAuthority.organisation_id.in_(participants))


def payees_of(provider_id: int) -> list[PayeeView]:
    """The current payee of a participant and the one that was asked for, if any."""
    return _payees(Payee.provider_id == provider_id, Payee.state.in_((PayeeState.CURRENT, PayeeState.REQUESTED)))


def requested_payees() -> list[PayeeView]:
    """Changes of payees that wait for an operator, the oldest first."""
    return _payees(Payee.state == PayeeState.REQUESTED)


def find_payee(payee_id: int) -> PayeeView | None:
    """One payee, or None."""
    return next(iter(_payees(Payee.id == payee_id)), None)


def all_providers() -> Sequence[Provider]:
    """Every participant, by name."""
    return db.session.scalars(select(Provider).order_by(Provider.legal_name, Provider.id)).all()


def find_provider(provider_id: int) -> Provider | None:
    """One participant, or None."""
    return db.session.get(Provider, provider_id)


def find_provider_by_code(code: str) -> Provider | None:
    """The participant with a code, or None."""
    return db.session.scalar(select(Provider).where(Provider.code == code))


def organisation_names(ids: Iterable[int]) -> dict[int, str]:
    """Names of organisations by id."""
    rows = db.session.execute(select(Organisation.id, Organisation.name).where(Organisation.id.in_(tuple(ids))))
    return {row.id: row.name for row in rows}


def _rows(found: Sequence[Application]) -> list[ApplicationRow]:
    here = standings("application", [application.id for application in found])
    return [
        ApplicationRow(
            application.id,
            application.legal_name,
            application.country,
            application.state,
            application.submitted_at or application.created_at,
            here[application.id],
        )
        for application in found
    ]


def _application(application: Application) -> ApplicationView:
    organisation = db.session.get_one(Organisation, application.organisation_id)
    owners = db.session.scalars(
        select(BeneficialOwner).where(BeneficialOwner.application_id == application.id).order_by(BeneficialOwner.id)
    )
    documents = db.session.scalars(
        select(Evidence)
        .where(Evidence.organisation_id == organisation.id, Evidence.kind == EvidenceKind.IDENTITY)
        .order_by(Evidence.id)
    )
    decider = db.session.get(Person, application.decided_by) if application.decided_by else None
    own = tuple(OwnerView(row.id, row.name, row.country, row.birth_year, row.share) for row in owners)
    identity = tuple(map(_document, documents))
    claims = claims_of(organisation.id)
    columns = (
        "state", "legal_name", "address", "country", "register_number", "contact_name", "contact_email",
        "contact_phone", "payee_holder", "payee_bank", "payee_account", "certification", "certified_at",
        "submitted_at", "decided_at", "reason", "provider_id",
    )  # fmt: skip
    return ApplicationView(
        id=application.id,
        organisation_id=organisation.id,
        organisation_code=organisation.code,
        organisation_name=organisation.name,
        decided_by=decider.email if decider else "",
        owners=own,
        documents=identity,
        claims=claims,
        missing=missing_parts(
            application,
            owners=own,
            documents=identity,
            claims=[claim for claim in claims if claim.state is not AuthorityState.REFUSED],
        ),
        **{column: getattr(application, column) for column in columns},
    )


def _document(evidence: Evidence) -> DocumentView:
    return DocumentView(evidence.id, evidence.file_name, evidence.media_type, evidence.size, evidence.uploaded_at)


def _claims(*conditions: ColumnElement[bool]) -> tuple[ClaimView, ...]:
    rows = db.session.execute(
        select(ProjectAuthority, Evidence)
        .join(Evidence, Evidence.id == ProjectAuthority.evidence_id)
        .where(*conditions)
        .order_by(ProjectAuthority.id)
    )
    return tuple(
        ClaimView(
            claim.id,
            claim.organisation_id,
            claim.project_id,
            claim.state,
            claim.reason,
            claim.claimed_at,
            _document(evidence),
        )
        for claim, evidence in rows
    )


def _payees(*conditions: ColumnElement[bool]) -> list[PayeeView]:
    rows = db.session.execute(
        select(Payee, Person.email)
        .join(Person, Person.id == Payee.requested_by)
        .where(*conditions)
        .order_by(Payee.requested_at, Payee.id)
    )
    return [
        PayeeView(
            payee.id,
            payee.provider_id,
            payee.state,
            payee.holder,
            payee.bank,
            payee.account,
            payee.requested_at,
            email,
        )
        for payee, email in rows
    ]
