"""Participants and what they may offer, as others ask for it. Reads only."""

from __future__ import annotations

from sqlalchemy import select

from app.db import db
from app.providers.models import ProjectAuthority, Provider
from app.providers.states import AuthorityState, ProviderState


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
