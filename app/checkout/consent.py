"""What the buyer agrees to. Stored with the order, with its version, its terms and its time, and mailed."""

from __future__ import annotations

from datetime import date

from flask_babel import gettext as _

from app.web.filters import date_long

VERSION = "2026-11-22.2"


def points(terms: str) -> list[str]:
    """The declarations, in the language of the page; `terms` is the version of the terms of sale in force."""
    return [
        _(
            "I order with an obligation to pay, under the terms of sale in force since %(day)s.",
            day=date_long(date.fromisoformat(terms)),
        ),
        _("I ask for the units to be cancelled at once after payment. A cancellation is final: nobody can undo it."),
        _(
            "I know that my right of withdrawal ends when the cancellation is completed, because the service has then "
            "been performed in full at my request."
        ),
        _(
            "Whoever has a certificate’s number sees its project, units, serial numbers, intent and the time of each "
            "step. Name and purpose are shown only if I chose so, e-mail address and country never."
        ),
    ]


def text(terms: str) -> str:
    """The whole consent as one text."""
    return "\n".join(points(terms))
