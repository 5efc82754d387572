"""Participants that nobody applied for: an operator imported them, and their names are compared all the same."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select

from app.db import db
from app.providers.models import Application, Payee, Provider
from app.providers.service.applying import NAMED
from app.providers.service.applying import SUBJECT as APPLICATION
from app.screening.service import ScreenedSubject, screen

SUBJECT = "provider"


def compare(providers: Iterable[Provider], now: datetime) -> None:
    """Compare the names of imported participants with the current lists, inside the caller's transaction."""
    for provider in providers:
        screen(SUBJECT, provider.id, [provider.legal_name], now)


def open_subjects() -> list[ScreenedSubject]:
    """Every participant without an application, with its payees, for a new edition of a list."""
    applied = select(Application.id).where(Application.provider_id == Provider.id).exists()
    rows = db.session.execute(
        select(Provider.id, Provider.legal_name, Payee.holder)
        .outerjoin(Payee, (Payee.provider_id == Provider.id) & Payee.state.in_(NAMED))
        .where(~applied)
        .order_by(Provider.id, Payee.id)
    )
    names: dict[int, list[str]] = {}
    for row in rows:
        names.setdefault(row.id, [row.legal_name]).extend([row.holder] if row.holder else [])
    return [ScreenedSubject(SUBJECT, provider_id, tuple(all_)) for provider_id, all_ in names.items()]


def called(provider_id: int) -> str:
    """The code of the participant with an id; empty for none."""
    return db.session.scalar(select(Provider.code).where(Provider.id == provider_id)) or ""


def compared_as(provider_id: int) -> tuple[str, int]:
    """The kind and id that a participant's names are compared under: its application's, where there is one."""
    application_id = db.session.scalar(select(Application.id).where(Application.provider_id == provider_id))
    return (SUBJECT, provider_id) if application_id is None else (APPLICATION, application_id)
