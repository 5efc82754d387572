"""Comparing our books with those of registries and of money, and coming back from a backup."""

from __future__ import annotations

from datetime import datetime

from flask import Flask

from app.fulfilment.process import collaborators
from app.reconciliation import journalling, restored, service, views
from app.reconciliation.journal import Journal


def init_app(app: Flask) -> None:
    """Register the pages, and let the worker keep the journal and compare the books."""
    journal = Journal(app.extensions["tonne.settings"].journal_path)

    def keep_the_journal(now: datetime) -> int:
        return journalling.catch_up(journal, now)

    def compare(_now: datetime) -> int:
        world = collaborators(app)
        return restored.catch_up(world) + service.compare_wanted(world) + service.compare_nightly(world)

    def heed_the_journal() -> None:
        """A database that is older than its journal must not cancel anything before that is seen."""
        journalling.catch_up(journal, app.extensions["tonne.clock"].now())

    # Each for itself: what cannot be written down is compared all the same.
    app.extensions.setdefault("tonne.background", []).extend([keep_the_journal, compare])
    app.extensions.setdefault("tonne.before_work", []).append(heed_the_journal)
    restored.init_app()
    views.init_app(app)
