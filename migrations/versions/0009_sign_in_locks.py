"""Strangers lock nobody out, recovery codes need no SECRET_KEY, and the trail of acts is never changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    _locks_and_proofs()
    _recovery_codes()
    _acts_stay()


def downgrade() -> None:
    """Take back. Locks and proofs of the present are forgotten, and recovery codes are made anew."""
    _acts_may_go()
    _recovery_codes()
    _drop_locks_and_proofs()


def _locks_and_proofs() -> None:
    with op.batch_alter_table("person") as batch_op:
        batch_op.add_column(sa.Column("failed_proofs", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("proofs_locked_until", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("person") as batch_op:
        batch_op.alter_column("failed_proofs", server_default=None)
    with op.batch_alter_table("sign_in") as batch_op:
        batch_op.add_column(sa.Column("known_hash", sa.String(64), nullable=True))
        batch_op.add_column(sa.Column("proved_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index(batch_op.f("ix_sign_in_known_hash"), ["known_hash"], unique=False)


def _drop_locks_and_proofs() -> None:
    with op.batch_alter_table("sign_in") as batch_op:
        batch_op.drop_index(batch_op.f("ix_sign_in_known_hash"))
        batch_op.drop_column("proved_at")
        batch_op.drop_column("known_hash")
    with op.batch_alter_table("person") as batch_op:
        batch_op.drop_column("proofs_locked_until")
        batch_op.drop_column("failed_proofs")


def _recovery_codes() -> None:
    # The other version reads them in another way, and nobody but their owner knows what they were.
    op.execute("DELETE FROM recovery_code")


def _is_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _acts_stay() -> None:
    """Nothing of the trail is changed or deleted, whatever the services are made to do."""
    if _is_postgresql():
        op.execute(
            "CREATE FUNCTION act_stays() RETURNS trigger LANGUAGE plpgsql AS "
            "$$BEGIN RAISE EXCEPTION 'an act is never changed or deleted'; END$$"
        )
        op.execute("CREATE TRIGGER act_stays BEFORE UPDATE OR DELETE ON act FOR EACH ROW EXECUTE FUNCTION act_stays()")
        return
    for event in ("update", "delete"):
        op.execute(
            f"CREATE TRIGGER act_stays_{event} BEFORE {event.upper()} ON act "
            "BEGIN SELECT RAISE(ABORT, 'an act is never changed or deleted'); END"
        )


def _acts_may_go() -> None:
    if _is_postgresql():
        op.execute("DROP TRIGGER act_stays ON act")
        op.execute("DROP FUNCTION act_stays()")
        return
    for event in ("update", "delete"):
        op.execute(f"DROP TRIGGER act_stays_{event}")
