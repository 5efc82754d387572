"""The time that units are of, and what their host Party says of them."""

from __future__ import annotations

from typing import NamedTuple

from app.catalog.models import Issuance


class Period(NamedTuple):
    """A commitment period or a vintage, whichever the mechanism has; the authorisation is empty where it has none."""

    commitment_period: int | None
    vintage_year: int | None
    authorisation: str

    @classmethod
    def of(cls, issuance: Issuance) -> Period:
        """The period of an issuance."""
        return cls(issuance.commitment_period, issuance.vintage_year, issuance.authorisation or "")

    def order(self) -> tuple[int, int, str]:
        """A key that sorts the oldest first."""
        return self.commitment_period or 0, self.vintage_year or 0, self.authorisation
