"""What the public register searches and adds up, and reviews of wordings that are held back from it.

Certificates that were issued before are entered here from their frozen facts. Names that were published
before wordings were checked are held back if they make a claim, until a person has looked at them.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from app.claims.checker import rules_touched
from app.kernel.places import names_of_country
from app.kernel.text import fold

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
WORD = sa.String(length=60).with_variant(sa.String(length=60, collation="C"), "postgresql")
AT_ONCE = 500


def upgrade() -> None:
    """Apply."""
    _create_tables()
    _enter_earlier_certificates(op.get_bind())


def _create_tables() -> None:
    op.create_table(
        "wording_review",
        sa.Column("id", KEY, nullable=False),
        sa.Column("beneficiary_id", KEY, nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "pending",
                "released",
                "withheld",
                name="wording_state",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("rules", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("decided_by", sa.String(length=120), nullable=False),
        sa.Column("decided_at", INSTANT, nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["beneficiary_id"], ["beneficiary.id"], name=op.f("fk_wording_review_beneficiary_id_beneficiary")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wording_review")),
        sa.UniqueConstraint("beneficiary_id", name=op.f("uq_wording_review_beneficiary_id")),
    )
    op.create_index("ix_wording_review_state", "wording_review", ["state", "id"])
    op.create_table(
        "register_entry",
        sa.Column("certificate_id", KEY, nullable=False),
        sa.Column("project_id", KEY, nullable=False),
        sa.Column("beneficiary_id", KEY, nullable=False),
        sa.Column("cancelled_at", INSTANT, nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("intent", sa.String(length=16), nullable=False),
        sa.Column("is_name_public", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["certificate_id"], ["certificate.id"], name=op.f("fk_register_entry_certificate_id_certificate")
        ),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_register_entry_project_id_project")),
        sa.ForeignKeyConstraint(
            ["beneficiary_id"], ["beneficiary.id"], name=op.f("fk_register_entry_beneficiary_id_beneficiary")
        ),
        sa.PrimaryKeyConstraint("certificate_id", name=op.f("pk_register_entry")),
    )
    op.create_index("ix_register_entry_newest", "register_entry", ["cancelled_at", "certificate_id"])
    op.create_index("ix_register_entry_project", "register_entry", ["project_id", "cancelled_at", "certificate_id"])
    op.create_index("ix_register_entry_intent", "register_entry", ["intent", "cancelled_at", "certificate_id"])
    op.create_index(op.f("ix_register_entry_beneficiary_id"), "register_entry", ["beneficiary_id"])
    op.create_table(
        "register_block",
        sa.Column("id", KEY, nullable=False),
        sa.Column("certificate_id", KEY, nullable=False),
        sa.Column("party", sa.String(length=2), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("first <= last", name=op.f("ck_register_block_order")),
        sa.ForeignKeyConstraint(
            ["certificate_id"], ["certificate.id"], name=op.f("fk_register_block_certificate_id_certificate")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_register_block")),
    )
    op.create_index(op.f("ix_register_block_certificate_id"), "register_block", ["certificate_id"])
    op.create_index("ix_register_block_serials", "register_block", ["party", "first"])
    op.create_table(
        "register_word",
        sa.Column("word", WORD, nullable=False),
        sa.Column("certificate_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["certificate_id"], ["certificate.id"], name=op.f("fk_register_word_certificate_id_certificate")
        ),
        sa.PrimaryKeyConstraint("word", "certificate_id", name=op.f("pk_register_word")),
    )
    op.create_index(op.f("ix_register_word_certificate_id"), "register_word", ["certificate_id"])
    op.create_table(
        "register_project",
        sa.Column("project_id", KEY, nullable=False),
        sa.Column("project_type", sa.String(length=60), nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_register_project_project_id_project")),
        sa.PrimaryKeyConstraint("project_id", name=op.f("pk_register_project")),
    )
    op.create_index(op.f("ix_register_project_project_type"), "register_project", ["project_type"])
    op.create_table(
        "register_total",
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("intent", sa.String(length=16), nullable=False),
        sa.Column("project_id", KEY, nullable=False),
        sa.Column("certificates", sa.Integer(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_register_total_project_id_project")),
        sa.PrimaryKeyConstraint("year", "intent", "project_id", name=op.f("pk_register_total")),
    )


def _enter_earlier_certificates(connection: sa.Connection) -> None:
    tables = sa.MetaData()
    names = (
        "certificate", "beneficiary", "cancellation", "cancelled_block", "wording_review", "register_entry",
        "register_block", "register_word", "register_project", "register_total",
    )  # fmt: skip
    tables.reflect(connection, only=names)
    table = tables.tables
    projects: dict[int, dict[str, object]] = {}
    totals: Counter[tuple[int, str, int]] = Counter()
    units: Counter[tuple[int, str, int]] = Counter()
    last = 0
    while rows := connection.execute(_next(table, last)).all():
        for row in rows:
            last, facts = row.id, json.loads(row.facts)
            cancelled_at = datetime.fromisoformat(facts["cancelled_at"]).astimezone(UTC)
            connection.execute(table["register_entry"].insert(), _entry(connection, row, facts, cancelled_at))
            _enter_blocks(connection, table, row.id, facts)
            projects.setdefault(row.project_id, _project(row.project_id, facts))
            key = (cancelled_at.year, facts["intent"], row.project_id)
            totals[key] += 1
            units[key] += facts["units"]
            if row.is_name_public:
                _enter_name(connection, table, row, facts)
    if projects:
        connection.execute(table["register_project"].insert(), list(projects.values()))
        connection.execute(
            table["register_total"].insert(),
            [
                {"year": year, "intent": intent, "project_id": project_id, "certificates": count,
                 "units": units[year, intent, project_id]}
                for (year, intent, project_id), count in totals.items()
            ],
        )  # fmt: skip


def _next(table: dict[str, sa.Table], last: int) -> sa.Select:
    certificate, beneficiary = table["certificate"], table["beneficiary"]
    return (
        sa.select(
            certificate.c.id, certificate.c.project_id, certificate.c.beneficiary_id, certificate.c.facts,
            certificate.c.issued_at, beneficiary.c.is_name_public,
        )
        .join(beneficiary, beneficiary.c.id == certificate.c.beneficiary_id)
        .where(certificate.c.id > last)
        .order_by(certificate.c.id)
        .limit(AT_ONCE)
    )  # fmt: skip


def _stored(connection: sa.Connection, instant: datetime) -> datetime:
    # SQLite keeps instants without their zone, always in UTC.
    return instant.replace(tzinfo=None) if connection.dialect.name == "sqlite" else instant


def _entry(connection: sa.Connection, row: sa.Row, facts: dict, cancelled_at: datetime) -> dict[str, object]:
    return {
        "certificate_id": row.id,
        "project_id": row.project_id,
        "beneficiary_id": row.beneficiary_id,
        "cancelled_at": _stored(connection, cancelled_at),
        "units": facts["units"],
        "intent": facts["intent"],
        "is_name_public": bool(row.is_name_public),
    }


def _enter_blocks(connection: sa.Connection, table: dict[str, sa.Table], certificate_id: int, facts: dict) -> None:
    cancellation, block = table["cancellation"], table["cancelled_block"]
    references = [transaction["reference"] for transaction in facts["transactions"]]
    blocks = connection.execute(
        sa.select(block.c.space, block.c.first, block.c.last)
        .join(cancellation, cancellation.c.id == block.c.cancellation_id)
        .where(cancellation.c.reference.in_(references))
        .order_by(block.c.id)
    ).all()
    if blocks:
        connection.execute(
            table["register_block"].insert(),
            [
                {"certificate_id": certificate_id, "party": space.rpartition(":")[2], "first": first, "last": last}
                for space, first, last in blocks
            ],
        )


def _project(project_id: int, facts: dict) -> dict[str, object]:
    names = (name for code in facts["host_parties"] for name in names_of_country(code))
    return {
        "project_id": project_id,
        "project_type": facts["project_type"],
        "search_text": fold(" ".join((facts["project_reference"], facts["project_title"], *names))),
    }


def _enter_name(connection: sa.Connection, table: dict[str, sa.Table], row: sa.Row, facts: dict) -> None:
    words = dict.fromkeys(word[:60] for word in fold(facts["beneficiary_name"]).split())
    if words:
        connection.execute(
            table["register_word"].insert(), [{"word": word, "certificate_id": row.id} for word in words]
        )
    rules = rules_touched(facts["beneficiary_name"], facts["purpose"])
    review = table["wording_review"]
    known = connection.scalar(sa.select(review.c.id).where(review.c.beneficiary_id == row.beneficiary_id))
    if rules and known is None:
        connection.execute(
            review.insert(),
            {
                "beneficiary_id": row.beneficiary_id, "state": "pending", "rules": ";".join(rules), "reason": "",
                "decided_by": "", "decided_at": None, "created_at": row.issued_at,
            },
        )  # fmt: skip


def downgrade() -> None:
    """Take back."""
    for name in (
        "register_total", "register_project", "register_word", "register_block", "register_entry", "wording_review",
    ):  # fmt: skip
        op.drop_table(name)
