"""Keeps the search in step with what is offered by whom."""

from __future__ import annotations

from sqlalchemy import select

from app.catalog import search
from app.catalog.models import Issuance, Project
from app.db import db, one_at_a_time, transaction
from app.offers.models import Offer
from app.providers.models import Provider


def note_sellers() -> None:
    """Let projects be found by the names of who sells their units, in the caller's transaction."""
    sellers: dict[int, set[str]] = {}
    for project_id, name in db.session.execute(
        select(Issuance.project_id, Provider.legal_name)
        .join(Offer, Offer.issuance_id == Issuance.id)
        .join(Provider, Provider.id == Offer.provider_id)
        .distinct()
    ):
        sellers.setdefault(project_id, set()).add(name)
    search.write_sellers(sellers)


def rename_sellers() -> None:
    """Take over names of sellers that have just been corrected."""
    with transaction():
        one_at_a_time("import")
        note_sellers()


def rebuild() -> int:
    """Write the words of every project anew; gives how many projects there are."""
    with transaction():
        one_at_a_time("import")
        projects = db.session.scalars(select(Project)).all()
        search.write_projects(projects)
        note_sellers()
        return len(projects)
