"""What notes in the code say is covered is what a tracer would say, of each kind of choice and at each way out."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from coverage import Coverage, CoverageData

from tests.measured import ways
from tests.measuring import Measured

CHOICES = '''\
"""Every kind of choice."""

from contextlib import nullcontext


def decide(number):
    """Go one way or the other."""
    if (
        number > 10
        and number < 100
    ):
        return "many"
    for step in range(number):
        if step == 3:
            break
        if step == 1:
            continue
    else:
        number += 1
    while number > 5:
        number -= 1
    try:
        if number == 4:
            raise ValueError
    except ValueError:
        number = 0
    finally:
        with nullcontext():
            if number:
                number += 1
    match number:
        case 0:
            return "none"
        case 1 | 2 if number == 2:
            return "two"
        case 3:
            number += 1
    match number:
        case 4:
            word = "four"
        case _:
            word = "others"
    if word == "four":
        return word


def never():
    return [one for one in range(3) if one]
'''


def reported(data_file: Path, directory: Path) -> dict[str, Any]:
    """What coverage says of the file, from the data of either."""
    coverage = Coverage(data_file=str(data_file), branch=True, source=[str(directory)], config_file=False)
    coverage.load()
    report = directory.parent / "report.json"
    coverage.json_report(outfile=str(report))
    facts = json.loads(report.read_text())["files"]
    (of_file,) = [found for name, found in facts.items() if name.endswith("choices.py")]
    return {name: of_file[name] for name in ("missing_lines", "executed_branches", "missing_branches")}


@pytest.mark.parametrize("numbers", [(0,), (1, 2), (3,), (4, 5), (6,), (50,), (0, 1, 2, 3, 4, 5, 6, 50)])
def test_notes_and_a_tracer_count_the_same(
    numbers: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "sample_of_choices"
    directory.mkdir()
    (directory / "__init__.py").touch()
    file = directory / "choices.py"
    file.write_text(CHOICES)
    monkeypatch.syspath_prepend(tmp_path)
    name = f"{directory.name}.{file.stem}"

    def run() -> None:
        decide = importlib.import_module(name).decide
        for number in numbers:
            decide(number)
        for module in (name, directory.name):
            sys.modules.pop(module)

    traced = Coverage(data_file=str(tmp_path / "traced"), branch=True, source=[str(directory)], config_file=False)
    with traced.collect():
        run()
    traced.save()
    measured = Measured(directory.name)
    monkeypatch.setattr(sys, "meta_path", [measured, *sys.meta_path])
    run()

    noted = CoverageData(basename=str(tmp_path / "noted"))
    noted.add_arcs({path: ways(path, **facts) for path, facts in measured.seen().items()})
    noted.write()
    assert reported(tmp_path / "noted", directory) == reported(tmp_path / "traced", directory)
