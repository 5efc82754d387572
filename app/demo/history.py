"""The registry's published books, as they travel in the product: loaded like an operator would load them.

    python -m app.demo.history ../shared/data

makes the compact copies anew from the registry's files, the same content each time (`app/demo/data/SOURCE.md`).
"""

from __future__ import annotations

import csv
import gzip
import io
import sys
from datetime import datetime
from pathlib import Path

from app.catalog.mechanisms import CDM
from app.kernel.csvtable import ImportReport
from app.registry.ledger.history.reading import Kind, PublishedFile
from app.registry.ledger.history.service import import_history, is_applied
from app.reporting.statistics.attributes import FILE as KNOWN_PROJECTS

DATA = Path(__file__).parent / "data" / "history"
NAMES = {
    Kind.ISSUANCES: "registry_issuances_to_2017-09-22.csv",
    Kind.CANCELLATIONS: "registry_cancellations_to_2017-09-22.csv",
    Kind.CHANNELS: "channel_overrides.csv",
}


def published_files() -> list[PublishedFile]:
    """The files, byte for byte as the registry's were."""
    return [
        PublishedFile(kind, name, gzip.decompress((DATA / f"{name}.gz").read_bytes())) for kind, name in NAMES.items()
    ]


def load_history(now: datetime) -> ImportReport:
    """Enter the published books to 22 September 2017; a second time changes nothing and takes no time."""
    files = published_files()
    if is_applied(files, CDM):
        return ImportReport(
            0, 0, sum(file.content.count(b"\n") - 1 for file in files if file.kind is not Kind.CHANNELS)
        )
    return import_history(files, mechanism_code=CDM, now=now).rows


def write(source: Path, target: Path = DATA, known_projects: Path = KNOWN_PROJECTS) -> None:
    """Make the compact copies, and the attributes of projects that statistics show, from the files in `source`."""
    for name in NAMES.values():
        (target / f"{name}.gz").write_bytes(gzip.compress((source / name).read_bytes(), compresslevel=9, mtime=0))
    with (source / "cdm_platform_projects.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = sorted((int(row["ref"]), row["project_type"], row["cdm_region"]) for row in csv.DictReader(file))
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([("number", "type", "region"), *rows])
    known_projects.write_text(out.getvalue(), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
