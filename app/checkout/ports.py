"""What the checkout must know of the legal texts, which belong to a package above it."""

from __future__ import annotations

from datetime import date
from typing import Protocol, cast

from flask import current_app


class TermsOfSale(Protocol):
    """Knows which terms of sale are in force."""

    def terms_version(self, on: date) -> str:
        """The version in force on a day (UTC): the day from which it is, such as `2026-11-01`."""
        ...


def current_terms() -> TermsOfSale:
    """The terms this application was made with."""
    return cast(TermsOfSale, current_app.extensions["tonne.terms"])
