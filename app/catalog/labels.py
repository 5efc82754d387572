"""The words for codes that stand in the data: types, regions, scopes, units, periods, intents.

Keys are the codes exactly as the registry's data write them. A code that is not here is shown as
it is: an importer may bring a new one before its words are written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from flask import Flask
from flask_babel import LazyString, gettext, lazy_gettext, lazy_pgettext
from jinja2 import Environment

from app.catalog import book
from app.kernel.languages import LANGUAGES
from app.web.i18n import current_language

# UNEP DTU list, the order of `shared/domain.md` 7.2.
PROJECT_TYPES: Mapping[str, LazyString] = {
    "Wind": lazy_gettext("Wind power"),
    "Hydro": lazy_gettext("Hydropower"),
    "Biomass Energy": lazy_gettext("Biomass energy"),
    "Methane avoidance": lazy_gettext("Methane avoidance"),
    "EE own generation": lazy_gettext("Energy efficiency: own generation"),
    "Landfill gas": lazy_gettext("Landfill gas"),
    "Solar": lazy_gettext("Solar power"),
    "EE industry": lazy_gettext("Energy efficiency: industry"),
    "EE households": lazy_gettext("Energy efficiency: households"),
    "Fossil fuel switch": lazy_gettext("Fossil fuel switch"),
    "EE supply side": lazy_gettext("Energy efficiency: supply side"),
    "Coal bed/mine methane": lazy_gettext("Coal bed and coal mine methane"),
    "N2O": lazy_gettext("Nitrous oxide (N₂O)"),
    "Fugitive": lazy_gettext("Fugitive emissions"),
    "EE service": lazy_gettext("Energy efficiency: services"),
    "Cement": lazy_pgettext("project type", "Cement"),
    "Reforestation": lazy_gettext("Reforestation"),
    "Transport": lazy_gettext("Transport"),
    "Geothermal": lazy_gettext("Geothermal energy"),
    "Mixed renewables": lazy_gettext("Mixed renewable energy"),
    "Energy distribution": lazy_gettext("Energy distribution"),
    "HFCs": lazy_gettext("Hydrofluorocarbons (HFCs)"),
    "Hybrid renewables": lazy_gettext("Hybrid renewable energy"),
    "PFCs and SF6": lazy_gettext("Perfluorocarbons and sulphur hexafluoride (PFCs and SF₆)"),
    "Afforestation": lazy_gettext("Afforestation"),
    "Agriculture": lazy_gettext("Agriculture"),
    "CO2 usage": lazy_gettext("Use of CO₂"),
    "Tidal": lazy_gettext("Tidal power"),
}

REGIONS: Mapping[str, LazyString] = {
    "Africa": lazy_gettext("Africa"),
    "Asia and the Pacific": lazy_gettext("Asia and the Pacific"),
    "Economies in transition": lazy_gettext("Economies in transition"),
    "Latin America and the Caribbean": lazy_gettext("Latin America and the Caribbean"),
}

KINDS: Mapping[str, LazyString] = {
    "PA": lazy_gettext("Project activity"),
    "PoA": lazy_gettext("Programme of activities"),
}

SCOPES: Mapping[str, LazyString] = {
    "1": lazy_gettext("Energy industries (renewable and non-renewable sources)"),
    "2": lazy_gettext("Energy distribution"),
    "3": lazy_gettext("Energy demand"),
    "4": lazy_gettext("Manufacturing industries"),
    "5": lazy_gettext("Chemical industries"),
    "6": lazy_gettext("Construction"),
    "7": lazy_gettext("Transport"),
    "8": lazy_gettext("Mining and mineral production"),
    "9": lazy_gettext("Metal production"),
    "10": lazy_gettext("Fugitive emissions from fuels (solid, oil and gas)"),
    "11": lazy_gettext("Fugitive emissions from production and consumption of halocarbons and sulphur hexafluoride"),
    "12": lazy_gettext("Solvent use"),
    "13": lazy_gettext("Waste handling and disposal"),
    "14": lazy_gettext("Afforestation and reforestation"),
    "15": lazy_gettext("Agriculture"),
    "16": lazy_gettext("Carbon capture and storage"),
}


class HasPeriod(Protocol):
    """Units of one commitment period or of one vintage."""

    @property
    def commitment_period(self) -> int | None: ...

    @property
    def vintage_year(self) -> int | None: ...


COMMITMENT_PERIODS: Mapping[int, LazyString] = {
    1: lazy_gettext("first commitment period (2008–2012)"),
    2: lazy_gettext("second commitment period (2013–2020)"),
}

INTENTS: Mapping[str, LazyString] = {
    "contribution": lazy_gettext("Contribution to climate action"),
    "compensation": lazy_gettext("Compensation of own emissions"),
}


def init_app(app: Flask) -> None:
    """Give every page the filters."""
    register(app.jinja_env)


def register(environment: Environment) -> None:
    """Give a Jinja environment the filters; the PDF has one of its own."""
    environment.filters.update(
        project_type=project_type,
        region=region,
        kind=kind,
        scope=scope,
        unit_name=unit_name,
        unit_in_full=unit_in_full,
        period=period,
        period_legend=period_legend,
        authorisation=authorisation,
        authorisation_meaning=authorisation_meaning,
        mechanism_name=mechanism_name,
        mechanism_short=mechanism_short,
        mechanism_source=mechanism_source,
        mechanism_registry=mechanism_registry,
        intent=intent,
    )


def project_type(code: str) -> str:
    """What a project does, by its UNEP type."""
    return str(PROJECT_TYPES.get(code, code))


def region(code: str) -> str:
    """A UN region by its English name in the data."""
    return str(REGIONS.get(code, code))


def kind(code: str) -> str:
    """Project activity or programme of activities."""
    return str(KINDS.get(code, code))


def scope(code: int | str) -> str:
    """A sectoral scope of the CDM by its number, 1 to 16."""
    return str(SCOPES.get(str(code), code))


def unit_name(code: str, units: int = 1) -> str:
    """The short name of `units` units, as their mechanism has it."""
    return _of_unit(code, units, "one", "many")


def unit_in_full(code: str, units: int = 1) -> str:
    """What the short name of `units` units stands for, with it in brackets."""
    return _of_unit(code, units, "one_in_full", "many_in_full")


def _of_unit(code: str, units: int, one: str, many: str) -> str:
    known = book.contents().units.get(code)
    if known is None or not known.words:
        return code
    is_one = abs(units) == 1 or (units == 0 and LANGUAGES[current_language()].zero_is_one)
    return known.words[current_language()][one if is_one else many]


def mechanism_of(unit_type: str) -> str:
    """The code of the mechanism of a unit type; empty for a unit that nobody knows."""
    known = book.contents().units.get(unit_type)
    return "" if known is None else known.mechanism


def mechanism_name(code: str) -> str:
    """What a mechanism is called, with its short name in brackets."""
    return f"{_of_mechanism(code, 'name')} ({_of_mechanism(code, 'short')})"


def mechanism_short(code: str) -> str:
    """The short name of a mechanism."""
    return _of_mechanism(code, "short")


def mechanism_registry(code: str) -> str:
    """What the registry of a mechanism is called."""
    return _of_mechanism(code, "registry")


def mechanism_source(code: str) -> str:
    """Whose data the facts of a mechanism's projects are."""
    return _of_mechanism(code, "source")


def _of_mechanism(code: str, word: str) -> str:
    known = book.contents().mechanisms.get(code)
    return code if known is None or not known.words else known.words[current_language()][word]


def period(thing: HasPeriod) -> str:
    """The commitment period of units, or their vintage."""
    if thing.vintage_year is not None:
        return gettext("vintage %(year)s", year=thing.vintage_year)
    return commitment_period(thing.commitment_period or 0)


def period_legend(thing: HasPeriod) -> str:
    """What kind of time `period` gives."""
    return gettext("Vintage") if thing.vintage_year is not None else gettext("Commitment period")


def commitment_period(period: int) -> str:
    """A commitment period of the Kyoto Protocol with its years."""
    if period in COMMITMENT_PERIODS:
        return str(COMMITMENT_PERIODS[period])
    return gettext("commitment period %(period)s", period=period)


def authorisation(code: str | None) -> str:
    """The host Party's word on units, in short."""
    return _of_authorisation(code, "name")


def authorisation_meaning(code: str | None) -> str:
    """What the host Party's word on units lets a buyer say of them."""
    return _of_authorisation(code, "meaning")


def _of_authorisation(code: str | None, word: str) -> str:
    found = (mechanism.authorisations.get(code or "") for mechanism in book.contents().mechanisms.values())
    known = next(filter(None, found), None)
    return (code or "") if known is None else str(known["words"][current_language()][word])


def intent(code: str) -> str:
    """Why somebody has units cancelled, in the words of the buyer's choice."""
    return str(INTENTS.get(code, code))
