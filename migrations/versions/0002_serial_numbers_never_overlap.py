"""Serial numbers never overlap.

The last line of defence behind every guard: two blocks of the ledger, or two cancelled blocks, can
never hold the same serial number. PostgreSQL has exclusion constraints for this, SQLite triggers.
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# A block overlaps another one if that begins inside it, or if the block before it reaches into it:
# two look-ups in an index, however many blocks there are.
TRIGGER = """
CREATE TRIGGER ex_{table}_{name} BEFORE {event} ON {table}
WHEN EXISTS (
    SELECT 1 FROM {table} AS other
    WHERE other.space = NEW.space AND other.id IS NOT NEW.id AND other.first BETWEEN NEW.first AND NEW.last
) OR (
    SELECT other.last FROM {table} AS other
    WHERE other.space = NEW.space AND other.id IS NOT NEW.id AND other.first < NEW.first
    ORDER BY other.first DESC LIMIT 1
) >= NEW.first
BEGIN SELECT RAISE(ABORT, 'serial numbers overlap'); END
"""

TABLES = ("ledger_block", "cancelled_block")


def upgrade() -> None:
    """Apply."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
        for table in TABLES:
            op.execute(
                f"ALTER TABLE {table} ADD CONSTRAINT ex_{table}_serials "
                "EXCLUDE USING gist (space WITH =, int8range(first, last, '[]') WITH &&)"
            )
        return
    for table in TABLES:
        for event in ("INSERT", "UPDATE"):
            op.execute(TRIGGER.format(table=table, name=event.lower(), event=event))


def downgrade() -> None:
    """Take back."""
    if op.get_bind().dialect.name == "postgresql":
        for table in TABLES:
            op.execute(f"ALTER TABLE {table} DROP CONSTRAINT ex_{table}_serials")
        op.execute("DROP EXTENSION IF EXISTS btree_gist")
        return
    for table in TABLES:
        for event in ("INSERT", "UPDATE"):
            op.execute(f"DROP TRIGGER ex_{table}_{event.lower()}")
