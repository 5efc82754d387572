"""Nothing is used that docs/dependencies.md does not explain, and nothing there is gone."""

from __future__ import annotations

import json
import re
from importlib.metadata import distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PINNED = re.compile(r"^(?P<name>[A-Za-z0-9_.-]+)(\[[a-z,]+\])?==(?P<version>\S+)$")


def pins(path: str) -> dict[str, str]:
    found = {}
    for line in (ROOT / path).read_text().splitlines():
        if line and not line.startswith(("#", "-r")):
            pin = PINNED.match(line)
            assert pin, f"{path}: {line!r} is not pinned to one version"
            found[pin["name"]] = pin["version"]
    return found


def chosen(path: str) -> list[str]:
    """What tools bring along stays out of the page: it never runs with the product."""
    assert pins(path)
    text = (ROOT / path).read_text().split("# Chosen by us\n")[1]
    return [line.split("==")[0] for line in text.split("\n\n")[0].splitlines()]


def debian_packages() -> list[str]:
    lines = (ROOT / "docs/system-packages.txt").read_text().splitlines()
    return [line.split()[0] for line in lines if line and line[0] not in "#["]


def explained() -> list[str]:
    rows = (ROOT / "docs/dependencies.md").read_text().splitlines()
    names = [row.split("|")[1].strip() for row in rows if row.startswith("| ")]
    return [name for name in names if name not in {"Package", "---"}]


def test_every_dependency_has_one_line_and_every_line_a_dependency() -> None:
    used = [
        *pins("requirements.txt"),
        *pins("tests/requirements.txt"),
        *chosen("tests/scan/requirements.txt"),
        *chosen("tests/scan/wapiti.txt"),
        *json.loads((ROOT / "tests/package.json").read_text())["devDependencies"],
        *json.loads((ROOT / "tests/benchmarks/lighthouse/package.json").read_text())["dependencies"],
        *debian_packages(),
    ]

    assert sorted(explained()) == sorted(used)


@pytest.mark.parametrize("path", ["requirements.txt", "tests/requirements.txt"])
def test_what_is_installed_is_what_is_pinned(path: str) -> None:
    assert {name: distribution(name).version for name in pins(path)} == pins(path)


def test_no_registry_is_named_so_that_each_machine_uses_its_own() -> None:
    for path in ("Makefile", "requirements.txt", "tests/requirements.txt", "tests/package-lock.json"):
        assert "://" not in (ROOT / path).read_text(), path
    # This one names the home pages of its authors.
    assert '"resolved"' not in (ROOT / "tests/benchmarks/lighthouse/package-lock.json").read_text()


def test_every_file_of_others_is_credited() -> None:
    credited = re.findall(r"`(static/[^`]+)`", (ROOT / "docs/credits.md").read_text())
    named = {path for pattern in credited for path in ROOT.glob(pattern)}
    carried = {path for path in (ROOT / "static").rglob("*.*") if {"fonts", "vendor"} & set(path.parts)}
    licences = {path for path in carried if path.suffix == ".txt"}

    assert carried - licences - named == set()
