"""`docs/security-tests.md` names tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
PAGE = TESTS.parent / "docs/security-tests.md"


def test_every_test_that_the_page_names_is_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE.read_text()))
    written = {name for path in TESTS.rglob("test_*.py") for name in re.findall(r"def (test_\w+)\(", path.read_text())}

    assert sorted(named - written) == []


def test_every_attack_in_the_room_for_them_is_named() -> None:
    page = PAGE.read_text()
    made = {
        name
        for path in (TESTS / "attack").glob("test_*.py")
        for name in re.findall(r"def (test_\w+)\(", path.read_text())
    }
    # A control shows that an attack would be seen.
    controls = {name for name in made if name.endswith(("would_be_found", "is_raced_there", "whose_rows_are_raced"))}

    assert sorted(name for name in made - controls if name not in page) == []
