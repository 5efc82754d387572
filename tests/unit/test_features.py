"""`docs/features.md` names the tests that hold each feature; a feature without one is noticed here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = dict(re.findall(r"^\| (F\d+) \|.*\| (.+) \|$", (ROOT / "docs" / "features.md").read_text(), flags=re.MULTILINE))
# Those of the purchase and the storefront; F06, F26 to F28 and others come with later work.
SPANS = ((1, 5), (7, 25), (29, 29), (32, 32), (34, 38), (43, 45), (47, 47), (59, 68), (71, 71), (84, 86), (88, 91))
TESTS = {
    name
    for path in (ROOT / "tests").rglob("test_*.py")
    if "node_modules" not in path.parts
    for name in re.findall(r"^def (test_\w+)", path.read_text(), flags=re.MULTILINE)
}


def test_the_rows_that_are_promised_are_all_there() -> None:
    assert set(ROWS) == {f"F{row:02}" for first, last in SPANS for row in range(first, last + 1)}


@pytest.mark.parametrize("row", sorted(ROWS))
def test_every_test_named_for_a_feature_exists(row: str) -> None:
    named = re.findall(r"`(test_\w+)`", ROWS[row])

    assert named
    assert [name for name in named if name not in TESTS] == []
