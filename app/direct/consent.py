"""What a holder agrees to before own units are cancelled. Stored with its version."""

from __future__ import annotations

from flask_babel import gettext as _

VERSION = "2026-11-28.1"


def points() -> list[str]:
    """The declarations, in the language of the page."""
    return [
        _("A cancellation is final: nobody can undo it, not us, not the registry."),
        _("The units lie in our account, nobody else has a claim to them, and I may decide this for my organisation."),
        _(
            "What I entered is true. The certificate names our organisation as the holder and prints it as our "
            "statement; whoever has its number sees project, units, serial numbers, category and times."
        ),
    ]


def text() -> str:
    """The whole consent as one text."""
    return "\n".join(points())
