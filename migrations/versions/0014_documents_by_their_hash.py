"""A PDF that somebody holds is found by the hash of its bytes."""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table("document") as batch_op:
        batch_op.create_index(batch_op.f("ix_document_pdf_sha256"), ["pdf_sha256"], unique=False)


def downgrade() -> None:
    """Take back."""
    with op.batch_alter_table("document") as batch_op:
        batch_op.drop_index(batch_op.f("ix_document_pdf_sha256"))
