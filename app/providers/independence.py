"""Whoever works for an organisation decides nothing about it as an operator."""

from __future__ import annotations

from sqlalchemy import select

from app.accounts.models import Membership
from app.db import db
from app.providers.errors import OwnOrganisation
from app.providers.models import Provider


def require_outsider(organisation_id: int | None, person_id: int | None) -> None:
    """Raises OwnOrganisation where the person has a role in the organisation; nobody has one in none."""
    seat = select(Membership.id).where(Membership.organisation_id == organisation_id, Membership.person_id == person_id)
    if db.session.scalar(seat) is not None:
        raise OwnOrganisation


def require_outsider_of(provider_id: int, person_id: int | None) -> None:
    """The same for the organisation behind a participant, which an imported one lacks. Raises OwnOrganisation."""
    organisation_id = db.session.scalar(select(Provider.organisation_id).where(Provider.id == provider_id))
    require_outsider(organisation_id, person_id)
