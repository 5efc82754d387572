"""Airports by code or city, however it is accented or capitalised; made by `make_airports`.

A city with several airports is one place: the distance is taken from their middle, which is a few kilometres
from each of them, instead of choosing one for the passenger.
"""

from __future__ import annotations

import csv
import math
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from babel import Locale

from app.kernel.languages import OTHER_LANGUAGES

DATA = Path(__file__).parent / "data"
# The mean radius of the Earth, IUGG.
EARTH_KM = 6371.0088
# Airports nearer to each other than this serve the same city.
SAME_CITY_KM = 100
_SHORTEST_WORD = 4


@dataclass(frozen=True, slots=True)
class Airport:
    """One airport. `area` is the city that it serves together with others, if any."""

    code: str
    city: str
    name: str
    country: str
    latitude: float
    longitude: float
    area: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a flight starts or ends: an airport, or a city with all of its airports. Degrees."""

    name: str
    codes: tuple[str, ...]
    country: str
    latitude: float
    longitude: float


class UnknownPlace(LookupError):
    """No airport or city is called so."""


class AmbiguousPlace(LookupError):
    """Several cities are called so; `airports` are theirs."""

    def __init__(self, airports: Sequence[Airport]) -> None:
        super().__init__()
        self.airports = tuple(airports)


def find_place(typed: str) -> Place:
    """The airport or city that `typed` names: a code first, then a whole name, then a part of one.

    Raises UnknownPlace and AmbiguousPlace.
    """
    wanted = _plain(typed)
    wanted = _names().get(wanted, wanted)
    for names in _indexes():
        if found := names.get(wanted):
            return _one_place(found)
    raise UnknownPlace(typed)


def distance_km(first: Place, second: Place) -> int:
    """The great-circle distance (haversine, on a sphere) in whole kilometres."""
    return round(_kilometres(first.latitude, first.longitude, second.latitude, second.longitude))


@cache
def airports() -> tuple[Airport, ...]:
    """Every airport of the list, by code."""
    with (DATA / "airports.csv").open(encoding="utf-8", newline="") as file:
        return tuple(
            Airport(
                code=row["iata"], city=row["city"], name=row["name"], country=row["country"],
                latitude=float(row["latitude"]), longitude=float(row["longitude"]), area=row["area"],
            )
            for row in csv.DictReader(file)
        )  # fmt: skip


@cache
def _indexes() -> tuple[Mapping[str, list[Airport]], ...]:
    """Airports by each way to name them, the surest first: code, area, city, a word of the city, a word of the name."""
    ways: tuple[defaultdict[str, list[Airport]], ...] = tuple(defaultdict(list) for _ in range(5))
    codes, areas, cities, words, others = ways
    for airport in airports():
        codes[airport.code.casefold()].append(airport)
        if airport.area:
            areas[_plain(airport.area)].append(airport)
        cities[_plain(airport.city)].append(airport)
        for index, name in ((words, airport.city), (others, airport.name)):
            for word in set(_plain(name).split()):
                if len(word) >= _SHORTEST_WORD:
                    index[word].append(airport)
    return ways


@cache
def _names() -> dict[str, str]:
    """Names of cities in the other languages of the site, plain, to the plain name in the list.

    Those that give a time zone its name come from the CLDR, the others from a file.
    """
    english = Locale("en").time_zones
    names = {}
    for language in OTHER_LANGUAGES:
        for zone, words in Locale(language).time_zones.items():
            original = english.get(zone, {}).get("city") or zone.rpartition("/")[2].replace("_", " ")
            if "city" in words:
                names[_plain(words["city"])] = _plain(original)
    with (DATA / "city-names.csv").open(encoding="utf-8", newline="") as file:
        names |= {_plain(row["name"]): _plain(row["city"]) for row in csv.DictReader(file)}
    return names


def _one_place(found: Sequence[Airport]) -> Place:
    first = found[0]
    if len(found) == 1:
        return Place(first.city, (first.code,), first.country, first.latitude, first.longitude)
    if any(_apart(first, other) for other in found):
        raise AmbiguousPlace(found)
    return Place(
        name=first.area or first.city,
        codes=tuple(airport.code for airport in found),
        country=first.country,
        latitude=sum(airport.latitude for airport in found) / len(found),
        longitude=sum(airport.longitude for airport in found) / len(found),
    )


def _apart(first: Airport, other: Airport) -> bool:
    apart = _kilometres(first.latitude, first.longitude, other.latitude, other.longitude)
    return first.country != other.country or apart > SAME_CITY_KM


def _kilometres(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    north, other_north = math.radians(latitude), math.radians(other_latitude)
    half_north = math.sin((other_north - north) / 2) ** 2
    half_east = math.sin(math.radians(other_longitude - longitude) / 2) ** 2
    return 2 * EARTH_KM * math.asin(math.sqrt(half_north + math.cos(north) * math.cos(other_north) * half_east))


def _plain(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name.casefold())
    kept = "".join(c if c.isalnum() else " " for c in letters if not unicodedata.combining(c))
    return " ".join(kept.split())
