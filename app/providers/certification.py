"""What an applicant certifies, word for word; the version changes with the words."""

from __future__ import annotations

from flask_babel import gettext

VERSION = "2026-11-28"


def sentences() -> list[str]:
    """The sentences, in the reader's language."""
    return [
        gettext("I may act for the organisation of this application, and what it says is true and complete."),
        gettext("For each project named here, the organisation is the focal point or acts for it with its consent."),
        gettext("The units that it will offer are its own to cancel, free of pledges and claims of others."),
        gettext("It will say of units only what the public record of the project bears out."),
        gettext("It tells the operator without delay when anything stated here changes."),
    ]


def certified_text() -> str:
    """The text that is kept with an application: version, then each sentence on a line."""
    return "\n".join([VERSION, *sentences()])
