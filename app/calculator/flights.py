"""Flights as lines of a calculation, by the method of the UK government's conversion factors.

Great-circle distance times a factor for passenger-kilometres; the factor contains 8 % for detours, so none is added
here. Short-haul is up to 3,700 km. The source made its bands for flights to and from the United Kingdom; they are
used for all flights here, because its one figure for flights elsewhere does not tell short from long. Flights inside
the United Kingdom have a figure of their own, which knows no classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from app.calculator.airports import Place, distance_km
from app.calculator.factors import Line, Table

SHORT_HAUL_KM = 3700
CABINS = ("economy", "premium", "business", "first")
# Where the source has no figure for a class, the next higher one that it has.
_SHORT_HAUL_CABINS = {"economy": "economy", "premium": "business", "business": "business", "first": "business"}
_UNITED_KINGDOM = "GB"


@dataclass(frozen=True)
class Flight:
    """A flight between two places, or over `km` kilometres each way where they are not given."""

    origin: Place | None
    destination: Place | None
    km: int
    cabin: str
    is_return: bool
    passengers: int

    @staticmethod
    def between(origin: Place, destination: Place, *, cabin: str, is_return: bool, passengers: int) -> Flight:
        """A flight along the great circle between two places."""
        return Flight(origin, destination, distance_km(origin, destination), cabin, is_return, passengers)

    @property
    def ways(self) -> int:
        """One way, or there and back."""
        return 2 if self.is_return else 1


def flight_line(flight: Flight, table: Table) -> Line:
    """The line of `flight` by `table`, in passenger-kilometres. Raises KeyError when the table has no figure for it."""
    facts = {"flight": flight, "cabin": _band_and_cabin(flight)[1]}
    amount = Decimal(flight.km * flight.ways * flight.passengers)
    return Line("flights", amount, table[flight_factor(flight)], facts)


def flight_factor(flight: Flight) -> str:
    """The key of the factor for `flight`."""
    return "flight.{}.{}".format(*_band_and_cabin(flight))


def _band_and_cabin(flight: Flight) -> tuple[str, str]:
    places = [place for place in (flight.origin, flight.destination) if place is not None]
    if len(places) == 2 and all(place.country == _UNITED_KINGDOM for place in places):
        return "uk", "average"
    if flight.km <= SHORT_HAUL_KM:
        return "short", _SHORT_HAUL_CABINS[flight.cabin]
    return "long", flight.cabin
