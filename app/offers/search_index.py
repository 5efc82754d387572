"""Keeps the search in step with what is offered by whom."""

from __future__ import annotations

from sqlalchemy import select, true

from app.catalog import search
from app.catalog.models import Issuance, Project
from app.db import db, one_at_a_time, transaction
from app.offers.models import Offer
from app.offers.states import UNSEEN
from app.providers.models import Provider


def note_sellers(project_id: int | None = None) -> None:
    """Let projects be found by the names of who sells their units, in the caller's transaction.

    Of one project or of all. Who only means to sell is not named.
    """
    sellers: dict[int, set[str]] = {}
    is_meant = Issuance.project_id == project_id if project_id is not None else true()
    for sold_id, name in db.session.execute(
        select(Issuance.project_id, Provider.legal_name)
        .join(Offer, Offer.issuance_id == Issuance.id)
        .join(Provider, Provider.id == Offer.provider_id)
        .where(Offer.state.not_in(UNSEEN), is_meant)
        .distinct()
    ):
        sellers.setdefault(sold_id, set()).add(name)
    search.write_sellers(sellers)


def note_seller(offer: Offer) -> None:
    """Do so for an offer that has just been opened, unless its seller is known to sell units of the project."""
    project_id = db.session.get_one(Issuance, offer.issuance_id).project_id
    others = (
        select(Offer.id)
        .join(Issuance, Issuance.id == Offer.issuance_id)
        .where(
            Issuance.project_id == project_id,
            Offer.provider_id == offer.provider_id,
            Offer.id != offer.id,
            Offer.state.not_in(UNSEEN),
        )
        .limit(1)
    )
    if db.session.scalar(others) is None:
        note_sellers(project_id)


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
