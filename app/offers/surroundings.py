"""Tells the pages of participants what they must know of projects, offers and wordings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import select

from app import current
from app.catalog import queries as catalog
from app.catalog.models import Issuance, Project
from app.claims.checker import find_claims
from app.db import db
from app.offers.closing import on_sale
from app.offers.models import Offer
from app.offers.search_index import note_sellers
from app.offers.states import OfferState
from app.providers.ports import NamedProject


class MarketSurroundings:
    """The projects and offers of this marketplace (`app.providers.ports.Surroundings`)."""

    def find_project(self, reference: str) -> NamedProject | None:
        """The project with a reference, however it is capitalised, or None."""
        found = catalog.find_project(reference)
        return NamedProject(found.id, found.reference, found.title) if found else None

    def projects(self, ids: Iterable[int]) -> dict[int, NamedProject]:
        """Projects by id."""
        rows = db.session.execute(
            select(Project.id, Project.reference, Project.title).where(Project.id.in_(tuple(ids)))
        )
        return {row.id: NamedProject(row.id, row.reference, row.title) for row in rows}

    def on_sale(self, provider_id: int) -> Sequence[NamedProject]:
        """The projects of which a participant has units on sale, by title."""
        rows = db.session.execute(
            select(Project.id, Project.reference, Project.title)
            .where(
                Project.id.in_(
                    select(Issuance.project_id)
                    .join(Offer, Offer.issuance_id == Issuance.id)
                    .where(Offer.provider_id == provider_id, Offer.state == OfferState.LIVE, on_sale(current.now()))
                )
            )
            .order_by(Project.title, Project.id)
        )
        return [NamedProject(row.id, row.reference, row.title) for row in rows]

    def note_sellers(self) -> None:
        """Let projects be found by the names that participants have now, in the caller's transaction."""
        note_sellers()

    def first_claim(self, text: str) -> str:
        """The first words that claim what nobody may claim of units; empty for none."""
        return next((finding.quote for finding in find_claims(text)), "")
