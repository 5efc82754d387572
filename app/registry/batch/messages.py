"""Every file that went to a registry or came from it is kept, once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.db import db, insert_once
from app.kernel.text import clean_line
from app.registry.batch.files import sha256
from app.registry.batch.models import RegistryMessage

CSV = "text/csv"
PDF = "application/pdf"
ZIP = "application/zip"


def keep(
    body: bytes,
    *,
    registry_code: str,
    direction: str,
    kind: str,
    name: str,
    media_type: str,
    now: datetime,
    **more: Any,
) -> RegistryMessage:
    """Keep a file inside the caller's transaction, or find that it was kept before. `more` are further columns."""
    fingerprint = sha256(body)
    insert_once(
        RegistryMessage,
        registry_code=registry_code,
        direction=direction,
        kind=kind,
        sha256=fingerprint,
        name=clean_line(name)[:200] or "–",
        media_type=media_type,
        size=len(body),
        body=body,
        received_at=now,
        **({"is_signed": False} | more),
    )
    return db.session.scalars(select(RegistryMessage).where(RegistryMessage.sha256 == fingerprint)).one()
