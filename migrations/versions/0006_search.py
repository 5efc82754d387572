"""The words of projects, for the search.

SQLite searches with FTS5 in a table of its own, which triggers keep equal to the words; PostgreSQL
with an index over them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# No positions and no sizes: only whether a word is there is ever asked.
FTS5 = """
CREATE VIRTUAL TABLE search_index USING fts5(
    words, content = 'search_document', content_rowid = 'project_id', tokenize = 'ascii',
    detail = 'none', columnsize = 0
)
"""
ADD = "INSERT INTO search_index (rowid, words) VALUES (NEW.project_id, NEW.words)"
REMOVE = "INSERT INTO search_index (search_index, rowid, words) VALUES ('delete', OLD.project_id, OLD.words)"
TRIGGERS = {"insert": (ADD,), "delete": (REMOVE,), "update": (REMOVE, ADD)}


def upgrade() -> None:
    """Apply."""
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    op.create_table(
        "search_document",
        sa.Column(
            "project_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, autoincrement=False
        ),
        sa.Column("sellers", sa.String(), nullable=False),
        sa.Column("words", sa.Text().with_variant(postgresql.TSVECTOR(), "postgresql"), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_search_document_project_id_project")),
        sa.PrimaryKeyConstraint("project_id", name=op.f("pk_search_document")),
    )
    op.create_index(op.f("ix_search_document_revision"), "search_document", ["revision"])
    if is_postgresql:
        op.create_index("ix_search_document_words", "search_document", ["words"], postgresql_using="gin")
        return
    op.execute(FTS5)
    for event, statements in TRIGGERS.items():
        body = "; ".join(statements)
        op.execute(f"CREATE TRIGGER search_index_{event} AFTER {event} ON search_document BEGIN {body}; END")


def downgrade() -> None:
    """Take back."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE search_index")
    op.drop_table("search_document")
