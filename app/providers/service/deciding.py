"""Operators decide about applications, claims for projects, and look at documents."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.audit.errors import NoLongerPossible
from app.audit.models import Proposal
from app.audit.service import Actor, Subject, note_act, propose, required_reason
from app.config import Settings
from app.current import settings as current_settings
from app.db import advance, db, record, transaction
from app.kernel.sealing import SealFor, unseal
from app.providers import mails
from app.providers.errors import CodeTaken, MovedOn, NoSuchThing, NotClear
from app.providers.independence import require_outsider
from app.providers.models import Application, Evidence, Payee, ProjectAuthority, Provider, shown_as
from app.providers.queries import find_provider_of
from app.providers.service.applying import SUBJECT, subject_of
from app.providers.service.standing import lose_authority
from app.providers.states import (
    APPLICATION,
    AUTHORITY,
    PAYEE,
    PROVIDER,
    ApplicationState,
    AuthorityState,
    PayeeState,
    ProviderState,
)
from app.screening.service import Standing, screen, standing

APPROVE = "approve_application"
_CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
LONGEST_CODE = 40

_S = ApplicationState


def propose_approval(application_id: int, code: str, actor: Actor, *, reason: str, now: datetime) -> int:
    """Propose to make an applicant a participant under a code, for a second operator; gives the proposal's id.

    A code of a participant without an organisation is taken over. Raises NoSuchThing, MovedOn, NotClear while
    a likeness waits or is confirmed, CodeTaken, OwnOrganisation, and what `propose` raises.
    """
    application = _application(application_id)
    require_outsider(application.organisation_id, actor.person_id)
    if application.state is not _S.SUBMITTED:
        raise MovedOn
    taken_over = _check_code(code)
    if taken_over is not None:
        # Buyers will see its name, which nobody applied with.
        with transaction():
            screen(SUBJECT, application_id, [taken_over.legal_name], now)
    here = standing(SUBJECT, application_id)
    if here is not Standing.CLEAR:
        raise NotClear(standing=here.value)
    facts = {"code": code} | _what_is_judged(application, code)
    return propose(actor, APPROVE, subject_of(application), reason=reason, facts=facts, now=now)


def carry_out_approval(proposal: Proposal, now: datetime) -> None:
    """Make the applicant a participant with its payee, in the transaction of the second operator's word.

    Raises OwnOrganisation, or NoLongerPossible when the application, the lists or the code have moved on.
    """
    application = _application(proposal.subject_id)
    require_outsider(application.organisation_id, proposal.decided_by)
    if standing(SUBJECT, application.id) is not Standing.CLEAR:
        raise NoLongerPossible
    code = str(proposal.facts["code"])
    try:
        # One that was returned and handed in again meanwhile is another one, and so is a code in other hands.
        if {"code": code} | _what_is_judged(application, code) != proposal.facts:
            raise NoLongerPossible
        shown = _check_code(code)
        # A list may be newer than the proposal, and was compared with no name but those of the application.
        if shown is not None and screen(SUBJECT, application.id, [shown.legal_name], now):
            raise NoLongerPossible
        provider = _provider_for(application, code, now)
    except CodeTaken:
        raise NoLongerPossible from None
    moved = advance(
        Application,
        application.id,
        APPLICATION,
        _S.APPROVED,
        at=now,
        provider_id=provider.id,
        decided_at=now,
        decided_by=proposal.decided_by,
        reason=proposal.reason,
    )
    if not moved:
        raise NoLongerPossible
    payee = Payee(
        provider_id=provider.id,
        state=PayeeState.CURRENT,
        holder=application.payee_holder,
        bank=application.payee_bank,
        account=application.payee_account,
        requested_by=application.submitted_by,
        requested_at=now,
        decided_at=now,
    )
    db.session.add(payee)
    db.session.flush()
    record(PAYEE.machine, payee.id, None, PayeeState.CURRENT, at=now)
    settings = current_settings()
    mails.news(application.organisation_id, mails.SellerNews.APPROVED, application.locale, settings, now)


def give_back(application_id: int, actor: Actor, *, reason: str, settings: Settings, now: datetime) -> None:
    """Return an application to the applicant, with what is asked for. Raises as `refuse`."""
    _close(application_id, _S.RETURNED, mails.SellerNews.RETURNED, actor, reason, settings, now)


def refuse(application_id: int, actor: Actor, *, reason: str, settings: Settings, now: datetime) -> None:
    """Refuse an application for good, with the reason.

    Raises NoSuchThing, ReasonMissing, OwnOrganisation, MovedOn.
    """
    _close(application_id, _S.REFUSED, mails.SellerNews.REFUSED, actor, reason, settings, now)


def decide_authority(authority_id: int, to: AuthorityState, actor: Actor, *, reason: str, now: datetime) -> None:
    """Accept a claim for a project, refuse it, or take an accepted one away.

    What a participant has on sale of a project stops with its authority, in the same transaction.
    Raises NoSuchThing, ReasonMissing, OwnOrganisation, or MovedOn when somebody decided before.
    """
    kept = required_reason(reason)
    with transaction() as session:
        authority = session.get(ProjectAuthority, authority_id)
        if authority is None:
            raise NoSuchThing
        organisation_id, project_id = authority.organisation_id, authority.project_id
        require_outsider(organisation_id, actor.person_id)
        is_taken_away = authority.state is AuthorityState.APPROVED
        if not advance(ProjectAuthority, authority_id, AUTHORITY, to, at=now, reason=kept, decided_at=now):
            raise MovedOn
        subject = Subject("project_authority", authority_id, "")
        facts = {"organisation": organisation_id, "project": project_id}
        note_act(actor, f"authority_{to}", subject, at=now, reason=kept, facts=facts)
        provider = find_provider_of(organisation_id)
        if is_taken_away and provider is not None:
            lose_authority(provider.id, project_id, kept, actor, now)


def look_at(evidence_id: int, actor: Actor, settings: Settings, now: datetime) -> tuple[Evidence, bytes]:
    """A document and its content; every look is written down. Raises NoSuchThing or SealBroken."""
    with transaction() as session:
        evidence = session.get(Evidence, evidence_id)
        if evidence is None:
            raise NoSuchThing
        facts = {"organisation": evidence.organisation_id, "sha256": evidence.sha256}
        note_act(actor, "document_seen", Subject("evidence", evidence.id, evidence.file_name), at=now, facts=facts)
        sealed = evidence.content
    return evidence, unseal(sealed, settings.keyring, SealFor.EVIDENCE)


def _close(
    application_id: int,
    to: ApplicationState,
    news: mails.SellerNews,
    actor: Actor,
    reason: str,
    settings: Settings,
    now: datetime,
) -> None:
    kept = required_reason(reason)
    with transaction():
        application = _application(application_id)
        require_outsider(application.organisation_id, actor.person_id)
        moved = advance(
            Application,
            application_id,
            APPLICATION,
            to,
            at=now,
            decided_at=now,
            decided_by=actor.person_id,
            reason=kept,
        )
        if not moved:
            raise MovedOn
        note_act(actor, f"application_{to}", subject_of(application), at=now, reason=kept)
        mails.news(application.organisation_id, news, application.locale, settings, now, reason=kept)


def _application(application_id: int) -> Application:
    application = db.session.get(Application, application_id)
    if application is None:
        raise NoSuchThing
    return application


def _what_is_judged(application: Application, code: str) -> dict[str, Any]:
    """What two operators must have had before them alike: this submission, who has the code, and what buyers will see.

    Raises CodeTaken.
    """
    known = _check_code(code)
    submitted_at = application.submitted_at.isoformat() if application.submitted_at else ""
    shown = known or application
    return {
        "submitted_at": submitted_at,
        "takes_over": None if known is None else known.id,
        "shown_as": shown_as(shown.legal_name, shown.country),
    }


def _check_code(code: str) -> Provider | None:
    """The participant without an organisation that has this code, None if nobody has it. Raises CodeTaken."""
    if len(code) > LONGEST_CODE or not _CODE.fullmatch(code):
        raise CodeTaken
    # An operator's file that renames it comes before this, or after it.
    known = db.session.scalar(select(Provider).where(Provider.code == code).with_for_update(key_share=True))
    if known is not None and known.organisation_id is not None:
        raise CodeTaken
    return known


def _provider_for(application: Application, code: str, now: datetime) -> Provider:
    provider = _check_code(code)
    if provider is None:
        provider = Provider(
            code=code,
            legal_name=application.legal_name,
            country=application.country,
            is_demonstration=current_settings().is_demonstration,
            state=ProviderState.APPROVED,
        )
        db.session.add(provider)
        db.session.flush()
        record(PROVIDER.machine, provider.id, None, ProviderState.APPROVED, at=now)
    provider.organisation_id = application.organisation_id
    provider.approved_at = now
    db.session.flush()
    return provider
