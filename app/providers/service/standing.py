"""Suspending a participant and letting it sell again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select

from app.audit.service import Actor, Subject, note_act, required_reason
from app.config import Settings
from app.db import advance, db, transaction
from app.providers import mails
from app.providers.errors import MovedOn, NoSuchThing
from app.providers.independence import require_outsider
from app.providers.models import Application, Provider
from app.providers.states import PROVIDER, ApplicationState, ProviderState

# The participant's id, the reason, who acts, and the aware instant; runs inside the deciding transaction.
SuspensionHandler = Callable[[int, str, Actor, datetime], object]
_handlers: dict[str, SuspensionHandler] = {}
# The same, with the project's id after the participant's.
AuthorityHandler = Callable[[int, int, str, Actor, datetime], object]
_authority_handlers: dict[str, AuthorityHandler] = {}


def on_suspension(handler: SuspensionHandler) -> None:
    """Say what else has to happen, in the same transaction, when a participant is suspended (its offers freeze).

    Called once for each handler when the application is made.
    """
    _handlers[f"{handler.__module__}.{handler.__qualname__}"] = handler


def on_lost_authority(handler: AuthorityHandler) -> None:
    """Say what else has to happen, in the same transaction, when a participant may not offer a project any more."""
    _authority_handlers[f"{handler.__module__}.{handler.__qualname__}"] = handler


def lose_authority(provider_id: int, project_id: int, reason: str, actor: Actor, now: datetime) -> None:
    """Do what follows from an authority that was taken away, in the caller's transaction."""
    for handler in _authority_handlers.values():
        handler(provider_id, project_id, reason, actor, now)


def suspend(provider_id: int, actor: Actor, *, reason: str, settings: Settings, now: datetime) -> None:
    """Stop a participant from selling; orders that are held or paid are fulfilled.

    Raises NoSuchThing, ReasonMissing, OwnOrganisation, or MovedOn when it is suspended already.
    """
    kept = required_reason(reason)
    with transaction():
        _move(provider_id, ProviderState.SUSPENDED, actor, kept, settings, now)
        for handler in _handlers.values():
            handler(provider_id, kept, actor, now)


def reinstate(provider_id: int, actor: Actor, *, reason: str, settings: Settings, now: datetime) -> None:
    """Let a participant sell again; frozen offers are thawed one by one. Raises as `suspend`."""
    kept = required_reason(reason)
    with transaction():
        _move(provider_id, ProviderState.APPROVED, actor, kept, settings, now)


def _move(provider_id: int, to: ProviderState, actor: Actor, reason: str, settings: Settings, now: datetime) -> None:
    provider = db.session.get(Provider, provider_id)
    if provider is None:
        raise NoSuchThing
    require_outsider(provider.organisation_id, actor.person_id)
    is_suspension = to is ProviderState.SUSPENDED
    # The public card says why only while it matters.
    if not advance(Provider, provider_id, PROVIDER, to, at=now, state_reason=reason if is_suspension else ""):
        raise MovedOn
    what = "seller_suspended" if is_suspension else "seller_reinstated"
    note_act(actor, what, Subject("provider", provider_id, provider.legal_name), at=now, reason=reason)
    if provider.organisation_id is not None:
        news = mails.SellerNews.SUSPENDED if is_suspension else mails.SellerNews.REINSTATED
        mails.news(provider.organisation_id, news, locale_of(provider.organisation_id), settings, now, reason=reason)


def locale_of(organisation_id: int) -> str:
    """The language of the application that was approved; English for a participant that never applied."""
    locale = db.session.scalar(
        select(Application.locale).where(
            Application.organisation_id == organisation_id, Application.state == ApplicationState.APPROVED
        )
    )
    return locale or "en"
