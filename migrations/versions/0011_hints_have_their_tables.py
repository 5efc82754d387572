"""The tables of the queue on PostgreSQL, so that the services need no right to make tables."""

from __future__ import annotations

from alembic import op
from huey.storage import PostgresStorage

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLES = ("huey_kv", "huey_schedule", "huey_task", "huey_counter")


def upgrade() -> None:
    """Apply. Where the queue has made them itself before, nothing happens."""
    if _is_postgresql():
        for statement in PostgresStorage("tonne", create_tables=False).ddl:
            op.execute(statement)


def downgrade() -> None:
    """Take back."""
    if _is_postgresql():
        for name in TABLES:
            op.drop_table(name)


def _is_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"
