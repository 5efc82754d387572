"""What somebody may do for an organisation."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """Each role may do what the one before it may: read, sell, and manage people and where money goes."""

    VIEWER = "viewer"
    SELLER = "seller"
    OWNER = "owner"

    def covers(self, needed: Role) -> bool:
        """Whether this role may do what `needed` may."""
        order = list(Role)
        return order.index(self) >= order.index(needed)
