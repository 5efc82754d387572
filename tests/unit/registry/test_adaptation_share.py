"""The worked examples of domain.md, section 5, and what the real ledger shows."""

import csv
from collections import defaultdict
from pathlib import Path

import pytest

from app.registry.ledger.rules import adaptation_share, first_available_serial

DATA = Path(__file__).parents[2] / "data" / "cdm_registry"


@pytest.mark.parametrize(
    ("units", "is_least_developed", "share"),
    [(10_000, False, 200), (40_000, False, 800), (54_266, True, 0), (9_815, False, 196)],
)
def test_worked_examples_of_the_adaptation_share(units: int, is_least_developed: bool, share: int) -> None:
    assert adaptation_share(units, is_least_developed) == share


@pytest.mark.parametrize(("units", "share"), [(1, 0), (25, 0), (26, 1), (50, 1), (74, 1), (75, 1), (76, 2), (125, 2)])
def test_the_share_is_rounded_to_the_nearest_unit_and_halves_down(units: int, share: int) -> None:
    assert adaptation_share(units, is_least_developed=False) == share


def test_the_first_sale_of_project_in_1514_followed_its_share() -> None:
    assert first_available_serial(197_032_783, 9_815, is_least_developed=False) == 197_032_979


@pytest.mark.parametrize("units", [0, -1])
def test_an_issuance_has_at_least_one_unit(units: int) -> None:
    with pytest.raises(ValueError, match="at least one"):
        adaptation_share(units, is_least_developed=False)


def test_no_real_free_block_reaches_into_the_share() -> None:
    with (DATA / "seed_projects_60.csv").open(encoding="utf-8") as file:
        least_developed = {row["registry_project_id"]: row["ldc_2017"] == "yes" for row in csv.DictReader(file)}
    issuances = defaultdict(list)
    with (DATA / "cdm_platform_project_issuances.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            issuances[row["registry_project_id"]].append((int(row["serial_start"]), int(row["serial_end"])))
    with (DATA / "free_blocks_seed_projects.csv").open(encoding="utf-8") as file:
        free = list(csv.DictReader(file))

    touching = 0
    for block in free:
        project, first = block["registry_project_id"], int(block["serial_start"])
        start, end = next(span for span in issuances[project] if span[0] <= first <= span[1])
        available = first_available_serial(start, end - start + 1, least_developed[project])
        assert first >= available
        touching += first == available
    assert touching > 100  # most blocks were never sold from, and begin exactly after the share
