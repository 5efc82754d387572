"""The words for quality facts: decisions on methodologies, public criticism, channels of cancellation."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Flask
from flask_babel import LazyString, lazy_gettext

DECISIONS: Mapping[str, LazyString] = {
    "approved": lazy_gettext("Approved for the CCP label"),
    "rejected": lazy_gettext("Refused the CCP label"),
    "unknown": lazy_gettext("No decision found"),
}

CRITICISM: Mapping[str, LazyString] = {
    "income_not_needed": lazy_gettext(
        "Journalists quote climate experts who say that hydropower and wind projects often do not need the income "
        "from units to go ahead, so that the reductions would have come about anyway."
    ),
    "large_hydro": lazy_gettext(
        "An environmental organisation criticises the sale of units of large hydropower projects to the public. "
        "This project uses the methodology for large-scale plants."
    ),
    "fossil_fuel": lazy_gettext(
        "An environmental organisation criticises the sale of units of projects that go on burning fossil fuel."
    ),
    "reward_for_gas": lazy_gettext(
        "An environmental organisation says that units for destroying HFC-23 reward plants for producing more of it."
    ),
    "not_accepted_in_eu": lazy_gettext(
        "The European Union has not accepted units from destroying HFC-23 in its emissions trading since May 2013."
    ),
}

CHANNELS: Mapping[str, LazyString] = {
    "registry": lazy_gettext("Directly in the registry"),
    "platform": lazy_gettext("On the platform of the United Nations"),
    "exchange": lazy_gettext("On an exchange"),
    "here": lazy_gettext("Here, on this marketplace"),
}


def init_app(app: Flask) -> None:
    """Give every page the filters."""
    app.jinja_env.filters.update(decision_words=decision_words, criticism_words=criticism_words, channel=channel)


def decision_words(code: str) -> str:
    """What the ICVCM decided on a methodology, in a few words."""
    return str(DECISIONS[code])


def criticism_words(code: str) -> str:
    """What somebody said in public about projects of this kind, in one or two sentences."""
    return str(CRITICISM[code])


def channel(code: str) -> str:
    """Where units were cancelled."""
    return str(CHANNELS[code])
