"""The worked examples of domain.md, section 5, and what the real ledger shows."""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import date
from pathlib import Path

import pytest

from app.catalog.models import LevyRule
from app.kernel.money import Money
from app.registry.ledger.levies import LevyRules, Share
from app.registry.ledger.rules import expires_on, released_units, share_of, tiered_fee

DATA = Path(__file__).parents[2] / "data" / "cdm_registry"
TIERS = [[15_000, 10], [None, 20]]  # US cents for each unit of a calendar year


def a_rule(code: str, **changes: object) -> LevyRule:
    """A row of the CDM's rules."""
    facts = {"mechanism_code": "CDM", "code": code, "valid_from": date(2005, 12, 10), "is_least_developed_exempt": True}
    return LevyRule(**(facts | changes))


CDM = LevyRules(
    [
        a_rule("administration", currency="USD", tiers=TIERS),
        a_rule("adaptation", valid_from=date(2001, 11, 10), basis_points=200, account_type=910),
    ]
)
TODAY = date(2016, 5, 1)


@pytest.mark.parametrize(
    ("units", "requested", "is_least_developed", "fee", "share", "available"),
    [
        (10_000, 0, False, 1_000_00, 200, 9_800),
        (40_000, 0, False, 6_500_00, 800, 39_200),
        (10_000, 12_000, False, 1_700_00, 200, 9_800),
        (54_266, 0, True, 0, 0, 54_266),
    ],
)
def test_worked_examples(
    units: int, requested: int, is_least_developed: bool, fee: int, share: int, available: int
) -> None:
    levies = CDM.of("CDM", TODAY, units=units, requested=requested, is_least_developed=is_least_developed)

    assert (levies.fee.minor if levies.fee else 0) == fee
    assert (levies.taken, units - levies.taken) == (share, available)


def test_half_of_the_fee_releases_half_of_what_is_left_after_the_share() -> None:
    assert released_units(39_200, due=6_500_00, paid=3_250_00) == 19_600


@pytest.mark.parametrize(("paid", "released"), [(0, 0), (1, 0), (33, 32), (34, 33), (99, 97), (100, 98)])
def test_a_payment_releases_whole_units_in_proportion_and_never_more(paid: int, released: int) -> None:
    assert released_units(98, due=100, paid=paid) == released


def test_where_nothing_is_due_everything_is_released() -> None:
    assert released_units(54_266, due=0, paid=0) == 54_266


@pytest.mark.parametrize(
    ("units", "requested", "fee"),
    [(1, 0, 10), (15_000, 0, 150_000), (15_001, 0, 150_020), (1, 14_999, 10), (1, 15_000, 20), (2, 14_999, 30)],
)
def test_the_dearer_tier_begins_with_unit_15_001_of_the_year(units: int, requested: int, fee: int) -> None:
    assert tiered_fee(units, requested, [(15_000, 10), (None, 20)]) == fee


def test_issued_in_parts_or_at_once_a_year_costs_the_same() -> None:
    tiers = [(10, 1), (25, 3), (None, 7)]

    for whole in range(1, 40):
        for part in range(whole):
            parts = (tiered_fee(part, 0, tiers) if part else 0) + tiered_fee(whole - part, part, tiers)
            assert parts == tiered_fee(whole, 0, tiers)


@pytest.mark.parametrize(("units", "share"), [(1, 0), (25, 0), (26, 1), (50, 1), (74, 1), (75, 1), (76, 2), (125, 2)])
def test_the_share_is_rounded_to_the_nearest_unit_and_halves_down(units: int, share: int) -> None:
    assert share_of(units, 200) == share


def test_the_first_sale_of_project_in_1514_followed_its_share() -> None:
    assert 197_032_783 + share_of(9_815, 200) == 197_032_979


@pytest.mark.parametrize("units", [0, -1])
def test_an_issuance_has_at_least_one_unit(units: int) -> None:
    with pytest.raises(ValueError, match="at least one"):
        share_of(units, 200)


def test_rules_hold_from_their_first_to_their_last_day_and_a_later_one_follows() -> None:
    rules = LevyRules(
        [
            a_rule("adaptation", valid_from=date(2021, 1, 1), basis_points=500, account_type=910),
            a_rule("adaptation", valid_from=date(2010, 1, 1), valid_to=date(2015, 12, 31), basis_points=200,
                   account_type=910),
        ]
    )  # fmt: skip

    def taken(day: date) -> int:
        return rules.of("CDM", day, units=1_000, is_least_developed=False).taken

    assert [taken(day) for day in (date(2009, 12, 31), date(2010, 1, 1), date(2015, 12, 31))] == [0, 20, 20]
    assert [taken(day) for day in (date(2016, 1, 1), date(2021, 1, 1))] == [0, 50]


def test_another_mechanism_levies_by_its_rows_alone_adaptation_before_mitigation() -> None:
    rules = LevyRules(
        [
            a_rule("mitigation", mechanism_code="A64", basis_points=200, account_type=920,
                   is_least_developed_exempt=False),
            a_rule("adaptation", mechanism_code="A64", basis_points=500, account_type=910),
            a_rule("administration", mechanism_code="A64", currency="CHF", tiers=[[None, 3]]),
        ]
    )  # fmt: skip

    def levies(is_least_developed: bool) -> tuple[Money | None, tuple[Share, ...]]:
        found = rules.of("A64", TODAY, units=1_000, is_least_developed=is_least_developed)
        return found.fee, found.shares

    assert levies(is_least_developed=False) == (
        Money(3_000, "CHF"),
        (Share("adaptation", 50, 910), Share("mitigation", 20, 920)),
    )
    assert levies(is_least_developed=True) == (None, (Share("mitigation", 20, 920),))
    assert rules.of("CDM", TODAY, units=1_000, is_least_developed=False) == CDM.of(
        "nobody", TODAY, units=1, is_least_developed=False
    )


@pytest.mark.parametrize(
    ("kyoto_code", "period", "last_day"),
    [
        (5, 1, None),
        (None, None, None),
        (6, 1, date(2020, 12, 31)),
        (6, 2, date(2030, 12, 31)),
        (6, 3, None),
        (6, None, None),
        (7, 1, date(2026, 6, 30)),
    ],
)
def test_temporary_units_end_with_the_next_period_and_long_term_ones_with_the_crediting_period(
    kyoto_code: int | None, period: int | None, last_day: date | None
) -> None:
    assert expires_on(kyoto_code, period, date(2026, 6, 30)) == last_day


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
        levies = CDM.of("CDM", TODAY, units=end - start + 1, is_least_developed=least_developed[project])
        assert first >= start + levies.taken
        touching += first == start + levies.taken
    assert touching > 100  # most blocks were never sold from, and begin exactly after the share
