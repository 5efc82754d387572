"""When a worker was last seen, and what keeps workers from irreversible steps."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db import BigKey
from app.kernel.columns import Base, UTCDateTime


class Heartbeat(Base):
    """One row for each kind of process that must not stop: when one of it last finished its round."""

    __tablename__ = "heartbeat"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime)


class RestorationHold(Base):
    """This database came back from a backup. While the hold stands, nothing irreversible is done.

    What happened between `backup_made_at` and the restoration is forgotten here and known outside: to registries,
    and to the journal. `is_journal_kept` says whether that was there; without it an operator declares what only it
    knew. All times are aware UTC.
    """

    __tablename__ = "restoration_hold"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    backup_made_at: Mapped[datetime] = mapped_column(UTCDateTime)
    restored_at: Mapped[datetime] = mapped_column(UTCDateTime)
    is_journal_kept: Mapped[bool] = mapped_column(Boolean)
    replayed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)  # the journal into the embedded ledger
    compared_at: Mapped[datetime | None] = mapped_column(UTCDateTime)  # with the statements of every registry
    lifted_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
