"""Addresses of orders and complaints are kept as those of people: they are found alike on both databases."""

from __future__ import annotations

import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TABLES = ("purchase_order", "complaint")


def upgrade() -> None:
    """Apply. In Python: SQLite knows only the letters of ASCII in lower case."""
    connection = op.get_bind()
    for name in TABLES:
        table = sa.table(name, sa.column("email"))
        for email in connection.scalars(sa.select(table.c.email).distinct()).all():
            plain = unicodedata.normalize("NFC", email.strip()).lower()
            if plain != email:
                connection.execute(sa.update(table).where(table.c.email == email).values(email=plain))


def downgrade() -> None:
    """Nothing to take back: an address in lower case was always allowed."""
