"""How Alembic reaches the database: through the application, with the application's models."""

from __future__ import annotations

from typing import Any

from alembic import context
from flask import current_app

import app.models  # noqa: F401 - the tables must be known before they are compared
from app.kernel.columns import UTCDateTime

target = current_app.extensions["migrate"].db


def is_ours(_thing: object, name: str | None, kind: str, _reflected: bool, _compare_to: object) -> bool:
    """huey keeps its hints in tables of its own; the search has what only one of the two databases knows."""
    if kind == "table":
        return not (name or "").startswith(("huey_", "search_index"))
    return not (kind == "index" and name == "ix_search_document_words")


def render(kind: str, thing: object, _context: Any) -> str | bool:
    """A migration must not depend on today's code: our column type is a plain one in the database."""
    if kind == "type" and isinstance(thing, UTCDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def run() -> None:
    """Run the migrations on the application's own connection."""
    with target.engine.connect() as connection:
        is_sqlite = connection.dialect.name == "sqlite"
        if is_sqlite:
            # A table that is made anew is dropped for a moment, and what refers to it must not mind.
            connection.connection.dbapi_connection.execute("PRAGMA foreign_keys=OFF")
        context.configure(
            connection=connection,
            target_metadata=target.metadata,
            include_object=is_ours,
            render_item=render,
            render_as_batch=True,
            compare_type=True,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        if is_sqlite:
            orphans = connection.connection.dbapi_connection.execute("PRAGMA foreign_key_check").fetchall()
            if orphans:
                raise RuntimeError(f"rows without their parents after the migration: {orphans[:10]}")
            connection.connection.dbapi_connection.execute("PRAGMA foreign_keys=ON")


run()
