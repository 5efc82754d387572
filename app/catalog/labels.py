"""The words for codes that stand in the data: types, regions, scopes, units, periods, intents.

Keys are the codes exactly as the registry's data write them. A code that is not here is shown as
it is: an importer may bring a new one before its words are written.
"""

from __future__ import annotations

from collections.abc import Mapping

from flask import Flask
from flask_babel import LazyString, gettext, lazy_gettext, lazy_pgettext, ngettext
from jinja2 import Environment

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

UNIT_LONG_NAMES: Mapping[str, LazyString] = {
    "CER": lazy_gettext("certified emission reduction (CER)"),
    "tCER": lazy_gettext("temporary certified emission reduction (tCER)"),
    "lCER": lazy_gettext("long-term certified emission reduction (lCER)"),
}

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
        unit_long_name=unit_long_name,
        commitment_period=commitment_period,
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
    """The short name of `units` units: `CER`, `CERs`."""
    if code == "CER":
        return ngettext("CER", "CERs", units)
    if code == "tCER":
        return ngettext("tCER", "tCERs", units)
    if code == "lCER":
        return ngettext("lCER", "lCERs", units)
    return code


def unit_long_name(code: str) -> str:
    """What the short name of a unit stands for."""
    return str(UNIT_LONG_NAMES.get(code, code))


def commitment_period(period: int) -> str:
    """A commitment period of the Kyoto Protocol with its years."""
    if period in COMMITMENT_PERIODS:
        return str(COMMITMENT_PERIODS[period])
    return gettext("commitment period %(period)s", period=period)


def intent(code: str) -> str:
    """Why somebody has units cancelled, in the words of the buyer's choice."""
    return str(INTENTS.get(code, code))
