"""`docs/features.md` names the tests that hold each feature; a feature without one is noticed here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = dict(re.findall(r"^\| (F\d+) \|.*\| (.+) \|$", (ROOT / "docs" / "features.md").read_text(), flags=re.MULTILINE))
TESTS = {
    name
    for path in (ROOT / "tests").rglob("test_*.py")
    if "node_modules" not in path.parts
    for name in re.findall(r"^def (test_\w+)", path.read_text(), flags=re.MULTILINE)
}


def test_the_rows_of_the_first_purchase_are_all_there() -> None:
    assert set(ROWS) == {
        f"F{row:02}"
        for row in (
            1,
            2,
            3,
            4,
            5,
            7,
            8,
            9,
            10,
            11,
            12,
            13,
            14,
            15,
            16,
            17,
            18,
            19,
            21,
            22,
            23,
            24,
            25,
            29,
            34,
            35,
            36,
            37,
            38,
            44,
            45,
            47,
            59,
            60,
            61,
            63,
            88,
            89,
            90,
            91,
        )
    }


@pytest.mark.parametrize("row", sorted(ROWS))
def test_every_test_named_for_a_feature_exists(row: str) -> None:
    named = re.findall(r"`(test_\w+)`", ROWS[row])

    assert named
    assert [name for name in named if name not in TESTS] == []
