"""References that were handed over in a package which a restored backup forgot."""

from __future__ import annotations

from sqlalchemy import select

from app.db import db
from app.registry.models import ForgottenSubmission


def find_forgotten_package(reference: str) -> str | None:
    """The code of the package that a reference was handed over in and that our books lost; None for any other."""
    return db.session.scalar(select(ForgottenSubmission.package).where(ForgottenSubmission.reference == reference))
