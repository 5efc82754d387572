"""Mechanisms, units and registries become data; the ledger has issuances and a history of its own."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
CDM_SERIALS = "{party}-{kyoto}-{serial}-{period}-{period}-{lulucf}-{project}"

# As in 0002: tables whose serial numbers never overlap. SQLite loses triggers with a table that is made anew.
OVERLAP = """
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


def upgrade() -> None:
    """Apply."""
    _mechanisms()
    _issuances()
    _register_spaces()
    _ledger()
    _accounts_and_leases()
    _remedies()
    _fee_payments()
    _batch_tables()
    _history()
    _reconciliation()


def downgrade() -> None:
    """Take back. What only this version can say is forgotten."""
    _drop_reconciliation()
    _drop_history()
    _drop_batch_tables()
    _drop_fee_payments()
    _drop_remedies()
    _drop_accounts_and_leases()
    _drop_ledger()
    _drop_register_spaces()
    _drop_issuances()
    _drop_mechanisms()


def _is_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _forbid_overlaps(table: str) -> None:
    if _is_postgresql():
        op.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT ex_{table}_serials "
            "EXCLUDE USING gist (space WITH =, int8range(first, last, '[]') WITH &&)"
        )
        return
    for event in ("INSERT", "UPDATE"):
        op.execute(OVERLAP.format(table=table, name=event.lower(), event=event))


def _allow_overlaps(table: str) -> None:
    """Needed before a table is altered or dropped: on SQLite its triggers, on PostgreSQL its constraint."""
    if _is_postgresql():
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT ex_{table}_serials")
        return
    for event in ("INSERT", "UPDATE"):
        op.execute(f"DROP TRIGGER ex_{table}_{event.lower()}")


# --- mechanisms and what they levy -----------------------------------------------------------------


def _mechanisms() -> None:
    with op.batch_alter_table("mechanism") as batch_op:
        batch_op.add_column(sa.Column("registry_url", sa.String(300), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("last_order_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("period_kind", sa.String(20), nullable=False, server_default="commitment_period"))
        batch_op.add_column(sa.Column("space_form", sa.String(60), nullable=False, server_default="{party}"))
        batch_op.add_column(sa.Column("serial_form", sa.String(120), nullable=False, server_default=CDM_SERIALS))
        batch_op.add_column(
            sa.Column("reference_form", sa.String(60), nullable=False, server_default="{party}-{project}")
        )
        batch_op.add_column(sa.Column("words", sa.JSON(), nullable=False, server_default="{}"))
        batch_op.add_column(sa.Column("authorisations", sa.JSON(), nullable=False, server_default="{}"))
    with op.batch_alter_table("mechanism") as batch_op:
        for column in (
            "registry_url", "period_kind", "space_form", "serial_form", "reference_form", "words", "authorisations",
        ):  # fmt: skip
            batch_op.alter_column(column, server_default=None)
    _close_the_cdm()
    with op.batch_alter_table("unit_type") as batch_op:
        batch_op.add_column(sa.Column("words", sa.JSON(), nullable=False, server_default="{}"))
        batch_op.add_column(sa.Column("lulucf_code", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("unit_type") as batch_op:
        batch_op.alter_column("words", server_default=None)
        batch_op.alter_column("lulucf_code", server_default=None)
    op.create_table(
        "levy_rule",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("mechanism_code", sa.String(length=12), nullable=False),
        sa.Column("code", sa.String(length=24), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("tiers", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("basis_points", sa.Integer(), nullable=True),
        sa.Column("account_type", sa.Integer(), nullable=True),
        sa.Column("is_least_developed_exempt", sa.Boolean(), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.CheckConstraint("(basis_points IS NULL) <> (tiers IS NULL)", name=op.f("ck_levy_rule_fee_or_share")),
        sa.CheckConstraint("(currency IS NULL) = (tiers IS NULL)", name=op.f("ck_levy_rule_fee")),
        sa.ForeignKeyConstraint(
            ["mechanism_code"], ["mechanism.code"], name=op.f("fk_levy_rule_mechanism_code_mechanism")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_levy_rule")),
        sa.UniqueConstraint(
            "mechanism_code", "code", "valid_from", name=op.f("uq_levy_rule_mechanism_code_code_valid_from")
        ),
    )


def _close_the_cdm() -> None:
    """When it closes; an operator who knows better says so with `flask catalog mechanisms`."""
    mechanism = sa.table(
        "mechanism",
        sa.column("code"),
        *(sa.column(name, sa.DateTime(timezone=True)) for name in ("sales_close_at", "last_order_at", "ends_at")),
    )
    # SQLite keeps instants without their zone, in UTC.
    zone = UTC if _is_postgresql() else None
    op.execute(
        mechanism.update()
        .where(mechanism.c.code == "CDM")
        .values(
            sales_close_at=datetime(2026, 12, 30, 18, tzinfo=zone),
            last_order_at=datetime(2026, 12, 31, 12, tzinfo=zone),
            ends_at=datetime(2027, 1, 1, tzinfo=zone),
        )
    )


def _drop_mechanisms() -> None:
    op.drop_table("levy_rule")
    with op.batch_alter_table("unit_type") as batch_op:
        batch_op.drop_column("lulucf_code")
        batch_op.drop_column("words")
    with op.batch_alter_table("mechanism") as batch_op:
        for column in (
            "registry_url", "last_order_at", "ends_at", "period_kind", "space_form", "serial_form", "reference_form",
            "words", "authorisations",
        ):  # fmt: skip
            batch_op.drop_column(column)


# --- issuances count in a number space, and have a period or a vintage -----------------------------


def _issuances() -> None:
    with op.batch_alter_table("issuance") as batch_op:
        batch_op.add_column(sa.Column("vintage_year", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("authorisation", sa.String(24), nullable=True))
        batch_op.add_column(sa.Column("space", sa.String(24), nullable=True))
    op.execute("UPDATE issuance SET space = originating_party")
    with op.batch_alter_table("issuance") as batch_op:
        batch_op.alter_column("space", nullable=False)
        batch_op.alter_column("commitment_period", nullable=True)
        batch_op.drop_constraint("uq_issuance_originating_party_serial_first", type_="unique")
        batch_op.create_unique_constraint(batch_op.f("uq_issuance_space_serial_first"), ["space", "serial_first"])
        batch_op.create_check_constraint(
            batch_op.f("ck_issuance_period_or_vintage"), "(commitment_period IS NULL) <> (vintage_year IS NULL)"
        )
    with op.batch_alter_table("cancellation") as batch_op:
        batch_op.alter_column("commitment_period", nullable=True)
        batch_op.add_column(sa.Column("vintage_year", sa.Integer(), nullable=True))


def _drop_issuances() -> None:
    with op.batch_alter_table("cancellation") as batch_op:
        batch_op.drop_column("vintage_year")
        batch_op.alter_column("commitment_period", nullable=False)
    with op.batch_alter_table("issuance") as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_issuance_period_or_vintage"), type_="check")
        batch_op.drop_constraint(batch_op.f("uq_issuance_space_serial_first"), type_="unique")
        batch_op.create_unique_constraint(
            "uq_issuance_originating_party_serial_first", ["originating_party", "serial_first"]
        )
        batch_op.alter_column("commitment_period", nullable=False)
        for column in ("space", "authorisation", "vintage_year"):
            batch_op.drop_column(column)


def _register_spaces() -> None:
    """Not every number space is called after a Party."""
    with op.batch_alter_table("register_block") as batch_op:
        batch_op.alter_column("party", type_=sa.String(24), existing_type=sa.String(2), existing_nullable=False)


def _drop_register_spaces() -> None:
    # The former register finds serial numbers of Parties only.
    op.execute("DELETE FROM register_block WHERE length(party) > 2")
    with op.batch_alter_table("register_block") as batch_op:
        batch_op.alter_column("party", type_=sa.String(2), existing_type=sa.String(24), existing_nullable=False)


# --- the ledger ------------------------------------------------------------------------------------


def _ledger() -> None:
    with op.batch_alter_table("ledger_transaction") as batch_op:
        batch_op.add_column(sa.Column("supplementary_code", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("mechanism_code", sa.String(12), nullable=False, server_default="CDM"))
        batch_op.add_column(sa.Column("origin", sa.String(12), nullable=False, server_default="own"))
        batch_op.add_column(sa.Column("channel", sa.String(24), nullable=False, server_default="platform"))
        batch_op.add_column(sa.Column("vintage_year", sa.Integer(), nullable=True))
        batch_op.alter_column("commitment_period", nullable=True)
        batch_op.create_foreign_key(
            batch_op.f("fk_ledger_transaction_mechanism_code_mechanism"), "mechanism", ["mechanism_code"], ["code"]
        )
        batch_op.create_index("ix_ledger_transaction_completed", ["type_code", "completed_at"], unique=False)
    with op.batch_alter_table("ledger_transaction") as batch_op:
        for column in ("supplementary_code", "mechanism_code", "origin", "channel"):
            batch_op.alter_column(column, server_default=None)
    op.create_table(
        "ledger_issuance",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("mechanism_code", sa.String(length=12), nullable=False),
        sa.Column("project_reference", sa.String(length=24), nullable=False),
        sa.Column("unit_type", sa.String(length=12), nullable=False),
        sa.Column("commitment_period", sa.Integer(), nullable=True),
        sa.Column("vintage_year", sa.Integer(), nullable=True),
        sa.Column("party", sa.String(length=2), nullable=False),
        sa.Column("space", sa.String(length=24), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("issued_in_id", BIG_KEY, nullable=True),
        sa.Column("fee_currency", sa.String(length=3), nullable=True),
        sa.Column("fee_due", sa.BigInteger(), nullable=False),
        sa.Column("fee_paid", sa.BigInteger(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "(commitment_period IS NULL) <> (vintage_year IS NULL)", name=op.f("ck_ledger_issuance_period_or_vintage")
        ),
        sa.CheckConstraint("fee_paid >= 0 AND fee_paid <= fee_due", name=op.f("ck_ledger_issuance_fee")),
        sa.CheckConstraint("first <= last", name=op.f("ck_ledger_issuance_order")),
        sa.ForeignKeyConstraint(
            ["issued_in_id"], ["ledger_transaction.id"], name=op.f("fk_ledger_issuance_issued_in_id_ledger_transaction")
        ),
        sa.ForeignKeyConstraint(
            ["mechanism_code"], ["mechanism.code"], name=op.f("fk_ledger_issuance_mechanism_code_mechanism")
        ),
        sa.ForeignKeyConstraint(["unit_type"], ["unit_type.code"], name=op.f("fk_ledger_issuance_unit_type_unit_type")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_issuance")),
        sa.UniqueConstraint("space", "first", name=op.f("uq_ledger_issuance_space_first")),
    )
    with op.batch_alter_table("ledger_issuance") as batch_op:
        batch_op.create_index("ix_ledger_issuance_project", ["project_reference"], unique=False)
        batch_op.create_index(batch_op.f("ix_ledger_issuance_issued_in_id"), ["issued_in_id"], unique=False)
    # With the same numbers, so that blocks go on belonging to what they belonged to.
    op.execute(
        "INSERT INTO ledger_issuance (id, mechanism_code, project_reference, unit_type, commitment_period, party, "
        "space, first, last, fee_due, fee_paid) "
        "SELECT i.id, p.mechanism_code, p.reference, i.unit_type, i.commitment_period, i.originating_party, "
        "i.space, i.serial_first, i.serial_last, 0, 0 FROM issuance i JOIN project p ON p.id = i.project_id "
        "WHERE i.id IN (SELECT issuance_id FROM ledger_block UNION SELECT issuance_id FROM ledger_transaction_block)"
    )
    if _is_postgresql():
        op.execute(
            "SELECT setval(pg_get_serial_sequence('ledger_issuance', 'id'), "
            "(SELECT coalesce(max(id), 0) + 1 FROM ledger_issuance), false)"
        )
    _allow_overlaps("ledger_block")
    _point_blocks_at("issuance", "ledger_issuance", length=24)
    _forbid_overlaps("ledger_block")
    _forbid_overlaps("ledger_issuance")


def _point_blocks_at(old: str, new: str, *, length: int) -> None:
    for table in ("ledger_block", "ledger_transaction_block"):
        with op.batch_alter_table(table) as batch_op:
            batch_op.drop_constraint(f"fk_{table}_issuance_id_{old}", type_="foreignkey")
            batch_op.create_foreign_key(batch_op.f(f"fk_{table}_issuance_id_{new}"), new, ["issuance_id"], ["id"])
            batch_op.alter_column("space", type_=sa.String(length))


def _drop_ledger() -> None:
    _allow_overlaps("ledger_issuance")
    _allow_overlaps("ledger_block")
    # The former ledger knows issuances of the catalogue only, and what moved since the books were opened.
    unknown = (
        "SELECT l.id FROM ledger_issuance l LEFT JOIN issuance i "
        "ON i.space = l.space AND i.serial_first = l.first WHERE i.id IS NULL"
    )
    for table in ("ledger_block", "ledger_transaction_block"):
        op.execute(f"DELETE FROM {table} WHERE issuance_id IN ({unknown})")  # noqa: S608 - names of ours
    foreign = "SELECT id FROM ledger_transaction WHERE origin <> 'own' OR type_code <> 4"
    op.execute(f"DELETE FROM ledger_transaction_block WHERE transaction_id IN ({foreign})")  # noqa: S608 - as above
    op.execute("UPDATE ledger_issuance SET issued_in_id = NULL")
    op.execute("DELETE FROM ledger_transaction WHERE origin <> 'own' OR type_code <> 4")
    for table in ("ledger_block", "ledger_transaction_block"):
        with op.batch_alter_table(table) as batch_op:
            batch_op.drop_constraint(f"fk_{table}_issuance_id_ledger_issuance", type_="foreignkey")
        op.execute(
            f"UPDATE {table} SET issuance_id = (SELECT i.id FROM issuance i JOIN ledger_issuance l "  # noqa: S608 - a table of ours
            f"ON i.space = l.space AND i.serial_first = l.first WHERE l.id = {table}.issuance_id)"
        )
        with op.batch_alter_table(table) as batch_op:
            batch_op.create_foreign_key(
                batch_op.f(f"fk_{table}_issuance_id_issuance"), "issuance", ["issuance_id"], ["id"]
            )
            batch_op.alter_column("space", type_=sa.String(2))
    _forbid_overlaps("ledger_block")
    op.drop_table("ledger_issuance")
    with op.batch_alter_table("ledger_transaction") as batch_op:
        batch_op.drop_index("ix_ledger_transaction_completed")
        batch_op.drop_constraint(batch_op.f("fk_ledger_transaction_mechanism_code_mechanism"), type_="foreignkey")
        batch_op.alter_column("commitment_period", nullable=False)
        for column in ("vintage_year", "channel", "origin", "mechanism_code", "supplementary_code"):
            batch_op.drop_column(column)


def _fee_payments() -> None:
    op.create_table(
        "ledger_payment",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("issuance_id", BIG_KEY, nullable=False),
        sa.Column("reference", sa.String(length=80), nullable=False),
        sa.Column("payer", sa.String(length=200), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_ledger_payment_positive")),
        sa.ForeignKeyConstraint(
            ["issuance_id"], ["ledger_issuance.id"], name=op.f("fk_ledger_payment_issuance_id_ledger_issuance")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_payment")),
        sa.UniqueConstraint("reference", name=op.f("uq_ledger_payment_reference")),
    )
    with op.batch_alter_table("ledger_payment") as batch_op:
        batch_op.create_index(batch_op.f("ix_ledger_payment_issuance_id"), ["issuance_id"], unique=False)


def _drop_fee_payments() -> None:
    op.drop_table("ledger_payment")


# --- accounts belong to a registry, and one worker at a time writes to one -------------------------


def _accounts_and_leases() -> None:
    op.create_table(
        "registry_account",
        sa.Column("identifier", sa.String(length=60), nullable=False),
        sa.Column("registry_code", sa.String(length=24), nullable=False),
        sa.Column("provider_id", BIG_KEY, nullable=False),
        sa.Column("holder", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["provider.id"], name=op.f("fk_registry_account_provider_id_provider")
        ),
        sa.PrimaryKeyConstraint("identifier", name=op.f("pk_registry_account")),
    )
    with op.batch_alter_table("registry_account") as batch_op:
        batch_op.create_index(batch_op.f("ix_registry_account_provider_id"), ["provider_id"], unique=False)
    op.execute(
        "INSERT INTO registry_account (identifier, registry_code, provider_id, holder) "
        "SELECT identifier, 'ledger', provider_id, holder FROM ledger_account WHERE provider_id IS NOT NULL"
    )
    with op.batch_alter_table("ledger_account") as batch_op:
        batch_op.drop_constraint("fk_ledger_account_provider_id_provider", type_="foreignkey")
        batch_op.drop_column("provider_id")
    op.create_table(
        "registry_lease",
        sa.Column("registry_code", sa.String(length=24), nullable=False),
        sa.Column("account", sa.String(length=60), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.String(length=80), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("registry_code", "account", name=op.f("pk_registry_lease")),
    )


def _drop_accounts_and_leases() -> None:
    op.drop_table("registry_lease")
    with op.batch_alter_table("ledger_account") as batch_op:
        batch_op.add_column(sa.Column("provider_id", BIG_KEY, nullable=True))
    op.execute(
        "UPDATE ledger_account SET provider_id = (SELECT a.provider_id FROM registry_account a "
        "WHERE a.identifier = ledger_account.identifier AND a.registry_code = 'ledger')"
    )
    with op.batch_alter_table("ledger_account") as batch_op:
        batch_op.create_foreign_key("fk_ledger_account_provider_id_provider", "provider", ["provider_id"], ["id"])
    op.drop_table("registry_account")


# --- batches ---------------------------------------------------------------------------------------

BATCH_STATES = ("open", "closed", "exported", "acknowledged", "answered", "settled")
LINE_STATES = ("pending", "processed", "not_processed", "withdrawn")


def _states(name: str, states: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*states, name=name, native_enum=False, create_constraint=True, length=24)


def _batch_tables() -> None:
    instant = sa.DateTime(timezone=True)
    op.create_table(
        "registry_batch",
        sa.Column("id", BIG_KEY, primary_key=True),
        sa.Column("registry_code", sa.String(24), nullable=False),
        sa.Column("code", sa.String(24), nullable=False, unique=True),
        sa.Column("state", _states("batch_state", BATCH_STATES), nullable=False, index=True),
        sa.Column("opened_at", instant, nullable=False),
        sa.Column("closed_at", instant),
        sa.Column("exported_at", instant),
        sa.Column("acknowledged_at", instant),
        sa.Column("acknowledgement", sa.String(120), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("lines_sha256", sa.String(64), nullable=False),
        sa.CheckConstraint("(state = 'open') = (closed_at IS NULL)", name="frozen"),
    )
    op.create_index(
        "uq_registry_batch_open",
        "registry_batch",
        ["registry_code"],
        unique=True,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "registry_message",
        sa.Column("id", BIG_KEY, primary_key=True),
        sa.Column("registry_code", sa.String(24), nullable=False),
        sa.Column("direction", sa.String(3), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False, unique=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("media_type", sa.String(80), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", instant, nullable=False),
        sa.Column("is_signed", sa.Boolean(), nullable=False),
        sa.Column("applied_at", instant),
        sa.Column("batch_id", BIG_KEY, sa.ForeignKey("registry_batch.id"), index=True),
        sa.CheckConstraint("direction IN ('in', 'out')", name="direction"),
    )
    op.create_table(
        "registry_batch_line",
        sa.Column("id", BIG_KEY, primary_key=True),
        sa.Column("batch_id", BIG_KEY, sa.ForeignKey("registry_batch.id"), nullable=False, index=True),
        sa.Column("number", sa.Integer()),
        sa.Column("reference", sa.String(32), nullable=False, unique=True),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("account", sa.String(60), nullable=False, index=True),
        sa.Column("project_reference", sa.String(24), nullable=False),
        sa.Column("unit_type", sa.String(12), nullable=False),
        sa.Column("commitment_period", sa.Integer()),
        sa.Column("vintage_year", sa.Integer()),
        sa.Column("space", sa.String(24), nullable=False),
        sa.Column("serial_first", sa.BigInteger(), nullable=False),
        sa.Column("serial_last", sa.BigInteger(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("beneficiary_name", sa.String(200), nullable=False),
        sa.Column("purpose", sa.String(500), nullable=False),
        sa.Column("added_at", instant, nullable=False),
        sa.Column("state", _states("batch_line_state", LINE_STATES), nullable=False),
        sa.Column("reason", sa.String(300), nullable=False),
        sa.Column("registry_transaction", sa.String(60)),
        sa.Column("completed_at", instant, index=True),
        sa.Column("answer_id", BIG_KEY, sa.ForeignKey("registry_message.id")),
        sa.UniqueConstraint("batch_id", "number"),
        sa.CheckConstraint("units > 0", name="positive"),
        sa.CheckConstraint("(state = 'processed') = (registry_transaction IS NOT NULL)", name="processed"),
    )
    op.create_table(
        "registry_batch_block",
        sa.Column("id", BIG_KEY, primary_key=True),
        sa.Column("line_id", BIG_KEY, sa.ForeignKey("registry_batch_line.id"), nullable=False, index=True),
        sa.Column("space", sa.String(24), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("first <= last", name="order"),
    )
    op.create_index("ix_registry_batch_block_serials", "registry_batch_block", ["space", "first"])
    op.create_table(
        "registry_attestation",
        sa.Column("line_id", BIG_KEY, sa.ForeignKey("registry_batch_line.id"), primary_key=True),
        sa.Column("message_id", BIG_KEY, sa.ForeignKey("registry_message.id"), primary_key=True),
    )
    op.create_table(
        "account_statement",
        sa.Column("id", BIG_KEY, primary_key=True),
        sa.Column("registry_code", sa.String(24), nullable=False),
        sa.Column("account", sa.String(60), nullable=False),
        sa.Column("as_of", instant, nullable=False),
        sa.Column("message_id", BIG_KEY, sa.ForeignKey("registry_message.id"), nullable=False),
        sa.UniqueConstraint("registry_code", "account", "as_of"),
    )
    op.create_table(
        "stated_holding",
        sa.Column("id", BIG_KEY, primary_key=True),
        sa.Column("statement_id", BIG_KEY, sa.ForeignKey("account_statement.id"), nullable=False, index=True),
        sa.Column("project_reference", sa.String(24), nullable=False),
        sa.Column("unit_type", sa.String(12), nullable=False),
        sa.Column("commitment_period", sa.Integer()),
        sa.Column("vintage_year", sa.Integer()),
        sa.Column("space", sa.String(24), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("first <= last", name="order"),
    )


def _drop_batch_tables() -> None:
    for table in (
        "stated_holding",
        "account_statement",
        "registry_attestation",
        "registry_batch_block",
        "registry_batch_line",
        "registry_message",
        "registry_batch",
    ):
        op.drop_table(table)


# --- the published books: files, and the row that each imported number comes from -------------------


def _history() -> None:
    op.create_table(
        "ledger_file",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("mechanism_code", sa.String(length=12), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("kept_apart", sa.JSON(), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["mechanism_code"], ["mechanism.code"], name=op.f("fk_ledger_file_mechanism_code_mechanism")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_file")),
        sa.UniqueConstraint("mechanism_code", "kind", "sha256", name=op.f("uq_ledger_file_mechanism_code_kind_sha256")),
    )
    op.create_table(
        "ledger_source",
        sa.Column("file_id", BIG_KEY, nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("transaction_block_id", BIG_KEY, nullable=True),
        sa.Column("issuance_id", BIG_KEY, nullable=True),
        sa.CheckConstraint(
            "(transaction_block_id IS NULL) <> (issuance_id IS NULL)", name=op.f("ck_ledger_source_one_thing")
        ),
        sa.ForeignKeyConstraint(["file_id"], ["ledger_file.id"], name=op.f("fk_ledger_source_file_id_ledger_file")),
        sa.ForeignKeyConstraint(
            ["issuance_id"], ["ledger_issuance.id"], name=op.f("fk_ledger_source_issuance_id_ledger_issuance")
        ),
        sa.ForeignKeyConstraint(
            ["transaction_block_id"],
            ["ledger_transaction_block.id"],
            name=op.f("fk_ledger_source_transaction_block_id_ledger_transaction_block"),
        ),
        sa.PrimaryKeyConstraint("file_id", "row", name=op.f("pk_ledger_source")),
    )
    op.create_index("ix_ledger_source_transaction_block", "ledger_source", ["transaction_block_id"])
    op.create_index("ix_ledger_transaction_block_serials", "ledger_transaction_block", ["space", "first"])


def _drop_history() -> None:
    op.drop_index("ix_ledger_transaction_block_serials", "ledger_transaction_block")
    op.drop_table("ledger_source")
    op.drop_table("ledger_file")


# --- instead of units that were not cancelled ------------------------------------------------------


def _remedies() -> None:
    op.create_table(
        "remedy",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("order_line_id", BIG_KEY, nullable=False),
        sa.Column("order_id", BIG_KEY, nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "offered",
                "refunded",
                "substituted",
                name="remedy_state",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decide_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("substitute_order_id", BIG_KEY, nullable=True),
        sa.CheckConstraint(
            "(state = 'substituted') = (substitute_order_id IS NOT NULL)", name=op.f("ck_remedy_substitute")
        ),
        sa.ForeignKeyConstraint(["order_id"], ["purchase_order.id"], name=op.f("fk_remedy_order_id_purchase_order")),
        sa.ForeignKeyConstraint(["order_line_id"], ["order_line.id"], name=op.f("fk_remedy_order_line_id_order_line")),
        sa.ForeignKeyConstraint(
            ["substitute_order_id"], ["purchase_order.id"], name=op.f("fk_remedy_substitute_order_id_purchase_order")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_remedy")),
        sa.UniqueConstraint("order_line_id", name=op.f("uq_remedy_order_line_id")),
        sa.UniqueConstraint("substitute_order_id", name=op.f("uq_remedy_substitute_order_id")),
    )
    with op.batch_alter_table("remedy") as batch_op:
        batch_op.create_index("ix_remedy_due", ["state", "decide_by"], unique=False)
        batch_op.create_index(batch_op.f("ix_remedy_order_id"), ["order_id"], unique=False)
    with op.batch_alter_table("payment") as batch_op:
        batch_op.add_column(sa.Column("drawn_from_id", BIG_KEY, nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_payment_drawn_from_id_payment"), "payment", ["drawn_from_id"], ["id"]
        )
    with op.batch_alter_table("cancellation") as batch_op:
        batch_op.add_column(sa.Column("withdrawal_wanted_at", sa.DateTime(timezone=True), nullable=True))


def _drop_remedies() -> None:
    with op.batch_alter_table("cancellation") as batch_op:
        batch_op.drop_column("withdrawal_wanted_at")
    with op.batch_alter_table("payment") as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_payment_drawn_from_id_payment"), type_="foreignkey")
        batch_op.drop_column("drawn_from_id")
    op.drop_table("remedy")


# --- comparing books, and coming back from a backup -------------------------------------------------

RUN_STATES = ("wanted", "running", "finished", "abandoned")
FINDING_KINDS = (
    "ours_not_theirs", "theirs_not_ours", "reference_twice", "content_differs", "totals_differ", "pending_long",
    "pool_short", "balance_differs", "not_read",
)  # fmt: skip


def _reconciliation() -> None:
    instant = sa.DateTime(timezone=True)
    op.create_table(
        "restoration_hold",
        sa.Column("id", BIG_KEY, primary_key=True),
        sa.Column("backup_made_at", instant, nullable=False),
        sa.Column("restored_at", instant, nullable=False),
        sa.Column("is_journal_kept", sa.Boolean(), nullable=False),
        sa.Column("replayed_at", instant),
        sa.Column("compared_at", instant),
        sa.Column("lifted_at", instant),
    )
    op.create_table(
        "forgotten_submission",
        sa.Column("reference", sa.String(32), primary_key=True),
        sa.Column("registry_code", sa.String(24), nullable=False),
        sa.Column("package", sa.String(24), nullable=False),
    )
    op.create_table(
        "stray_cancellation",
        sa.Column("id", BIG_KEY, primary_key=True),
        sa.Column("registry_code", sa.String(24), nullable=False),
        sa.Column("account", sa.String(60), nullable=False),
        sa.Column("reference", sa.String(80)),
        sa.Column("registry_transaction", sa.String(200), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("completed_at", instant, nullable=False),
        sa.Column("found_at", instant, nullable=False),
        sa.UniqueConstraint("registry_code", "registry_transaction"),
        sa.CheckConstraint("units > 0", name="positive"),
    )
    op.create_index("ix_stray_cancellation_account", "stray_cancellation", ["registry_code", "account"])
    op.create_table(
        "stray_block",
        sa.Column("id", BIG_KEY, primary_key=True),
        sa.Column("stray_id", BIG_KEY, sa.ForeignKey("stray_cancellation.id"), nullable=False, index=True),
        sa.Column("space", sa.String(60), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("text_first", sa.String(80), nullable=False),
        sa.Column("text_last", sa.String(80), nullable=False),
        sa.CheckConstraint("first <= last", name="order"),
    )
    op.create_index("ix_stray_block_serials", "stray_block", ["space", "first"])
    _forbid_overlaps("stray_block")
    op.create_table(
        "reconciliation_run",
        sa.Column("id", BIG_KEY, primary_key=True),
        sa.Column("cause", _states("reconciliation_cause", ("nightly", "demand", "restored")), nullable=False),
        sa.Column("state", _states("reconciliation_run_state", RUN_STATES), nullable=False, index=True),
        sa.Column("night", sa.Date(), unique=True),
        sa.Column("is_thorough", sa.Boolean(), nullable=False),
        sa.Column("started_at", instant, nullable=False),
        sa.Column("finished_at", instant),
        sa.Column("registries", sa.String(200), nullable=False),
        sa.Column("accounts", sa.Integer(), nullable=False),
        sa.Column("unread", sa.Integer(), nullable=False),
        sa.Column("cancellations", sa.Integer(), nullable=False),
        sa.Column("sums", sa.Integer(), nullable=False),
        sa.Column("differences", sa.Integer(), nullable=False),
    )
    op.create_table(
        "reconciled_account",
        sa.Column("id", BIG_KEY, primary_key=True),
        sa.Column("run_id", BIG_KEY, sa.ForeignKey("reconciliation_run.id"), nullable=False, index=True),
        sa.Column("registry_code", sa.String(24), nullable=False),
        sa.Column("account", sa.String(60), nullable=False, index=True),
        *(
            sa.Column(name, sa.BigInteger(), nullable=False)
            for name in ("opening", "held", "confirmed", "strays", "pending")
        ),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.UniqueConstraint("run_id", "registry_code", "account"),
    )
    op.create_table(
        "reconciliation_finding",
        sa.Column("id", BIG_KEY, primary_key=True),
        sa.Column("key", sa.String(64), nullable=False, unique=True),
        sa.Column("kind", _states("reconciliation_kind", FINDING_KINDS), nullable=False, index=True),
        sa.Column(
            "state", _states("reconciliation_finding_state", ("open", "acknowledged")), nullable=False, index=True
        ),
        sa.Column("registry_code", sa.String(24), nullable=False),
        sa.Column("account", sa.String(60), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("ours", sa.String(500), nullable=False),
        sa.Column("theirs", sa.String(500), nullable=False),
        sa.Column("first_run_id", BIG_KEY, sa.ForeignKey("reconciliation_run.id"), nullable=False),
        sa.Column("last_run_id", BIG_KEY, sa.ForeignKey("reconciliation_run.id"), nullable=False, index=True),
        sa.Column("found_at", instant, nullable=False),
        sa.Column("reason", sa.String(1000), nullable=False),
    )
    op.create_table(
        "closed_sum",
        sa.Column("name", sa.String(120), primary_key=True),
        sa.Column("currency", sa.String(3), primary_key=True),
        sa.Column("closed_at", instant, nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
    )


def _drop_reconciliation() -> None:
    for table in (
        "closed_sum", "reconciliation_finding", "reconciled_account", "reconciliation_run", "stray_block",
        "stray_cancellation", "forgotten_submission", "restoration_hold",
    ):  # fmt: skip
        op.drop_table(table)
