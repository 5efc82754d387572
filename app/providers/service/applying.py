"""An organisation fills in its application, part by part, and submits it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import func, select

from app.accounts.models import Organisation
from app.audit.service import Actor, Subject, note_act
from app.config import Settings
from app.db import advance, db, insert_once, record, transaction
from app.kernel.sealing import SealFor, seal, seal_text
from app.providers import mails
from app.providers.errors import (
    AlreadyClaimed,
    AlreadyNamed,
    Incomplete,
    NoSuchThing,
    NotEditable,
    SharesTooLarge,
    TooMany,
)
from app.providers.models import Application, BeneficialOwner, Evidence, Payee, ProjectAuthority, Provider
from app.providers.parts import COLUMNS, EvidenceKind, Part, missing_parts
from app.providers.states import APPLICATION, AUTHORITY, ApplicationState, AuthorityState, PayeeState
from app.providers.uploads import Upload
from app.screening.service import ScreenedSubject, screen

SUBJECT = "application"
MOST_OWNERS = 30
WHOLE = 100  # per cent
MOST_DOCUMENTS = 10
MOST_CLAIMS = 100

_S = ApplicationState
OPEN = (_S.DRAFT, _S.SUBMITTED, _S.RETURNED, _S.APPROVED)
EDITABLE = (_S.DRAFT, _S.RETURNED)
# While it is in one of these, its names are compared with every new edition of a list.
_COMPARED = (_S.SUBMITTED, _S.RETURNED, _S.APPROVED)
NAMED = (PayeeState.REQUESTED, PayeeState.CURRENT)


def begin(organisation_id: int, locale: str, actor: Actor, now: datetime) -> bool:
    """Begin an application as a draft. False where one is open, or was approved, already."""
    with transaction() as session:
        organisation = session.get_one(Organisation, organisation_id)
        is_new = insert_once(
            Application,
            organisation_id=organisation_id,
            state=_S.DRAFT,
            locale=locale,
            legal_name=organisation.name,
            address="",
            country="",
            register_number="",
            contact_name="",
            contact_email="",
            contact_phone="",
            payee_holder="",
            payee_bank="",
            payee_account="",
            certification="",
            reason="",
            created_at=now,
        )
        if is_new:
            application = _open_application(organisation_id)
            record(APPLICATION.machine, application.id, None, _S.DRAFT, at=now)
            note_act(actor, "application_begun", subject_of(application), at=now)
    return is_new


def save(organisation_id: int, part: Part, values: Mapping[str, str], actor: Actor, now: datetime) -> None:
    """Keep one part of the application; whatever was certified before has to be certified again.

    `values` are the columns of the part. Raises NoSuchThing or NotEditable.
    """
    with transaction():
        application = _editable(organisation_id)
        for column in COLUMNS[part]:
            setattr(application, column, values[column])
        _changed(application, part, actor, now)


def save_payee(
    organisation_id: int, holder: str, bank: str, account: str, actor: Actor, settings: Settings, now: datetime
) -> None:
    """Keep where money is to go. The account number is sealed. Raises NoSuchThing or NotEditable."""
    sealed = seal_text(account, settings.keyring, SealFor.ACCOUNT_NUMBER)
    values = {"payee_holder": holder, "payee_bank": bank, "payee_account": sealed}
    save(organisation_id, Part.PAYEE, values, actor, now)


def certify(organisation_id: int, text: str, actor: Actor, now: datetime) -> None:
    """Keep what was certified, word for word, with the time. Raises NoSuchThing or NotEditable."""
    with transaction():
        application = _editable(organisation_id)
        application.certification = text
        application.certified_at = now
        note_act(actor, "application_certified", subject_of(application), at=now)


def add_owner(
    organisation_id: int,
    *,
    name: str,
    country: str,
    birth_year: int | None,
    share: int | None,
    actor: Actor,
    now: datetime,
) -> None:
    """Add a natural person behind the applicant; `share` in per cent.

    Raises NoSuchThing, NotEditable, TooMany, AlreadyNamed or SharesTooLarge.
    """
    with transaction() as session:
        application = _editable(organisation_id)
        owners = _owners(application)
        if len(owners) >= MOST_OWNERS:
            raise TooMany(most=MOST_OWNERS)
        if (name, country, birth_year) in {(owner.name, owner.country, owner.birth_year) for owner in owners}:
            raise AlreadyNamed
        left = WHOLE - sum(owner.share or 0 for owner in owners)
        if (share or 0) > left:
            raise SharesTooLarge(left=left)
        session.add(
            BeneficialOwner(
                application_id=application.id, name=name, country=country, birth_year=birth_year, share=share
            )
        )
        _changed(application, Part.OWNERS, actor, now)


def remove_owner(organisation_id: int, owner_id: int, actor: Actor, now: datetime) -> None:
    """Take a beneficial owner out. Raises NoSuchThing or NotEditable."""
    with transaction() as session:
        application = _editable(organisation_id)
        owner = session.get(BeneficialOwner, owner_id)
        if owner is None or owner.application_id != application.id:
            raise NoSuchThing
        session.delete(owner)
        _changed(application, Part.OWNERS, actor, now)


def add_identity(organisation_id: int, upload: Upload, actor: Actor, settings: Settings, now: datetime) -> None:
    """Keep an identity document, sealed. Raises NoSuchThing, NotEditable or TooMany."""
    sealed = seal(upload.content, settings.keyring, SealFor.EVIDENCE)
    with transaction():
        application = _editable(organisation_id)
        _add_evidence(organisation_id, EvidenceKind.IDENTITY, upload, sealed, actor, now)
        _changed(application, Part.DOCUMENTS, actor, now)


def remove_identity(organisation_id: int, evidence_id: int, actor: Actor, now: datetime) -> None:
    """Delete an identity document. Raises NoSuchThing or NotEditable."""
    with transaction() as session:
        application = _editable(organisation_id)
        evidence = session.get(Evidence, evidence_id)
        if evidence is None or (evidence.organisation_id, evidence.kind) != (organisation_id, EvidenceKind.IDENTITY):
            raise NoSuchThing
        session.delete(evidence)
        _changed(application, Part.DOCUMENTS, actor, now)


def claim_project(
    organisation_id: int,
    project_id: int,
    project_name: str,
    upload: Upload,
    actor: Actor,
    settings: Settings,
    now: datetime,
) -> None:
    """Claim that the organisation may offer units of a project, with the evidence; also after its approval.

    Raises NoSuchThing, NotEditable while an application waits for its decision, AlreadyClaimed or TooMany.
    """
    sealed = seal(upload.content, settings.keyring, SealFor.EVIDENCE)
    with transaction() as session:
        application = _open_application(organisation_id)
        if application.state is _S.SUBMITTED:
            raise NotEditable(state=application.state.value)
        claimed = ProjectAuthority.organisation_id == organisation_id
        if _count(ProjectAuthority, claimed) >= MOST_CLAIMS:
            raise TooMany(most=MOST_CLAIMS)
        evidence = _add_evidence(organisation_id, EvidenceKind.AUTHORITY, upload, sealed, actor, now)
        is_new = insert_once(
            ProjectAuthority,
            organisation_id=organisation_id,
            project_id=project_id,
            evidence_id=evidence.id,
            state=AuthorityState.CLAIMED,
            reason="",
            claimed_at=now,
        )
        if not is_new:
            raise AlreadyClaimed
        authority_id = session.scalars(
            select(ProjectAuthority.id).where(claimed, ProjectAuthority.evidence_id == evidence.id)
        ).one()
        record(AUTHORITY.machine, authority_id, None, AuthorityState.CLAIMED, at=now)
        note_act(actor, "project_claimed", subject_of(application), at=now, facts={"project": project_name})
        if application.state in EDITABLE:
            application.certification = ""


def drop_claim(organisation_id: int, authority_id: int, actor: Actor, now: datetime) -> None:
    """Take back a claim that nobody has decided yet, with its document. Raises NoSuchThing or NotEditable."""
    with transaction() as session:
        application = _open_application(organisation_id)
        if application.state is _S.SUBMITTED:
            raise NotEditable(state=application.state.value)
        authority = session.get(ProjectAuthority, authority_id)
        if authority is None or (authority.organisation_id, authority.state) != (
            organisation_id,
            AuthorityState.CLAIMED,
        ):
            raise NoSuchThing
        evidence = session.get_one(Evidence, authority.evidence_id)
        session.delete(authority)
        session.flush()
        session.delete(evidence)
        note_act(actor, "claim_dropped", subject_of(application), at=now)
        if application.state in EDITABLE:
            application.certification = ""


def submit(organisation_id: int, actor: Actor, settings: Settings, now: datetime) -> None:
    """Hand the application in: its names are compared with the sanctions lists, and the owners get a receipt.

    Raises NoSuchThing, NotEditable, or Incomplete with the parts that are missing.
    """
    with transaction():
        application = _editable(organisation_id)
        missing = missing_parts(
            application,
            owners=_owners(application),
            documents=_ids(Evidence, organisation_id, Evidence.kind == EvidenceKind.IDENTITY),
            claims=_ids(ProjectAuthority, organisation_id, ProjectAuthority.state != AuthorityState.REFUSED),
        )
        if missing:
            raise Incomplete(parts=missing)
        # Its row is locked since it was found to be in the owner's hands.
        advance(
            Application,
            application.id,
            APPLICATION,
            _S.SUBMITTED,
            at=now,
            submitted_at=now,
            submitted_by=actor.person_id,
            reason="",
        )
        screen(SUBJECT, application.id, screened_names(application), now)
        note_act(actor, "application_submitted", subject_of(application), at=now)
        mails.news(application.organisation_id, mails.SellerNews.RECEIVED, application.locale, settings, now)


def withdraw(organisation_id: int, actor: Actor, now: datetime) -> None:
    """Take the application back; another one can be begun. Raises NoSuchThing, or NotEditable once it is approved."""
    with transaction():
        application = _open_application(organisation_id)
        if not advance(Application, application.id, APPLICATION, _S.WITHDRAWN, at=now, decided_at=now):
            raise NotEditable(state=application.state.value)
        note_act(actor, "application_withdrawn", subject_of(application), at=now)


def subject_of(application: Application) -> Subject:
    """An application as the trail of acts names it."""
    return Subject(SUBJECT, application.id, application.legal_name)


def called(application_id: int) -> str:
    """What people call the application with an id; empty for none."""
    known = select(Application.legal_name).where(Application.id == application_id)
    return db.session.scalar(known) or ""


def screened_names(application: Application) -> tuple[str, ...]:
    """Every name that stands behind an application, or behind the participant that it made.

    Its own is one of them: an operator's file may have given it another than the one that was applied with.
    """
    owners = (owner.name for owner in _owners(application))
    of_participant = (Payee.provider_id == application.provider_id, Payee.state.in_(NAMED))
    payees = db.session.scalars(select(Payee.holder).where(*of_participant).order_by(Payee.id))
    shown = db.session.scalars(select(Provider.legal_name).where(Provider.id == application.provider_id))
    return (application.legal_name, application.contact_name, application.payee_holder, *owners, *payees, *shown)


def open_subjects() -> list[ScreenedSubject]:
    """The applications that wait for somebody, and those of participants, for a new edition of a list."""
    found = db.session.scalars(select(Application).where(Application.state.in_(_COMPARED)).order_by(Application.id))
    return [ScreenedSubject(SUBJECT, application.id, screened_names(application)) for application in found.all()]


def _open_application(organisation_id: int) -> Application:
    found = db.session.scalar(
        select(Application)
        .where(Application.organisation_id == organisation_id, Application.state.in_(OPEN))
        .with_for_update()
    )
    if found is None:
        raise NoSuchThing
    return found


def _editable(organisation_id: int) -> Application:
    application = _open_application(organisation_id)
    if application.state not in EDITABLE:
        raise NotEditable(state=application.state.value)
    return application


def _changed(application: Application, part: Part, actor: Actor, now: datetime) -> None:
    application.certification = ""
    note_act(actor, "application_saved", subject_of(application), at=now, facts={"part": part.value})


def _add_evidence(
    organisation_id: int, kind: EvidenceKind, upload: Upload, sealed: bytes, actor: Actor, now: datetime
) -> Evidence:
    has_kind = (Evidence.organisation_id == organisation_id, Evidence.kind == kind)
    if kind is EvidenceKind.IDENTITY and _count(Evidence, *has_kind) >= MOST_DOCUMENTS:
        raise TooMany(most=MOST_DOCUMENTS)
    evidence = Evidence(
        organisation_id=organisation_id,
        kind=kind.value,
        file_name=upload.name,
        media_type=upload.media_type,
        size=len(upload.content),
        sha256=upload.sha256,
        content=sealed,
        uploaded_by=actor.person_id,
        uploaded_at=now,
    )
    db.session.add(evidence)
    db.session.flush()
    return evidence


def _owners(application: Application) -> list[BeneficialOwner]:
    return list(db.session.scalars(select(BeneficialOwner).where(BeneficialOwner.application_id == application.id)))


def _ids(row: type[Evidence | ProjectAuthority], organisation_id: int, condition: object) -> list[int]:
    return list(db.session.scalars(select(row.id).where(row.organisation_id == organisation_id, condition)))  # type: ignore[arg-type]  # a column's comparison


def _count(row: type[object], *conditions: object) -> int:
    return db.session.scalars(select(func.count()).select_from(row).where(*conditions)).one()  # type: ignore[arg-type]  # columns' comparisons
