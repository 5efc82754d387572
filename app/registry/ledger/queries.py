"""What others may ask the embedded registry's books, beside the port."""

from __future__ import annotations

from sqlalchemy import select

from app.db import db
from app.registry.ledger.models import LedgerAccount


def find_account_provider(identifier: str) -> int | None:
    """The id of the project participant that owns an account; None if there is no such account or owner."""
    return db.session.scalar(select(LedgerAccount.provider_id).where(LedgerAccount.identifier == identifier))


def account_identifiers(provider_id: int) -> list[str]:
    """The accounts of a project participant, in the order of their identifiers."""
    return list(
        db.session.scalars(
            select(LedgerAccount.identifier)
            .where(LedgerAccount.provider_id == provider_id)
            .order_by(LedgerAccount.identifier)
        )
    )
