"""Saying which registry keeps an account, and whose it is."""

from __future__ import annotations

from sqlalchemy import select

from app.db import insert_once, transaction
from app.providers.models import Provider
from app.registry.errors import AccountTaken, UnknownHolder
from app.registry.models import RegistryAccount


def assign_account(identifier: str, registry_code: str, provider_code: str) -> bool:
    """Note that a registry keeps an account for a project participant; False where that was known already.

    Raises UnknownHolder where no participant has this code, and AccountTaken where the account is another
    participant's or another registry's.
    """
    with transaction() as session:
        provider = session.scalar(select(Provider).where(Provider.code == provider_code))
        if provider is None:
            raise UnknownHolder(provider=provider_code)
        is_new = insert_once(
            RegistryAccount,
            identifier=identifier,
            registry_code=registry_code,
            provider_id=provider.id,
            holder=provider.legal_name,
        )
        known = session.get_one(RegistryAccount, identifier)
        if (known.registry_code, known.provider_id) != (registry_code, provider.id):
            raise AccountTaken(account=identifier)
    return is_new
