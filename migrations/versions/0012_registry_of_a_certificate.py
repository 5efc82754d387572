"""A certificate says which registry it is of: an order may have units of one project in several."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

BEFORE = "uq_certificate_order_id_project_id_beneficiary_id"
AFTER = f"{BEFORE}_registry_code"
# Until now all units on a certificate were of one registry: another could not be issued.
OF_ORDER = """
    UPDATE certificate SET registry_code = (
        SELECT min(cancellation.registry_code) FROM cancellation
        JOIN order_line ON order_line.id = cancellation.order_line_id
        WHERE cancellation.order_id = certificate.order_id AND cancellation.state = 'confirmed'
        AND order_line.project_id = certificate.project_id
    ) WHERE order_id IS NOT NULL
"""
OF_HOLDER = """
    UPDATE certificate SET registry_code = (
        SELECT cancellation.registry_code FROM cancellation
        WHERE cancellation.direct_cancellation_id = certificate.direct_cancellation_id
    ) WHERE direct_cancellation_id IS NOT NULL
"""


def upgrade() -> None:
    """Apply."""
    op.add_column("certificate", sa.Column("registry_code", sa.String(24), nullable=True))
    op.execute(OF_ORDER)
    op.execute(OF_HOLDER)
    with op.batch_alter_table("certificate") as batch_op:
        batch_op.alter_column("registry_code", existing_type=sa.String(24), nullable=False)
        batch_op.drop_constraint(batch_op.f(BEFORE), type_="unique")
        batch_op.create_unique_constraint(
            batch_op.f(AFTER), ["order_id", "project_id", "beneficiary_id", "registry_code"]
        )


def downgrade() -> None:
    """Take back. Fails where an order has certificates of one project in several registries."""
    with op.batch_alter_table("certificate") as batch_op:
        batch_op.drop_constraint(batch_op.f(AFTER), type_="unique")
        batch_op.create_unique_constraint(batch_op.f(BEFORE), ["order_id", "project_id", "beneficiary_id"])
        batch_op.drop_column("registry_code")
