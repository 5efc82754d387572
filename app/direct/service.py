"""Cancelling own units without a sale: placed, begun, finished; held for a person where a name asks for it.

The registry part is that of every cancellation (`app/registry/service.py`): planned under a reference of
its own, sent once, looked up when the outcome is unknown.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from app.audit.service import Actor, Subject, note_act, required_reason
from app.catalog.mechanisms import mechanism_of
from app.catalog.models import Issuance, Project
from app.certificates import service as certificates
from app.certificates.ports import CertificateDraft
from app.checkout.models import Beneficiary
from app.checkout.service.allowed import require_intent
from app.claims.checker import find_claims
from app.config import Settings
from app.db import advance, db, end_reading, read_ids, record, transaction
from app.direct import facts as certificate_facts
from app.direct import mails
from app.direct.errors import (
    MatchOpen,
    NotHeld,
    NotYourUnits,
    ParticipantCannotAct,
    RegistryClosed,
    RegistryLost,
    WishUnfit,
)
from app.direct.models import DirectCancellation
from app.direct.purposes import NEED_A_SCHEME, Purpose
from app.direct.states import DIRECT, DirectState
from app.kernel import checkpoints
from app.kernel.csvtable import countries
from app.kernel.references import direct_reference
from app.kernel.text import clean_line
from app.offers.pools import Holdings, lock, read_supply, require_free
from app.providers.independence import require_outsider_of
from app.providers.models import Provider
from app.providers.states import ProviderState
from app.registry.accounts import find_account_provider
from app.registry.doubts import are_units_doubted
from app.registry.models import Cancellation
from app.registry.ports import Registries, UnknownRegistry
from app.registry.service import Cause, Plan, plan_cancellations
from app.registry.states import CANCELLATION, CancellationState
from app.screening.service import ScreenedSubject, Standing, screen, standing
from app.selling import service as selling

KIND = "direct_cancellation"
# Why it stands where it stands: codes of ours, beside those of a registry that refused.
LIKE_A_LISTED_NAME, REFUSED_BY_US = "like_a_listed_name", "refused_by_us"
INTENTS = ("contribution", "compensation")
LONGEST = {"name": 200, "purpose": 500, "scheme_name": 120}  # characters

_S = DirectState

# Said once: the worker asks in every round.
UNBEGUN = (
    select(DirectCancellation.id)
    .where(DirectCancellation.state == _S.PLACED)
    .order_by(DirectCancellation.id)
    .limit(bindparam("most"))
)
ANSWERED = (
    select(DirectCancellation.id)
    .join(Cancellation, Cancellation.direct_cancellation_id == DirectCancellation.id)
    .where(DirectCancellation.state == _S.FULFILLING, Cancellation.state.in_(CANCELLATION.final()))
    .order_by(DirectCancellation.id)
    .limit(bindparam("most"))
)
_TO_BEGIN, _TO_FINISH = (each.offset(bindparam("skipped")) for each in (UNBEGUN, ANSWERED))


@dataclass(frozen=True)
class Wish:
    """What a holder wants cancelled, for whom and why.

    `units` are tonnes; `name` counts only where it is not for the holder itself; `country` is an ISO
    3166-1 alpha-2 code or empty; `intent` is one of INTENTS.
    """

    account: str
    issuance_id: int
    units: int
    is_for_itself: bool
    name: str
    purpose: str
    purpose_category: str
    scheme_name: str
    intent: str
    country: str
    is_name_public: bool


def place(
    provider_id: int,
    wish: Wish,
    *,
    once: str,
    consent_version: str,
    consent_text: str,
    locale: str,
    is_demonstration: bool,
    actor: Actor,
    holdings: Holdings,
    now: datetime,
) -> int:
    """Write down a direct cancellation, which the sweeper carries out; gives its id.

    `once` is the form's own random text: the same form with the same content, sent twice, is one
    cancellation. `holdings` asks the registry, before the transaction. Raises WishUnfit, NotYourUnits,
    ParticipantCannotAct, IntentNotAllowed, RegistryClosed or MoreThanHeld; nothing is promised then.
    """
    wish = _checked(wish)
    submission = _fingerprint(provider_id, once, wish)
    earlier = _find(submission)
    end_reading()
    if earlier is not None:
        return earlier
    if find_account_provider(wish.account) != provider_id:
        raise NotYourUnits
    end_reading()
    supply = read_supply([wish.account], holdings)
    with transaction() as session:
        # Two presses of one button wait for each other here, and so does whoever offers these units.
        lock([(wish.account, wish.issuance_id)])
        earlier = _find(submission)
        if earlier is not None:
            return earlier
        # Nobody suspends the participant before this is written down.
        provider = session.get_one(Provider, provider_id, with_for_update={"read": True})
        issuance = session.get(Issuance, wish.issuance_id)
        if provider.state is not ProviderState.APPROVED or provider.organisation_id is None or actor.person_id is None:
            raise ParticipantCannotAct
        if issuance is None:
            raise NotYourUnits
        require_intent(wish.intent, [issuance.authorisation])
        ends_at = mechanism_of(issuance.unit_type).ends_at
        if ends_at is not None and ends_at <= now:
            raise RegistryClosed
        require_free(wish.account, issuance.id, wish.units, supply)
        direct = DirectCancellation(
            reference=direct_reference(),
            once=submission,
            state=_S.PLACED,
            provider_id=provider_id,
            person_id=actor.person_id,
            issuance_id=issuance.id,
            project_id=issuance.project_id,
            account=wish.account,
            units=wish.units,
            is_for_itself=wish.is_for_itself,
            locale=locale,
            is_demonstration=is_demonstration,
            consent_version=consent_version,
            consent_text=consent_text,
            placed_at=now,
        )
        session.add(direct)
        session.flush()
        session.add(
            Beneficiary(
                direct_cancellation_id=direct.id,
                name=provider.legal_name if wish.is_for_itself else wish.name,
                purpose=wish.purpose,
                intent=wish.intent,
                country=wish.country,
                is_name_public=wish.is_name_public,
                purpose_category=wish.purpose_category,
                scheme_name=wish.scheme_name,
            )
        )
        record(DIRECT.machine, direct.id, None, _S.PLACED, at=now)
        note_act(actor, "direct_cancellation_placed", subject_of(direct), at=now, facts={"units": wish.units})
        direct_id = direct.id
    checkpoints.reached("order.placed")
    return direct_id


def _find(submission: str) -> int | None:
    return db.session.scalar(select(DirectCancellation.id).where(DirectCancellation.once == submission))


def _checked(wish: Wish) -> Wish:
    """The wish with harmless texts. Raises WishUnfit with the first field that does not fit."""
    cleaned = Wish(**{**asdict(wish), **{name: clean_line(getattr(wish, name)) for name in LONGEST}})
    needs_scheme = cleaned.purpose_category in NEED_A_SCHEME
    fits = (
        ("units", cleaned.units > 0),
        ("purpose_category", cleaned.purpose_category in set(Purpose)),
        ("name", cleaned.is_for_itself or bool(cleaned.name)),
        # It is printed as a name and no statement: a claim about the climate has no place there.
        ("scheme_name", not find_claims(cleaned.scheme_name) and bool(cleaned.scheme_name or not needs_scheme)),
        ("intent", cleaned.intent in INTENTS),
        ("country", cleaned.country in {"", *countries()}),
        *((name, len(getattr(cleaned, name)) <= most) for name, most in LONGEST.items()),
    )
    unfit = next((name for name, does_fit in fits if not does_fit), None)
    if unfit is not None:
        raise WishUnfit(field=unfit)
    return cleaned


def _fingerprint(provider_id: int, once: str, wish: Wish) -> str:
    text = json.dumps([provider_id, once, asdict(wish)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:40]


def get_reference(direct_id: int) -> str:
    """What people call it."""
    return db.session.get_one(DirectCancellation, direct_id).reference


def open_subjects() -> list[ScreenedSubject]:
    """Direct cancellations that nothing was sent of yet, for a new edition of a sanctions list."""
    rows = db.session.scalars(
        select(DirectCancellation.id).where(DirectCancellation.state.in_((_S.PLACED, _S.RISK_HOLD)))
    ).all()
    return [ScreenedSubject(KIND, direct_id, names_of(direct_id)) for direct_id in rows]


# --- units are cancelled ------------------------------------------------------------------------------


def due_to_begin(limit: int, skipped: int) -> list[int]:
    """Ids of direct cancellations that nobody took to the registry yet, without the first ones."""
    return read_ids(_TO_BEGIN, most=limit, skipped=skipped)


def begin(direct_id: int, registries: Registries, now: datetime) -> bool:
    """Plan the cancellation, or hold it for a person: a name is like one on a sanctions list, or its registry is lost.

    One transaction; nothing is planned of what is held. False when somebody else was faster.
    """
    try:
        with transaction():
            if screen(KIND, direct_id, names_of(direct_id), now):
                is_done = _hold(direct_id, LIKE_A_LISTED_NAME, now)
            else:
                is_done = _set_going(direct_id, _S.PLACED, registries, now)
    except RegistryLost as lost:
        with transaction():
            is_done = _hold(direct_id, lost.code, now)
    checkpoints.reached("job.claimed")
    return is_done


def _hold(direct_id: int, reason: str, now: datetime) -> bool:
    return advance(
        DirectCancellation, direct_id, DIRECT, _S.RISK_HOLD, at=now,
        sources=(_S.PLACED,), facts={"reason": reason}, state_reason=reason,
    )  # fmt: skip


def names_of(direct_id: int) -> tuple[str, ...]:
    """Every name behind a direct cancellation: who has the units cancelled, and on whose behalf."""
    direct = db.session.get_one(DirectCancellation, direct_id)
    holder = db.session.get_one(Provider, direct.provider_id).legal_name
    return (holder, _beneficiary_of(direct_id).name)


def let_go(direct_id: int, actor: Actor, reason: str, *, registries: Registries, now: datetime) -> None:
    """Take a held direct cancellation to the registry after all.

    Raises ReasonMissing, OwnOrganisation, MatchOpen while a likeness is pending or was confirmed, RegistryLost, or
    NotHeld.
    """
    kept = required_reason(reason)
    with transaction() as session:
        direct = session.get_one(DirectCancellation, direct_id)
        require_outsider_of(direct.provider_id, actor.person_id)
        found = standing(KIND, direct_id)
        if found is not Standing.CLEAR:
            raise MatchOpen(standing=found.value)
        if not _set_going(direct_id, _S.RISK_HOLD, registries, now, state_reason=""):
            raise NotHeld(state=direct.state.value)
        note_act(actor, "direct_cancellation_let_go", subject_of(direct), at=now, reason=kept)


def refuse(direct_id: int, actor: Actor, reason: str, *, settings: Settings, now: datetime) -> None:
    """End a held direct cancellation of which nothing was sent; its units are free again.

    No money and no registry is touched, so one operator decides. Raises ReasonMissing, OwnOrganisation or
    NotHeld.
    """
    kept = required_reason(reason)
    with transaction() as session:
        direct = session.get_one(DirectCancellation, direct_id)
        require_outsider_of(direct.provider_id, actor.person_id)
        refused = advance(
            DirectCancellation, direct_id, DIRECT, _S.REFUSED, at=now,
            sources=(_S.RISK_HOLD,), finished_at=now, state_reason=REFUSED_BY_US,
        )  # fmt: skip
        if not refused:
            raise NotHeld(state=direct.state.value)
        note_act(actor, "direct_cancellation_refused", subject_of(direct), at=now, reason=kept)
        mails.refused(direct, settings, now)


def _set_going(direct_id: int, source: DirectState, registries: Registries, now: datetime, **values: Any) -> bool:
    """Begun and planned are one fact. Raises RegistryLost; nothing is begun then."""
    begun = advance(DirectCancellation, direct_id, DIRECT, _S.FULFILLING, at=now, sources=(source,), **values)
    if begun:
        _plan(direct_id, registries, now)
    return begun


def _plan(direct_id: int, registries: Registries, now: datetime) -> None:
    direct = db.session.get_one(DirectCancellation, direct_id)
    beneficiary = _beneficiary_of(direct_id)
    try:
        registry = registries.of_account(direct.account).name
    except UnknownRegistry as unknown:
        raise RegistryLost from unknown
    plan = Plan(
        cause=Cause(direct_cancellation_id=direct_id, key=f"direct:{direct.once}", at=direct.placed_at),
        registry=registry,
        account=direct.account,
        project_reference=db.session.get_one(Project, direct.project_id).reference,
        issuance=db.session.get_one(Issuance, direct.issuance_id),
        units=direct.units,
        beneficiary_name=beneficiary.name,
        purpose=beneficiary.purpose,
    )
    plan_cancellations([plan], now)


def due_to_finish(limit: int, skipped: int) -> list[int]:
    """Ids of direct cancellations that the registry has confirmed or refused, without the first ones."""
    return read_ids(_TO_FINISH, most=limit, skipped=skipped)


def finish(direct_id: int, registries: Registries, settings: Settings, now: datetime) -> bool:
    """Certify what was cancelled, or say that nothing was: one transaction, once. False when it was done before."""
    with transaction() as session:
        cancellation = session.scalars(
            select(Cancellation).where(Cancellation.direct_cancellation_id == direct_id)
        ).one()
        if cancellation.state is CancellationState.CONFIRMED:
            is_done = advance(DirectCancellation, direct_id, DIRECT, _S.FULFILLED, at=now, finished_at=now)
            if is_done:
                _certify(direct_id, cancellation, registries, settings, now)
        else:
            code = cancellation.refusal_code
            is_done = advance(
                DirectCancellation, direct_id, DIRECT, _S.REFUSED, at=now,
                sources=(_S.FULFILLING,), finished_at=now, state_reason=code,
            )  # fmt: skip
            if is_done:
                units = cancellation.account, cancellation.issuance_id
                is_doubted = are_units_doubted(code, *units)
                if is_doubted:
                    selling.freeze_units([units], f"registry refused {cancellation.reference}", now)
                direct = session.get_one(DirectCancellation, direct_id)
                mails.refused(direct, settings, now, is_by_registry=True, is_off_sale=is_doubted)
    checkpoints.reached("certificate.facts_frozen")
    return is_done


def _certify(
    direct_id: int, cancellation: Cancellation, registries: Registries, settings: Settings, now: datetime
) -> None:
    direct = db.session.get_one(DirectCancellation, direct_id)
    beneficiary = _beneficiary_of(direct_id)
    facts = certificate_facts.of_direct_cancellation(direct, beneficiary, cancellation, settings, registries)
    (certificate,) = certificates.issue(
        [CertificateDraft(facts, direct.project_id, beneficiary.id, cancellation.registry_code)],
        direct_cancellation_id=direct_id,
        base_url=settings.public_base_url,
        now=now,
    )
    certificates.request_documents(order_id=None, subjects=[certificate.number], locale=direct.locale, now=now)
    mails.certified(direct, certificate, settings, now)


def _beneficiary_of(direct_id: int) -> Beneficiary:
    return db.session.scalars(select(Beneficiary).where(Beneficiary.direct_cancellation_id == direct_id)).one()


def subject_of(direct: DirectCancellation) -> Subject:
    """A direct cancellation as acts name it."""
    return Subject(KIND, direct.id, direct.reference)
