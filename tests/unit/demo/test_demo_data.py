"""The committed files of the demonstration world, checked against the registry's public data."""

import csv
from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from app.catalog import labels
from app.catalog.mechanism_file import shipped
from app.demo.make_data import DATA, size_offers, write
from app.registry.ledger.rules import share_of

SOURCE = Path(__file__).parents[2] / "data" / "cdm_registry"


def rows(name: str, folder: Path = DATA) -> list[dict[str, str]]:
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_an_auditor_who_makes_the_files_again_gets_the_same_bytes(tmp_path: Path) -> None:
    write(SOURCE, tmp_path)

    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(file.name for file in DATA.glob("*.csv"))
    for file in tmp_path.iterdir():
        assert file.read_bytes() == (DATA / file.name).read_bytes(), file.name


def test_48_projects_offer_1870000_units() -> None:
    offers = rows("offers")

    assert len({row["project"] for row in offers}) == 48
    assert {row["project"] for row in offers} == {row["reference"] for row in rows("projects")}
    assert sum(int(row["units"]) for row in offers) == 1_870_000


def test_prices_run_from_exactly_38_cents_to_exactly_8_50_with_twenty_or_more_between() -> None:
    prices = [Decimal(row["unit_price"]) for row in rows("offers")]

    assert min(prices) == Decimal("0.38")
    assert max(prices) == Decimal("8.50")
    assert len(set(prices)) >= 20
    assert {row["currency"] for row in rows("offers")} == {"USD"}


def test_a_project_has_at_most_three_offers_and_one_can_sell_fifty_thousand_units() -> None:
    offers = rows("offers")
    per_project = Counter(row["project"] for row in offers)
    periods = {(row["project"], row["originating_party"], row["serial_first"]): row for row in rows("issuances")}
    both = defaultdict(set)
    for row in offers:
        key = row["project"], row["originating_party"], row["serial_first"]
        both[row["project"]].add(periods[key]["commitment_period"])

    assert max(per_project.values()) == 3
    assert max(int(row["units"]) for row in offers) >= 50_000
    assert sum(len(found) == 2 for found in both.values()) >= 10


def test_every_serial_number_is_real() -> None:
    free = {
        (row["registry_project_id"], row["commitment_period"], row["serial_start"], row["serial_end"])
        for row in rows("free_blocks_seed_projects", SOURCE)
    }
    issued = {
        (row["registry_project_id"], row["commitment_period"], row["serial_start"], row["serial_end"], row["units"])
        for row in rows("cdm_platform_project_issuances", SOURCE)
    }

    for row in rows("holdings"):
        assert (row["project"], row["commitment_period"], row["serial_first"], row["serial_last"]) in free
    for row in rows("issuances"):
        registry_id = f"{row['originating_party']}-{row['project'].split('-')[1]}"
        key = registry_id, row["commitment_period"], row["serial_first"], row["serial_last"], row["units"]
        assert key in issued


def test_every_holding_lies_in_one_issuance_after_the_adaptation_share_and_covers_its_offer() -> None:
    least_developed = {row["reference"]: row["is_least_developed"] == "yes" for row in rows("projects")}
    held: Counter[tuple[str, str, int]] = Counter()
    for holding in rows("holdings"):
        first, last = int(holding["serial_first"]), int(holding["serial_last"])
        around = [
            row
            for row in rows("issuances")
            if row["project"] == holding["project"]
            and row["originating_party"] == holding["originating_party"]
            and int(row["serial_first"]) <= first <= last <= int(row["serial_last"])
        ]
        assert len(around) == 1
        start = int(around[0]["serial_first"])
        share = 0 if least_developed[holding["project"]] else share_of(int(around[0]["units"]), 200)
        assert first >= start + share
        held[holding["account"], holding["originating_party"], start] += last - first + 1
    for offer in rows("offers"):
        assert int(offer["units"]) <= held[offer["account"], offer["originating_party"], int(offer["serial_first"])]


def test_projects_are_as_the_registry_names_them() -> None:
    real = {row["registry_project_id"]: row for row in rows("seed_projects_60", SOURCE)}

    for row in rows("projects"):
        seed = real[row["reference"]]
        assert seed["unit_type"] == "CER"
        assert row["title"] == seed["title"].strip()
        assert row["methodologies"] == seed["methodologies"]
        assert row["validator"] == seed["validator"].strip()
        assert row["crediting_starts_on"] == seed["crediting_start"]
        assert row["crediting_ends_on"] == seed["crediting_end"]
        assert row["page_url"] == seed["cdm_page"]
        assert row["page_url"].startswith("https://cdm.unfccc.int/")
        assert (row["is_least_developed"] == "yes") is (seed["ldc_2017"] == "yes")


def test_a_programme_in_two_countries_names_both_host_parties() -> None:
    parties = {row["reference"]: row["host_parties"] for row in rows("projects")}

    assert parties["GH-8438"] == "GH;KE"
    assert {row["originating_party"] for row in rows("issuances") if row["project"] == "GH-8438"} == {"GH", "KE"}


def test_sellers_say_that_they_are_not_real() -> None:
    sellers = rows("providers")

    assert len(sellers) == 6
    for number, seller in enumerate(sellers, start=1):
        assert seller["legal_name"] == f"Demonstration seller {number} (not a real company)"
        assert seller["is_demonstration"] == "yes"


def test_the_source_note_gives_credit_and_prints_the_price_rule() -> None:
    note = (DATA / "SOURCE.md").read_text(encoding="utf-8")

    assert "UNFCCC CDM registry" in note
    assert "price(i) = 38 × (850 / 38) ^ (i / (n − 1))" in note
    assert f"{len(rows('offers'))} offers, 1,870,000 units" in note


def test_the_printed_price_rule_gives_the_printed_prices() -> None:
    seeds = rows("seed_projects_60", SOURCE)
    issued = {row["registry_project_id"]: int(row["issued_cp1"]) + int(row["issued_cp2"]) for row in seeds}
    periods = {(row["project"], row["originating_party"], row["serial_first"]): row for row in rows("issuances")}

    def place(offer: dict[str, str]) -> tuple[int, int, str, str, int]:
        issuance = periods[offer["project"], offer["originating_party"], offer["serial_first"]]
        reference = int(offer["project"].split("-")[1])
        ends_on, period = issuance["monitoring_ends_on"], issuance["commitment_period"]
        return -issued[offer["project"]], reference, ends_on, period, int(offer["serial_first"])

    offers = sorted(rows("offers"), key=place)
    for position, offer in enumerate(offers):
        cents = 38 * (850 / 38) ** (position / (len(offers) - 1))
        assert float(offer["unit_price"]) * 100 == pytest.approx(cents, abs=0.51)


def test_sizes_add_up_to_the_unit_even_where_little_is_free() -> None:
    sizes = size_offers([100, 3_000_000, 40_000, 73])

    assert sum(sizes) == 1_870_000
    assert sizes[0] == 100
    assert sizes[3] == 73


def test_every_code_of_the_demonstration_has_words() -> None:
    for row in rows("projects"):
        assert row["project_type"] in labels.PROJECT_TYPES
        assert row["region"] in labels.REGIONS
        assert row["kind"] in labels.KINDS
        assert all(scope in labels.SCOPES for scope in row["sectoral_scopes"].split(";") if scope)
    for row in rows("issuances"):
        assert int(row["commitment_period"]) in labels.COMMITMENT_PERIODS
        assert row["unit_type"] in {unit["code"] for mechanism in shipped() for unit in mechanism.units}
