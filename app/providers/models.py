"""The project participant as a seller."""

from __future__ import annotations

from sqlalchemy import Boolean, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db import BigKey
from app.kernel.columns import Base


class Provider(Base):
    """A project participant that offers units. `code` is how import files name it."""

    __tablename__ = "provider"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    code: Mapped[str] = mapped_column(String(40), unique=True)
    legal_name: Mapped[str] = mapped_column(String(200))
    country: Mapped[str] = mapped_column(String(2))
    is_demonstration: Mapped[bool] = mapped_column(Boolean, default=False)
