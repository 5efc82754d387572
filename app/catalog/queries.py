"""Reads about projects alone. What joins offers stands in `app.offers.queries`."""

from __future__ import annotations

from sqlalchemy import select

from app.catalog.models import Project
from app.db import db
from app.kernel.text import clean_line


def find_project(reference: str) -> Project | None:
    """The project with this reference, however it is capitalised; None if there is none."""
    return db.session.scalar(select(Project).where(Project.reference == clean_line(reference).upper()))
