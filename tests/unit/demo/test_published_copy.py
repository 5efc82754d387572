"""The compact copy of the registry's published books, held against what SOURCE.md says of it and against the source."""

from __future__ import annotations

import csv
from pathlib import Path

from app.demo.history import DATA, published_files
from app.registry.ledger.history.reading import Kind
from app.reporting.statistics.attributes import FILE

SOURCE = Path(__file__).parents[2] / "data" / "cdm_registry"


def test_the_copy_is_byte_for_byte_what_the_registry_published() -> None:
    stated = (DATA.parent / "SOURCE.md").read_text(encoding="utf-8")
    files = {file.kind: file for file in published_files()}

    for file in files.values():
        assert f"| `{file.name}` | `{file.sha256}` |" in stated
    for kind in (Kind.CANCELLATIONS, Kind.CHANNELS):
        assert files[kind].content == (SOURCE / files[kind].name).read_bytes()


def test_type_and_region_are_known_of_the_218_projects_of_the_platform() -> None:
    with FILE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with (SOURCE / "seed_projects_60.csv").open(encoding="utf-8-sig", newline="") as file:
        seeds = {row["ref"]: (row["project_type"], row["cdm_region"]) for row in csv.DictReader(file)}
    known = {row["number"]: (row["type"], row["region"]) for row in rows}

    assert len(known) == len(rows) == 218
    assert {number: known[number] for number in seeds} == seeds
