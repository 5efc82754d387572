"""What a household uses in a year, as lines of a calculation."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from app.calculator.factors import Factor, Line, Table

# Heating, in the order of the page: what the form calls it, and its factor.
FUELS = {"gas": "gas.kwh", "oil": "oil.litre", "lpg": "lpg.kg", "pellets": "pellets.kg", "heat": "heat.kwh"}
CARS = ("petrol.km", "diesel.km", "hybrid.km", "petrol.litre", "diesel.litre")
GRAMS_PER_KG = 1000


@dataclass(frozen=True)
class Household:
    """A year of a household. Amounts in the units of their factors, `own_grid` in grams of CO2e per kWh."""

    electricity: Decimal | None = None
    grid: str = ""
    own_grid: Decimal | None = None
    fuels: dict[str, Decimal] = field(default_factory=dict)
    cars: tuple[tuple[str, Decimal], ...] = ()


def household_lines(household: Household, table: Table) -> list[Line]:
    """The lines of `household` by `table`. Raises KeyError for a grid or fuel that the table does not have."""
    lines = []
    if household.electricity is not None:
        facts = {"grid": "" if household.own_grid is not None else household.grid}
        lines.append(Line("household", household.electricity, _grid(household, table), facts))
    for name, key in FUELS.items():
        if name in household.fuels:
            lines.append(Line("household", household.fuels[name], table[key], {}))
    lines += [Line("household", amount, table[key], {}) for key, amount in household.cars]
    return lines


def _grid(household: Household, table: Table) -> Factor:
    if household.own_grid is None:
        return table[f"grid.{household.grid}"]
    value = household.own_grid / GRAMS_PER_KG
    return Factor(
        key="grid.own", value=value, low=value, high=value, unit="kWh", range="own",
        source="", publisher="", year=0, url="", note="",
    )  # fmt: skip
