"""`docs/asvs.md` gives each requirement a verdict; evidence that is gone is noticed here."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "asvs.md").read_text()
# Requirement, chapter, level, verdict and the last column.
ROWS = re.findall(
    r"^\| ((\d+)\.\d+\.\d+) \| ([12]) \| [^|]+ \| (holds|does not apply|open) \| (.+) \|$", PAGE, flags=re.MULTILINE
)
TO_DO = re.findall(r"^\| (\d+\.\d+\.\d+) \| [^|]+ \| [^|]+ \|$", PAGE, flags=re.MULTILINE)
COUNTS = re.findall(r"^\| V(\d+) [^|]+ \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", PAGE, flags=re.MULTILINE)
TOTAL = re.findall(r"^\| All \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", PAGE, flags=re.MULTILINE)
# Requirements of levels 1 and 2 in each chapter of version 5.0.0.
SIZES = (27, 11, 19, 10, 9, 35, 18, 7, 7, 29, 14, 9, 13, 9, 13, 16, 7)
VERDICTS = ("holds", "does not apply", "open")
TESTS = {
    name
    for path in (ROOT / "tests").rglob("test_*.py")
    if "node_modules" not in path.parts
    for name in re.findall(r"^def (test_\w+)", path.read_text(), flags=re.MULTILINE)
}
FILE = r"`((?:(?:app|docs|static|templates|tests)/[\w./-]*|pyproject\.toml|requirements\.txt))`"


def test_every_requirement_has_one_verdict() -> None:
    rows = re.findall(r"^\| (\d+\.\d+\.\d+) \|(?=[^|]+\|[^|]+\|[^|]+\|[^|]+\|$)", PAGE, flags=re.MULTILINE)

    assert [requirement for requirement, *_ in ROWS] == rows
    assert [requirement for requirement, times in Counter(rows).items() if times > 1] == []
    assert tuple(Counter(int(chapter) for _, chapter, *_ in ROWS)[number] for number in range(1, 18)) == SIZES
    assert sum(SIZES) == 253
    assert Counter(level for _, _, level, *_ in ROWS) == {"1": 70, "2": 183}


def test_what_is_open_is_on_the_list_of_what_to_do_and_nothing_else() -> None:
    assert sorted(TO_DO) == sorted(requirement for requirement, _, _, verdict, _ in ROWS if verdict == "open")


def test_the_counts_are_those_of_the_verdicts() -> None:
    counted = Counter((chapter, verdict) for _, chapter, _, verdict, _ in ROWS)
    expected = [[counted[str(number), verdict] for verdict in VERDICTS] for number in range(1, 18)]

    assert [[int(count) for count in counts] for _, *counts in COUNTS] == [[*row, sum(row)] for row in expected]
    columns = [sum(column) for column in zip(*expected, strict=True)]
    assert [[int(count) for count in row] for row in TOTAL] == [[*columns, 253]]


@pytest.mark.parametrize(("requirement", "evidence"), [(row[0], row[4]) for row in ROWS if row[3] == "holds"])
def test_what_holds_names_a_test_or_a_place(requirement: str, evidence: str) -> None:
    assert re.search(r"`test_\w+`", evidence) or re.search(FILE, evidence), requirement


def test_every_test_that_the_page_names_exists() -> None:
    assert sorted({name for name in re.findall(r"`(test_\w+)`", PAGE) if name not in TESTS}) == []


def test_every_file_that_the_page_names_exists_and_holds_the_function_named_behind_it() -> None:
    assert sorted({name for name in re.findall(FILE, PAGE) if not (ROOT / name).exists()}) == []
    named = re.findall(FILE + r" `([A-Za-z_]\w*)`", PAGE)
    assert named
    assert [
        (name, function)
        for name, function in named
        if not re.search(rf"\b(?:def|class|function) {function}\b", (ROOT / name).read_text())
    ] == []
