"""Turn what `tests/measuring.py` noted into the data that `coverage report` reads: `python -m tests.measured`.

The words differ. SlipCover notes where an `if`, a loop or a `match` went; coverage wants a way from each `case` to the
next one, and for the way out of a function minus the line on which it begins.
"""

from __future__ import annotations

import ast
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from coverage import CoverageData
from coverage.parser import PythonParser

from tests.measuring import SEEN

Way = tuple[int, int]
# What nothing imported is not covered either.
PRODUCT = Path("app").absolute()


def ways(name: str, lines: Iterable[int], branches: Iterable[Way]) -> set[Way]:
    """The ways of a file that ran, as coverage counts them, from its lines and branches that ran."""
    parser = PythonParser(filename=name)
    parser.parse_source()
    exits = defaultdict(set)
    for start, end in parser.arcs():
        exits[start].add(end)
    choices = {node.lineno: node.cases for node in ast.walk(ast.parse(parser.text)) if isinstance(node, ast.Match)}
    found = {(-1, line) for line in lines}
    for start, end in branches:
        if start in choices:
            found |= set(_through_cases(choices[start], end, exits))
        elif end:
            found.add((start, end))
        else:
            found |= {(start, out) for out in exits[start] if out < 0}
    return found


def _through_cases(cases: list[ast.match_case], end: int, exits: dict[int, set[int]]) -> Iterator[Way]:
    """From case to case until the one whose body begins at `end`; past the last one if none of them does."""
    starts = [case.pattern.lineno for case in cases]
    for place, case in enumerate(cases):
        body = case.body[0].lineno
        if body == end:
            yield starts[place], body
            return
        if place + 1 < len(starts):
            yield starts[place], starts[place + 1]
    yield from ((starts[-1], past) for past in exits[starts[-1]] if past != cases[-1].body[0].lineno)


def main() -> None:
    """Read what every process saw and write it as the data of one measurement."""
    lines, branches = defaultdict(set), defaultdict(set)
    for path in SEEN.glob("seen.*.json"):
        for name, facts in json.loads(path.read_text()).items():
            lines[name] |= set(facts["lines"])
            branches[name] |= {(start, end) for start, end in facts["branches"]}
    data = CoverageData(basename=str(SEEN / "data"))
    data.erase()
    data.add_arcs({name: ways(name, lines[name], branches[name]) for name in lines})
    data.touch_files(str(path) for path in PRODUCT.rglob("*.py"))
    data.write()


if __name__ == "__main__":
    main()
