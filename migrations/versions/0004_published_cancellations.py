"""Published cancellations and the day of a project's facts; when the registry last confirmed what an offer is of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "published_cancellation",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("project_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("channel", sa.String(length=24), nullable=False),
        sa.Column("unit_type", sa.String(length=12), nullable=False),
        sa.Column("commitment_period", sa.Integer(), nullable=True),
        sa.Column("originating_party", sa.String(length=2), nullable=True),
        sa.Column("serial_first", sa.BigInteger(), nullable=True),
        sa.Column("serial_last", sa.BigInteger(), nullable=True),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("listed_until", sa.Date(), nullable=False),
        sa.CheckConstraint("units > 0", name=op.f("ck_published_cancellation_positive")),
        sa.CheckConstraint("serial_last - serial_first + 1 = units", name=op.f("ck_published_cancellation_length")),
        sa.CheckConstraint(
            "(serial_first IS NULL) <> (starts_at IS NULL)", name=op.f("ck_published_cancellation_serials_or_sum")
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_published_cancellation_project_id_project")
        ),
        sa.ForeignKeyConstraint(
            ["unit_type"], ["unit_type.code"], name=op.f("fk_published_cancellation_unit_type_unit_type")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_published_cancellation")),
        sa.UniqueConstraint(
            "originating_party",
            "serial_first",
            name=op.f("uq_published_cancellation_originating_party_serial_first"),
        ),
        sa.UniqueConstraint(
            "project_id", "channel", "starts_at", name=op.f("uq_published_cancellation_project_id_channel_starts_at")
        ),
    )
    op.create_index(
        op.f("ix_published_cancellation_project_id"), "published_cancellation", ["project_id"], unique=False
    )
    op.create_index(
        op.f("ix_published_cancellation_listed_until"), "published_cancellation", ["listed_until"], unique=False
    )
    op.add_column("project", sa.Column("facts_on", sa.Date(), nullable=True))
    op.add_column("offer", sa.Column("holding_confirmed_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Take back."""
    op.drop_column("offer", "holding_confirmed_at")
    op.drop_column("project", "facts_on")
    op.drop_index(op.f("ix_published_cancellation_listed_until"), table_name="published_cancellation")
    op.drop_index(op.f("ix_published_cancellation_project_id"), table_name="published_cancellation")
    op.drop_table("published_cancellation")
