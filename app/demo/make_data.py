"""Makes the files of the demonstration world from copies of the registry's public data.

    python -m app.demo.make_data ../shared/data

writes `app/demo/data/*.csv`, the same bytes each time. Every choice is a rule that stands here
and, for readers, in `app/demo/data/SOURCE.md`.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from math import isqrt
from pathlib import Path

from app.kernel.text import clean_line

DATA = Path(__file__).parent / "data"

PROJECTS = 48  # that offered when FCCC/KP/CMP/2017/5, paragraph 36, was written
UNITS_ON_OFFER = 1_870_000  # the same paragraph
SOLD_UNTIL = "2023-11-30"  # the last day of the registry's reports
LOWEST_PRICE = 38  # US cents, the same paragraph
HIGHEST_PRICE = 850
OFFERS_PER_PROJECT = 3
SMALLEST_OFFER = 50
ROUND_UNITS = 100

SELLERS = {
    "demo-seller-1": ("GH", ("Africa",)),
    "demo-seller-2": ("IN", ("Southern Asia",)),
    "demo-seller-3": ("CN", ("Eastern Asia",)),
    "demo-seller-4": ("TH", ("South-Eastern Asia", "Western Asia", "Melanesia")),
    "demo-seller-5": ("BR", ("South America",)),
    "demo-seller-6": ("CR", ("Central America", "Caribbean")),
}


@dataclass(frozen=True)
class Block:
    """Consecutive serial numbers of one originating Party."""

    party: str
    first: int
    last: int

    @property
    def units(self) -> int:
        """How many units (tonnes) it has."""
        return self.last - self.first + 1


@dataclass(frozen=True)
class IssuanceFacts:
    """One issuance of the registry's public list, and what was never cancelled of it."""

    block: Block
    row: Mapping[str, str]
    free: tuple[Block, ...]

    @property
    def free_units(self) -> int:
        """Units (tonnes) left, over all its free blocks."""
        return sum(block.units for block in self.free)

    @property
    def newest_first(self) -> tuple[str, str, int]:
        """Sorts by the end of the monitoring period, then commitment period, then serial number."""
        return self.row["monitoring_end"], self.row["commitment_period"], self.block.first


@dataclass(frozen=True)
class Lot:
    """One offer before it has a size and a price."""

    code: str
    project: Mapping[str, str]
    issuance: IssuanceFacts


def make(source: Path) -> dict[str, str]:
    """The text of each data file, by name, from the files in `source`."""
    seeds = _read(source / "seed_projects_60.csv")
    free = _read(source / "free_blocks_seed_projects.csv")
    issued = _read(source / "cdm_platform_project_issuances.csv")
    cancelled = _read(source / "registry_cancellations_to_2017-09-22.csv")
    exchange = {(row["registry_project_id"], row["serial_start"]) for row in _read(source / "channel_overrides.csv")}
    chosen = choose_projects(seeds, {row["registry_project_id"] for row in free})
    issuances = {project["registry_project_id"]: _issuances(project, issued, free) for project in chosen}
    lots = [lot for project in chosen for lot in _lots(project, issuances[project["registry_project_id"]])]
    sizes = size_offers([lot.issuance.free_units for lot in lots])
    prices = price_offers(lots)
    return {
        "providers.csv": _providers(),
        "projects.csv": _table(_PROJECT_HEADER, [_project(p, issuances[p["registry_project_id"]]) for p in chosen]),
        "issuances.csv": _table(
            _ISSUANCE_HEADER,
            [_issuance(p, i) for p in chosen for i in issuances[p["registry_project_id"]]],
        ),
        "cancellations.csv": _table(
            _CANCELLATION_HEADER, [row for p in chosen for row in _cancellations(p, cancelled, exchange)]
        ),
        "holdings.csv": _table(_HOLDING_HEADER, [row for lot in lots for row in _holdings(lot)]),
        "offers.csv": _table(
            _OFFER_HEADER,
            [_offer(lot, units, price) for lot, units, price in zip(lots, sizes, prices, strict=True)],
        ),
    }


def choose_projects(seeds: Iterable[Mapping[str, str]], with_free_units: set[str]) -> list[Mapping[str, str]]:
    """The 48 projects bought most often on the real platform among those with CERs left.

    Temporary CERs are left out: they expired. Ties go to more units sold, then to the smaller
    reference number. In the order of their reference numbers.
    """
    candidates = [
        seed for seed in seeds if seed["unit_type"] == "CER" and seed["registry_project_id"] in with_free_units
    ]
    candidates.sort(
        key=lambda seed: (-int(seed["platform_transactions"]), -int(seed["platform_units"]), int(seed["ref"]))
    )
    return sorted(candidates[:PROJECTS], key=lambda seed: int(seed["ref"]))


def size_offers(free: Sequence[int]) -> list[int]:
    """Units of each offer, from the units free for it: together exactly 1,870,000.

    An offer has k times the square root of its free units, rounded down to hundreds, and never
    more than is free; k is the largest number of hundredths that stays within the total. What
    is missing then goes to the offer with the most free units.
    """

    def sizes(hundredths: int) -> list[int]:
        return [min(units, hundredths * isqrt(units) // 100 // ROUND_UNITS * ROUND_UNITS) for units in free]

    low, high = 0, 1_000_000
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if sum(sizes(middle)) <= UNITS_ON_OFFER else (low, middle)
    result = sizes(low)
    result[max(range(len(free)), key=lambda index: free[index])] += UNITS_ON_OFFER - sum(result)
    return result


def price_offers(lots: Sequence[Lot]) -> list[int]:
    """The price of each offer in US cents: from exactly 38 to exactly 850.

    The offers stand in a row: projects that were issued more units first, in a project earlier
    monitoring periods first. Offer i of n, counted from 0, costs 38 x (850/38)^(i/(n-1)) cents,
    rounded to the cent.
    """
    order = sorted(
        range(len(lots)),
        key=lambda index: (
            -_issued(lots[index].project),
            int(lots[index].project["ref"]),
            lots[index].issuance.newest_first,
        ),
    )
    prices = [0] * len(lots)
    with localcontext(prec=28):
        ratio = Decimal(HIGHEST_PRICE) / LOWEST_PRICE
        for position, index in enumerate(order):
            price = LOWEST_PRICE * ratio ** (Decimal(position) / (len(lots) - 1))
            prices[index] = int(price.quantize(Decimal(1), ROUND_HALF_EVEN))
    return prices


def _issued(project: Mapping[str, str]) -> int:
    return int(project["issued_cp1"]) + int(project["issued_cp2"])


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def _issuances(
    project: Mapping[str, str], issued: Iterable[Mapping[str, str]], free: Iterable[Mapping[str, str]]
) -> list[IssuanceFacts]:
    """Issuances under the project's reference number: a programme may have several host Parties.

    The source does not know the monitoring period of one (of SV-297); it is left out.
    """
    blocks = [_block(row) for row in free if row["registry_project_id"] == project["registry_project_id"]]
    facts = []
    for row in issued:
        whole = _block(row)
        if row["registry_project_id"].split("-")[1] == project["ref"] and row["monitoring_start"]:
            inside = [b for b in blocks if b.party == whole.party and whole.first <= b.first and b.last <= whole.last]
            facts.append(IssuanceFacts(whole, row, tuple(inside)))
    return sorted(facts, key=lambda fact: (fact.row["completed_at"], fact.block.party, fact.block.first))


def _block(row: Mapping[str, str]) -> Block:
    return Block(row["registry_project_id"].split("-")[0], int(row["serial_start"]), int(row["serial_end"]))


def _lots(project: Mapping[str, str], issuances: Iterable[IssuanceFacts]) -> list[Lot]:
    """Up to three issuances with units left: the newest, the newest of the other commitment period, the next newest."""
    usable = sorted(
        (issuance for issuance in issuances if issuance.free_units >= SMALLEST_OFFER),
        key=lambda issuance: issuance.newest_first,
        reverse=True,
    )
    newest = usable[0]
    other = [i for i in usable if i.row["commitment_period"] != newest.row["commitment_period"]][:1]
    rest = [i for i in usable if i is not newest and i not in other]
    chosen = [newest, *other, *rest][:OFFERS_PER_PROJECT]
    chosen.sort(key=lambda issuance: issuance.newest_first, reverse=True)
    return [
        Lot(f"{project['registry_project_id']}-{number}", project, issuance)
        for number, issuance in enumerate(chosen, start=1)
    ]


def _seller(project: Mapping[str, str]) -> str:
    for code, (_, regions) in SELLERS.items():
        if project["cdm_region"] in regions or project["subregion"] in regions:
            return code
    raise LookupError(project["subregion"])


def _account(project: Mapping[str, str]) -> str:
    return f"CDM-100-{_seller(project).removeprefix('demo-seller-')}"


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()


def _providers() -> str:
    return _table(
        ("code", "legal_name", "country", "is_demonstration"),
        [
            (code, f"Demonstration seller {number} (not a real company)", country, "yes")
            for number, (code, (country, _)) in enumerate(SELLERS.items(), start=1)
        ],
    )


_PROJECT_HEADER = (
    "reference", "title", "kind", "project_type", "project_subtype", "sectoral_scopes", "methodologies",
    "host_parties", "region", "subregion", "is_least_developed", "validator", "crediting_starts_on",
    "crediting_ends_on", "page_url", "facts_on",
)  # fmt: skip
_COPIED = (
    "kind", "project_type", "project_subtype", "sectoral_scopes_inferred", "methodologies",
)  # fmt: skip


def _project(project: Mapping[str, str], issuances: Iterable[IssuanceFacts]) -> list[str]:
    others = sorted({issuance.block.party for issuance in issuances} - {project["host_iso2"]})
    return [
        project["registry_project_id"],
        clean_line(project["title"]),
        *(project[name] for name in _COPIED),
        ";".join([project["host_iso2"], *others]),
        project["cdm_region"],
        project["subregion"],
        project["ldc_2017"],
        clean_line(project["validator"]),
        project["crediting_start"],
        project["crediting_end"],
        project["cdm_page"],
        SOLD_UNTIL,
    ]


_ISSUANCE_HEADER = (
    "project", "unit_type", "commitment_period", "originating_party", "serial_first", "serial_last", "units",
    "completed_at", "monitoring_starts_on", "monitoring_ends_on",
)  # fmt: skip


def _issuance(project: Mapping[str, str], issuance: IssuanceFacts) -> list[object]:
    block, row = issuance.block, issuance.row
    return [
        project["registry_project_id"], row["unit_type"], row["commitment_period"], block.party, block.first,
        block.last, block.units, f"{row['completed_at']}Z", row["monitoring_start"], row["monitoring_end"],
    ]  # fmt: skip


_CANCELLATION_HEADER = (
    "project", "channel", "unit_type", "commitment_period", "originating_party", "serial_first", "serial_last",
    "units", "starts_at", "completed_at", "listed_until",
)  # fmt: skip
LISTED_UNTIL = "2017-09-22"  # the registry's list of every cancellation
SOLD_FROM = "2017-09-23T00:00:00Z"  # what is known after it: one sum for each project


def _cancellations(
    project: Mapping[str, str], cancelled: Iterable[Mapping[str, str]], exchange: Set[tuple[str, str]]
) -> list[list[object]]:
    """Each block cancelled until 22 September 2017, then the sum that the platform sold until 30 November 2023."""
    reference = project["registry_project_id"]
    rows: list[list[object]] = []
    for row in cancelled:
        if row["registry_project_id"] == reference:
            block = _block(row)
            channel = "exchange" if (reference, row["serial_start"]) in exchange else row["channel"]
            rows.append(
                [
                    reference, channel, row["unit_type"], row["commitment_period"], block.party, block.first,
                    block.last, block.units, "", f"{row['completed_at']}Z", LISTED_UNTIL,
                ]
            )  # fmt: skip
    later = int(project["platform_units"]) - int(project["platform_units_to_2017_09_22"])
    if later:
        end = f"{SOLD_UNTIL}T23:59:59Z"
        rows.append([reference, "platform", project["unit_type"], "", "", "", "", later, SOLD_FROM, end, SOLD_UNTIL])
    return rows


_HOLDING_HEADER = (
    "account", "provider", "project", "unit_type", "commitment_period", "originating_party", "serial_first",
    "serial_last",
)  # fmt: skip


def _holdings(lot: Lot) -> list[list[object]]:
    row = lot.issuance.row
    return [
        [
            _account(lot.project), _seller(lot.project), lot.project["registry_project_id"], row["unit_type"],
            row["commitment_period"], block.party, block.first, block.last,
        ]
        for block in lot.issuance.free
    ]  # fmt: skip


_OFFER_HEADER = (
    "code", "provider", "project", "originating_party", "serial_first", "account", "units", "unit_price", "currency",
)  # fmt: skip


def _offer(lot: Lot, units: int, price: int) -> list[object]:
    block = lot.issuance.block
    return [
        lot.code, _seller(lot.project), lot.project["registry_project_id"], block.party, block.first,
        _account(lot.project), units, f"{price // 100}.{price % 100:02}", "USD",
    ]  # fmt: skip


def write(source: Path, target: Path = DATA) -> None:
    """Make the files from those in `source` and write them into `target`."""
    for name, content in make(source).items():
        (target / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
