"""Makes the list of airports from the data file of the Python package `airportsdata` (MIT licence).

    python -m app.calculator.make_airports DIRECTORY

where DIRECTORY holds `airports.csv` and `iata_macs.csv` of that package; writes `data/airports.csv`, the same
bytes each time. Kept are airports with an IATA code and a city that a passenger may know: no bases of armies,
seaplane landings or airstrips. Coordinates have two decimals, which is about a kilometre.
"""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

DATA = Path(__file__).parent / "data"
HEADER = ("iata", "city", "name", "country", "latitude", "longitude", "area")

# The package has read 50°54' N 4°29' E as decimals.
_CORRECTED = {"BRU": ("50.90", "4.48")}
# Named after the suburb that it lies in; passengers look for the city.
_CITIES = {"YUL": "Montreal"}
_NOT_FOR_PASSENGERS = re.compile(
    r"seaplane|heliport|helipad|airstrip|\bstrip\b|air base|\bafb\b|air station|naval|army|water aero|\bbus\b|ferry"
    r"|railway",
    re.IGNORECASE,
)
_SAYS_NOTHING = re.compile(
    r"\b(International|Intl|Regional|Municipal|County|Airport|Airfield|Aerodrome|Field)\b", re.IGNORECASE
)


def main(directory: Path, target: Path) -> None:
    """Write the list that is made of the package's files in `directory` to `target`."""
    airports = _rows(directory / "airports.csv")
    areas = {row["Airport Code"]: row["City Name"] for row in _rows(directory / "iata_macs.csv")}
    target.write_text(make(airports, areas), encoding="utf-8")


def make(airports: Iterable[Mapping[str, str]], areas: Mapping[str, str]) -> str:
    """The list as CSV, by code; `areas` names the city that several airports serve, by airport."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    for row in sorted(airports, key=lambda row: row["iata"]):
        if row["iata"] and row["city"] and not _NOT_FOR_PASSENGERS.search(row["name"]):
            city = _CITIES.get(row["iata"], row["city"])
            area = areas.get(row["iata"], "")
            if city not in areas.values() and _names_its_time_zone(city, row):
                area = city
            writer.writerow([row["iata"], city, _short(row), row["country"], *_place(row), area])
    return out.getvalue()


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _short(row: Mapping[str, str]) -> str:
    name = " ".join(_SAYS_NOTHING.sub("", row["name"]).split())
    return "" if name.casefold() == row["city"].casefold() else name


def _names_its_time_zone(city: str, row: Mapping[str, str]) -> bool:
    # Of two cities with one name, such as Athens, this is the one that is meant.
    return row["tz"].rpartition("/")[2].replace("_", " ").casefold() == city.casefold()


def _place(row: Mapping[str, str]) -> tuple[str, str]:
    return _CORRECTED.get(row["iata"]) or (f"{float(row['lat']):.2f}", f"{float(row['lon']):.2f}")


if __name__ == "__main__":  # pragma: no cover - the line that a shell runs
    main(Path(sys.argv[1]), DATA / "airports.csv")
