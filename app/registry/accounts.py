"""Accounts of project participants, and the registries that keep them."""

from __future__ import annotations

from sqlalchemy import bindparam, select

from app.db import db, write
from app.registry.models import RegistryAccount

# Said once: an order asks for each of its lines at every step.
_REGISTRY_CODE = select(RegistryAccount.registry_code).where(RegistryAccount.identifier == bindparam("identifier"))


def find_registry_code(identifier: str) -> str | None:
    """The code of the registry that keeps an account; None if nobody said whose it is."""
    code: str | None = write(_REGISTRY_CODE, {"identifier": identifier}).scalar()
    return code


def find_account_provider(identifier: str) -> int | None:
    """The id of the project participant that owns an account; None if there is no such account."""
    return db.session.scalar(select(RegistryAccount.provider_id).where(RegistryAccount.identifier == identifier))


def account_identifiers(provider_id: int) -> list[str]:
    """The accounts of a project participant, in the order of their identifiers."""
    return list(
        db.session.scalars(
            select(RegistryAccount.identifier)
            .where(RegistryAccount.provider_id == provider_id)
            .order_by(RegistryAccount.identifier)
        )
    )
