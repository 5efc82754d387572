"""A buyer who asks their bank for the money of a payment back: a record beside the payment, and the test gateway's."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "dispute",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("payment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("gateway_reference", sa.String(length=120), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "open",
                "under_review",
                "won",
                "lost",
                name="dispute_state",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.String(length=80), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("taken", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("evidence_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_check_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_dispute_positive")),
        sa.CheckConstraint("taken IN (0, amount)", name=op.f("ck_dispute_taken")),
        sa.ForeignKeyConstraint(["order_id"], ["purchase_order.id"], name=op.f("fk_dispute_order_id_purchase_order")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_dispute_payment_id_payment")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute")),
        sa.UniqueConstraint("gateway_reference", name=op.f("uq_dispute_gateway_reference")),
    )
    op.create_index("ix_dispute_due", "dispute", ["state", "next_check_at"], unique=False)
    op.create_index(op.f("ix_dispute_order_id"), "dispute", ["order_id"], unique=False)
    op.create_index(op.f("ix_dispute_payment_id"), "dispute", ["payment_id"], unique=False)
    op.create_table(
        "testpay_dispute",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("reference", sa.String(length=80), nullable=False),
        sa.Column("session_reference", sa.String(length=80), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_testpay_dispute")),
        sa.UniqueConstraint("reference", name=op.f("uq_testpay_dispute_reference")),
        sa.UniqueConstraint("session_reference", name=op.f("uq_testpay_dispute_session_reference")),
    )
    op.create_index(op.f("ix_testpay_dispute_opened_at"), "testpay_dispute", ["opened_at"], unique=False)


def downgrade() -> None:
    """Take back."""
    op.drop_table("testpay_dispute")
    op.drop_table("dispute")
