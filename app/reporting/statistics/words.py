"""The words for the lines of the registry's report, on the page, on the command line and in files."""

from __future__ import annotations

from collections.abc import Mapping

from babel.units import format_unit
from flask_babel import LazyString, gettext
from flask_babel import lazy_gettext as _

from app.reporting.statistics.annual_report import SYMBOL
from app.reporting.statistics.forms import Size, Vintage
from app.web.filters import number
from app.web.i18n import current_locale

SECTIONS: Mapping[str, LazyString] = {
    "table_3": _("Transactions completed in the registry (table 3)"),
    "paragraph_23": _("Issued units by type (paragraph 23)"),
    "paragraph_24": _("Issued units by commitment period (paragraph 24)"),
    "paragraph_26": _("Projects with issuance (paragraph 26)"),
    "paragraph_36": _("Voluntary cancellation by the way it came (paragraphs 36, 38 and 39)"),
    "table_1": _("Projects that received units, and units issued, by year (table 1)"),
}

LINES: Mapping[str, LazyString] = {
    "issuance_all": _("Issuance, from the beginning"),
    "issuance_period": _("Issuance, in the period"),
    "voluntary_all": _("Voluntary cancellation, from the beginning"),
    "voluntary_period": _("Voluntary cancellation, in the period"),
    "adaptation_all": _("Share of proceeds to the Adaptation Fund, from the beginning"),
    "adaptation_period": _("Share of proceeds to the Adaptation Fund, in the period"),
    "transfers_all": _("Internal and external transfers, from the beginning"),
    "transfers_period": _("Internal and external transfers, in the period"),
    "forwarding_all": _("From the Adaptation Fund to national registries, from the beginning"),
    "forwarding_period": _("From the Adaptation Fund to national registries, in the period"),
    "administrative_all": _("Administrative cancellation, from the beginning"),
    "administrative_period": _("Administrative cancellation, in the period"),
    "CER": _("CERs"),
    "tCER": _("Temporary CERs (tCERs)"),
    "lCER": _("Long-term CERs (lCERs)"),
    "tCER_period": _("Temporary CERs (tCERs), in the period"),
    "lCER_period": _("Long-term CERs (lCERs), in the period"),
    "period_1": _("First commitment period, all unit types"),
    "period_2": _("Second commitment period, all unit types"),
    "tCER_1": _("tCERs of the first commitment period"),
    "tCER_2": _("tCERs of the second commitment period"),
    "lCER_1": _("lCERs of the first commitment period"),
    "projects": _("Project activities and programmes of activities"),
    "platform": _("On the platform of the United Nations"),
    "ctx": _("Through the exchange CTX"),
    "direct": _("Directly in the registry"),
}

CHANNELS: Mapping[str, LazyString] = {
    "registry": LINES["direct"],
    "platform": LINES["platform"],
    "ctx": LINES["ctx"],
}


def line_words(key: str) -> str:
    """What a line counts."""
    if key.startswith("year_"):
        year = int(key.removeprefix("year_"))
        return gettext("October %(year)s to September %(next)s", year=year, next=year + 1)
    return str(LINES[key])


def size_words(size: Size) -> str:
    """How large transactions are."""
    if size.most is None:
        return gettext("%(least)s units and more", least=number(size.least))
    if size.least == size.most:
        return gettext("exactly 1 unit")
    return gettext("%(least)s to %(most)s units", least=number(size.least), most=number(size.most))


def vintage_words(vintage: Vintage) -> str:
    """The years in which reductions were monitored: `2013`, `2012–2013`."""
    return str(vintage).replace("-", "–")


def time_words(seconds: int) -> str:
    """A length of time in the two largest units that say it: `3 min 20 s`, `2 h 5 min`."""
    parts = [
        (seconds // 86_400, "day"),
        (seconds // 3_600 % 24, "hour"),
        (seconds // 60 % 60, "minute"),
        (seconds % 60, "second"),
    ]
    first = next((place for place, (value, _unit) in enumerate(parts) if value), len(parts) - 1)
    return " ".join(
        format_unit(value, f"duration-{unit}", length="short", locale=current_locale())
        for value, unit in parts[first : first + 2]
        if value or first == len(parts) - 1
    )


def notes() -> Mapping[str, str]:
    """What is to be known about a section, by its key."""
    return {
        "table_3": gettext(
            "Published lists of issuances and cancellations do not show transfers, the Adaptation Fund, forwarding or "
            "administrative cancellation. Those lines are only what %(report)s says.",
            report=SYMBOL,
        ),
        "paragraph_26": gettext(
            "The rows do not say which are programmes; the report counts 3,086 project activities and 49 programmes."
        ),
        "paragraph_36": gettext(
            "Which three transactions came through CTX was inferred from their sizes and dates. Prices are not in the "
            "rows. Paragraph 39 gives 9.7 million units, rounded."
        ),
        "table_1": gettext(
            "The report’s last row has 144,104,689 units; the rows have 145,104,689, exactly 1,000,000 more, which is "
            "probably a misprint in one of the two. Registrations are not in the rows."
        ),
    }


def source_kind(kind: str) -> str:
    """What a file lists."""
    return {
        "issuances": gettext("issuances"),
        "opening": gettext("ranges issued earlier"),
        "cancellations": gettext("cancellations"),
        "channels": gettext("channels laid over"),
    }[kind]
