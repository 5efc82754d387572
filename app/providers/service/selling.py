"""What a participant changes after its approval: its public card, and where its money goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from sqlalchemy import select

from app.audit.service import Actor, Subject, note_act, required_reason
from app.config import Settings
from app.db import KEEPING_KEYS, advance, record, transaction
from app.kernel.sealing import SealFor, seal_text, unseal_text
from app.providers import mails
from app.providers.errors import MovedOn, NoSuchThing, NotClear, OwnRequest, WordingUnfit
from app.providers.independence import require_outsider_of
from app.providers.models import Payee, Provider
from app.providers.queries import find_provider_of
from app.providers.service.imported import compared_as
from app.providers.service.standing import locale_of
from app.providers.states import PAYEE, PayeeState
from app.screening.service import Standing, screen, standing

_Y = PayeeState


def change_card(
    organisation_id: int,
    website: str,
    about: Mapping[str, str],
    first_claim: Callable[[str], str],
    actor: Actor,
    now: datetime,
) -> None:
    """Change the public card: `about` is a text by language. Empty texts are left out.

    Raises NoSuchThing, or WordingUnfit for a claim that nobody may make of units.
    """
    for language, text in about.items():
        if quote := first_claim(text):
            raise WordingUnfit(quote=quote, language=language)
    with transaction():
        provider = _provider(organisation_id)
        provider.website = website
        provider.about = {language: text for language, text in about.items() if text}
        note_act(actor, "seller_card_changed", _subject(provider), at=now)


def request_payee(
    organisation_id: int, holder: str, bank: str, account: str, actor: Actor, settings: Settings, now: datetime
) -> None:
    """Ask for another payee; money goes to the old one until an operator, the second person, has agreed.

    A request that waits is replaced. The name is compared with the sanctions lists. Raises NoSuchThing.
    """
    sealed = seal_text(account, settings.keyring, SealFor.ACCOUNT_NUMBER)
    with transaction() as session:
        provider = session.get_one(Provider, _provider(organisation_id).id, with_for_update=KEEPING_KEYS)
        waiting = select(Payee.id).where(Payee.provider_id == provider.id, Payee.state == _Y.REQUESTED)
        for earlier in session.scalars(waiting.with_for_update()).all():
            advance(Payee, earlier, PAYEE, _Y.REFUSED, at=now, decided_at=now)
        payee = Payee(
            provider_id=provider.id,
            state=_Y.REQUESTED,
            holder=holder,
            bank=bank,
            account=sealed,
            requested_by=actor.person_id,
            requested_at=now,
        )
        session.add(payee)
        session.flush()
        record(PAYEE.machine, payee.id, None, _Y.REQUESTED, at=now)
        note_act(actor, "payee_requested", _subject(provider), at=now, facts={"payee": payee.id})
        screen(*compared_as(provider.id), [holder], now)


def look_at_payee(payee_id: int, actor: Actor, settings: Settings, now: datetime) -> str:
    """The whole account number of a payee; every look is written down. Raises NoSuchThing or SealBroken."""
    with transaction() as session:
        payee = session.get(Payee, payee_id)
        if payee is None:
            raise NoSuchThing
        provider = session.get_one(Provider, payee.provider_id)
        note_act(actor, "payee_seen", _subject(provider), at=now, facts={"payee": payee_id})
        sealed = payee.account
    return unseal_text(sealed, settings.keyring, SealFor.ACCOUNT_NUMBER)


def decide_payee(payee_id: int, *, accept: bool, actor: Actor, reason: str, settings: Settings, now: datetime) -> None:
    """Agree to a requested payee, or refuse it. The owner's request and this decision are the two people.

    Raises NoSuchThing, ReasonMissing, OwnRequest, OwnOrganisation, NotClear for a participant of whom a likeness
    waits or is confirmed, or MovedOn when it was decided or replaced before.
    """
    kept = required_reason(reason)
    with transaction() as session:
        payee = session.get(Payee, payee_id)
        if payee is None:
            raise NoSuchThing
        if payee.requested_by == actor.person_id:
            raise OwnRequest
        require_outsider_of(payee.provider_id, actor.person_id)
        provider = session.get_one(Provider, payee.provider_id, with_for_update=KEEPING_KEYS)
        here = standing(*compared_as(provider.id))
        if accept and here is not Standing.CLEAR:
            raise NotClear(standing=here.value)
        current = session.scalar(select(Payee.id).where(Payee.provider_id == provider.id, Payee.state == _Y.CURRENT))
        if accept and current is not None:
            advance(Payee, current, PAYEE, _Y.REPLACED, at=now)
        if not advance(Payee, payee_id, PAYEE, _Y.CURRENT if accept else _Y.REFUSED, at=now, decided_at=now):
            raise MovedOn
        what = "payee_accepted" if accept else "payee_refused"
        facts = {"payee": payee_id, "requested_by": payee.requested_by}
        note_act(actor, what, _subject(provider), at=now, reason=kept, facts=facts)
        if accept and provider.organisation_id is not None:
            locale = locale_of(provider.organisation_id)
            mails.news(provider.organisation_id, mails.SellerNews.PAYEE_CHANGED, locale, settings, now)


def _provider(organisation_id: int) -> Provider:
    provider = find_provider_of(organisation_id)
    if provider is None:
        raise NoSuchThing
    return provider


def _subject(provider: Provider) -> Subject:
    return Subject("provider", provider.id, provider.legal_name)
