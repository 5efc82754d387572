"""The words for quality facts: decisions on methodologies, public criticism, channels of cancellation."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Flask
from flask_babel import LazyString, gettext, lazy_gettext

from app.catalog.quality import MethodologyFact

DECISIONS: Mapping[str, LazyString] = {
    "approved": lazy_gettext("Approved for the CCP label"),
    "conditional": lazy_gettext("Approved for the CCP label under conditions, not known to be met"),
    "rejected": lazy_gettext("Not approved for the CCP label"),
    "unknown": lazy_gettext("No decision known"),
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
    "stoves_over_credited": lazy_gettext(
        "An environmental organisation sees clear evidence of severe over-crediting under this methodology for stoves: "
        "more units than there were reductions."
    ),
    "stoves_study": lazy_gettext(
        "A study of five methodologies for stoves estimates that the projects in its sample were credited with "
        "9.2 times their reductions."
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
    app.jinja_env.filters.update(decided_words=decided_words, criticism_words=criticism_words, channel=channel)


def decision_words(code: str) -> str:
    """What the ICVCM decided on a methodology, in a few words."""
    return str(DECISIONS[code])


def decided_words(fact: MethodologyFact) -> str:
    """What the ICVCM decided on a methodology, and for which versions of it."""
    if fact.versions is None:
        return decision_words(fact.decision)
    first, last = fact.versions.first, fact.versions.last
    if fact.version is None:
        return gettext(
            "Approved for the CCP label in versions %(first)s to %(last)s with conditions; "
            "the version used by this project is not known.",
            first=first,
            last=last,
        )
    if fact.decision == "unknown":
        return gettext(
            "Approved for the CCP label in versions %(first)s to %(last)s with conditions; "
            "this project uses another version.",
            first=first,
            last=last,
        )
    return gettext(
        "Approved for the CCP label in versions %(first)s to %(last)s with conditions; "
        "whether this project meets them is not known.",
        first=first,
        last=last,
    )


def criticism_words(code: str) -> str:
    """What somebody said in public about projects of this kind, in one or two sentences."""
    return str(CRITICISM[code])


def channel(code: str) -> str:
    """Where units were cancelled."""
    return str(CHANNELS[code])
