"""Counters of the rate limiter: kept in the database, so they hold across processes and restarts."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.columns import Base, UTCDateTime


class RateLimit(Base):
    """How often one key was used in the window that ends at `expires_at`."""

    __tablename__ = "rate_limit"

    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    hits: Mapped[int] = mapped_column(Integer)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
