"""The words of a result, in the language of the page, and the same result as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, cast

from babel.numbers import format_decimal
from flask_babel import LazyString, gettext, lazy_gettext, ngettext

from app.calculator.factors import KG_PER_TONNE, Factor, Line, Result
from app.calculator.flights import Flight
from app.calculator.forms import WORLD
from app.web.filters import country, number
from app.web.i18n import current_locale

LABELS: Mapping[str, LazyString] = {
    "gas.kwh": lazy_gettext("Natural gas"),
    "oil.litre": lazy_gettext("Heating oil"),
    "lpg.kg": lazy_gettext("Bottled or tank gas (LPG)"),
    "pellets.kg": lazy_gettext("Wood pellets"),
    "heat.kwh": lazy_gettext("District heating"),
    "petrol.km": lazy_gettext("Petrol car"),
    "diesel.km": lazy_gettext("Diesel car"),
    "hybrid.km": lazy_gettext("Hybrid car"),
    "petrol.litre": lazy_gettext("Petrol"),
    "diesel.litre": lazy_gettext("Diesel"),
}
CABINS: Mapping[str, LazyString] = {
    "average": lazy_gettext("average of all classes"),
    "economy": lazy_gettext("economy"),
    "premium": lazy_gettext("premium economy"),
    "business": lazy_gettext("business class"),
    "first": lazy_gettext("first class"),
}
RANGES: Mapping[str, LazyString] = {
    "none": lazy_gettext("The source gives no range."),
    "own": lazy_gettext("Your own factor has no range."),
    "ipcc": lazy_gettext("Range: the 95 per cent interval that the IPCC gives for this fuel, in proportion."),
    "car": lazy_gettext("Range: from a small car to a large one."),
    "kerosene": lazy_gettext("Lowest: kerosene instead of gas oil. The source gives no higher figure."),
    "altitude": lazy_gettext("Lowest: CO₂ alone, without other effects at high altitude. No higher figure is given."),
}
_NO_RANGE = frozenset({"none", "own"})
_UNITS: Mapping[str, LazyString] = {"passenger-km": lazy_gettext("passenger-km")}
_TONNES = Decimal("0.01")


@dataclass(frozen=True)
class LineWords:
    """One line as a reader sees it; `working` is the whole sum in a row of signs.

    `span` is from and to, or the words for a factor without a range; `explained` what the range is.
    """

    label: str
    working: str
    factor: Factor
    kg: str
    span: str
    has_range: bool
    explained: str

    @property
    def has_source(self) -> bool:
        """Whether the factor was published by somebody, not typed."""
        return bool(self.factor.source)


def line_words(line: Line) -> LineWords:
    """The words of one line."""
    # One figure alone is not a sure one: nobody said how far off it may be.
    has_range = line.factor.range not in _NO_RANGE
    words = str(RANGES[line.factor.range])
    return LineWords(
        label=_label(line),
        working=_working(line),
        factor=line.factor,
        kg=kilograms(line.kg),
        span=span(line.low_kg, line.high_kg) if has_range else words,
        has_range=has_range,
        explained=words if has_range else "",
    )


def kilograms(kg: Decimal) -> str:
    """Kilograms with one decimal: `2,561.4`."""
    return format_decimal(kg, "#,##0.0", locale=current_locale())


def tonnes(kg: Decimal) -> str:
    """Kilograms as tonnes with two decimals: `2.56`."""
    return format_decimal((kg / KG_PER_TONNE).quantize(_TONNES, ROUND_HALF_UP), "#,##0.00", locale=current_locale())


def span(low: Decimal, high: Decimal) -> str:
    """From and to, in kilograms; one figure where both are the same."""
    return kilograms(low) if low == high else f"{kilograms(low)}–{kilograms(high)}"


def as_data(result: Result) -> dict[str, Any]:
    """The result as JSON has it: every number exact, as a string of digits."""
    return {
        "version": result.version,
        "lines": [
            {
                "label": _label(line),
                "part": line.part,
                "amount": _plain(line.amount),
                "factor": {
                    name: _plain(value) if isinstance(value := getattr(line.factor, name), Decimal) else value
                    for name in Factor.__slots__
                },
                "kg": _plain(line.kg),
                "low_kg": _plain(line.low_kg),
                "high_kg": _plain(line.high_kg),
            }
            for line in result.lines
        ],
        "kg": _plain(result.kg),
        "low_kg": _plain(result.low_kg),
        "high_kg": _plain(result.high_kg),
        "household_kg_per_person": _plain(result.share_kg),
        "units": result.units,
    }


def _label(line: Line) -> str:
    if "flight" in line.facts:
        return _flight_label(line)
    if "grid" in line.facts:
        grid = str(line.facts["grid"])
        if not grid:
            return gettext("Electricity, factor of your own")
        if grid == WORLD:
            return gettext("Electricity, world average")
        return gettext("Electricity, grid of %(country)s", country=country(grid))
    return str(LABELS[line.factor.key])


def _flight_label(line: Line) -> str:
    flight = cast(Flight, line.facts["flight"])
    cabin = str(CABINS[str(line.facts["cabin"])])
    if flight.origin is None or flight.destination is None:
        return gettext("Flight, %(cabin)s", cabin=cabin)
    return gettext(
        "Flight %(origin)s – %(destination)s, %(cabin)s",
        origin=f"{flight.origin.name} ({', '.join(flight.origin.codes)})",
        destination=f"{flight.destination.name} ({', '.join(flight.destination.codes)})",
        cabin=cabin,
    )


def _working(line: Line) -> str:
    unit = str(_UNITS.get(line.factor.unit, line.factor.unit))
    amount = f"{_decimal(line.amount)}\u00a0{unit}"
    if "flight" in line.facts:
        flight = cast(Flight, line.facts["flight"])
        passengers = ngettext(
            "%(number)s passenger", "%(number)s passengers", flight.passengers, number=number(flight.passengers)
        )
        amount = f"{flight.ways} × {number(flight.km)}\u00a0km × {passengers} = {amount}"
    return f"{amount} × {_decimal(line.factor.value)}\u00a0kg\u00a0CO₂e = {kilograms(line.kg)}\u00a0kg"


def _decimal(value: Decimal) -> str:
    return format_decimal(value, locale=current_locale(), decimal_quantization=False)


def _plain(value: Decimal) -> str:
    return f"{value:f}"
