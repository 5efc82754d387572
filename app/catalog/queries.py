"""Reads about projects alone. What joins offers stands in `app.offers.queries`."""

from __future__ import annotations

from datetime import date

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import joinedload

from app.catalog.models import Project, PublishedCancellation
from app.db import db
from app.kernel.text import clean_line

_LISTED_UNTIL = (
    select(func.max(PublishedCancellation.listed_until))
    .where(PublishedCancellation.starts_at.is_(None))
    .scalar_subquery()
)
_PROJECT_WITH_LIST = (
    select(Project, _LISTED_UNTIL)
    .options(joinedload(Project.parties))
    .where(Project.reference == bindparam("reference"))
)


def find_project(reference: str) -> Project | None:
    """The project with this reference, however it is capitalised; None if there is none."""
    return db.session.scalar(select(Project).where(Project.reference == clean_line(reference).upper()))


def find_project_with_list(reference: str) -> tuple[Project, date | None] | None:
    """The project with its host Parties, and the last day that the registry's list of cancellations covers.

    The day is of every list that was loaded, whether or not it names this project. One query.
    """
    asked = {"reference": clean_line(reference).upper()}
    found = db.session.execute(_PROJECT_WITH_LIST, asked).unique().one_or_none()
    return (found[0], found[1]) if found is not None else None
