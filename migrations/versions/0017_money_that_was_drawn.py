"""An index for what drew on the money of a payment: asked with every dispute, it would read all payments."""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_index("ix_payment_drawn", "payment", ["drawn_from_id"])


def downgrade() -> None:
    """Take back."""
    op.drop_index("ix_payment_drawn", table_name="payment")
