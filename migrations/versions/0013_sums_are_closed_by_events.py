"""Sums are closed up to an event instead of an instant: events only come later, where clocks may go back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. What is closed begins anew: an instant does not say which events were counted."""
    op.execute("DELETE FROM closed_sum")
    with op.batch_alter_table("closed_sum") as batch_op:
        batch_op.drop_column("closed_at")
        batch_op.add_column(sa.Column("through_event", sa.BigInteger(), nullable=False))
        batch_op.add_column(sa.Column("seen_event", sa.BigInteger(), nullable=False))
        batch_op.add_column(sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False))


def downgrade() -> None:
    """Take back. What is closed begins anew, as above."""
    op.execute("DELETE FROM closed_sum")
    with op.batch_alter_table("closed_sum") as batch_op:
        batch_op.drop_column("through_event")
        batch_op.drop_column("seen_event")
        batch_op.drop_column("seen_at")
        batch_op.add_column(sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False))
