"""Indexes for what pages, files and the worker ask of tables with a million rows."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

INDEXES = (
    ("ix_purchase_order_email", "purchase_order", ["email"]),
    ("ix_purchase_order_placed", "purchase_order", ["placed_at"]),
    ("ix_purchase_order_paid", "purchase_order", ["paid_at"]),
    ("ix_order_line_seller", "order_line", ["provider_id", "id"]),
    ("ix_order_line_project", "order_line", ["project_id", "provider_id", "id"]),
    ("ix_cancellation_completed", "cancellation", ["state", "completed_at", "id"]),
    ("ix_cancellation_transaction", "cancellation", ["registry_transaction"]),
    ("ix_cancellation_pool", "cancellation", ["account", "state", "issuance_id", "units"]),
    ("ix_cancellation_issuance", "cancellation", ["issuance_id", "state"]),
    ("ix_certificate_issued", "certificate", ["issued_at"]),
    ("ix_payment_charge", "payment", ["charge_reference"]),
    ("ix_refund_created", "refund", ["created_at"]),
    ("ix_refund_gateway", "refund", ["gateway_reference"]),
    ("ix_ledger_transaction_newest", "ledger_transaction", ["completed_at", "id"]),
)


def upgrade() -> None:
    """Apply."""
    for name, table, columns in INDEXES:
        op.create_index(name, table, columns)


def downgrade() -> None:
    """Take back."""
    for name, table, _columns in reversed(INDEXES):
        op.drop_index(name, table_name=table)
