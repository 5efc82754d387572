"""What is searched: the words of each project, ready for the database's own index."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Integer, String, Text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.columns import Base


class SearchDocument(Base):
    """One project's words. `revision` grows with every change, so that readers notice it.

    On SQLite triggers keep the FTS5 table `search_index` equal to `words`; on PostgreSQL `words`
    is the index's own type. Alembic does not know that table: it belongs to this one.
    """

    __tablename__ = "search_document"

    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), primary_key=True, autoincrement=False)
    sellers: Mapped[str] = mapped_column(String, default="")  # their names, one in a line
    words: Mapped[str] = mapped_column(Text().with_variant(TSVECTOR(), "postgresql"))
    revision: Mapped[int] = mapped_column(Integer, index=True)
