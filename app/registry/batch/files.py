"""The files that a batch is handed over with, as bytes: the same input always gives the same ones.

Columns and keys are part of the interface (`docs/interfaces.md`) and English in every language of the site: they are
read by a registry's administrator.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from app.kernel.text import csv_cell
from app.registry.batch.models import BatchLine

LINES_NAME = "lines.csv"
MANIFEST_NAME = "manifest.json"
ANSWERS_NAME = "response.csv"
SCHEMA = "tonne-batch-1"
DEMONSTRATION = "demonstration, not to be processed"

LINE_COLUMNS = (
    "batch", "line", "reference", "acquiring_account", "from_account", "project", "unit_type", "commitment_period",
    "vintage_year", "space", "serial_first", "serial_last", "units", "beneficiary", "purpose", "remark",
)  # fmt: skip
ANSWER_COLUMNS = (
    "batch", "line", "reference", "outcome", "reason", "units", "registry_transaction", "completed_at",
    "serial_numbers",
)  # fmt: skip


def lines_csv(batch: str, lines: Sequence[BatchLine], *, acquiring_account: str, is_demonstration: bool) -> bytes:
    """One row for each line. The serial numbers are those of the issuance: the registry chooses among them."""
    remark = DEMONSTRATION if is_demonstration else ""
    return _table(
        LINE_COLUMNS,
        (
            (
                batch,
                line.number,
                line.reference,
                acquiring_account,
                line.account,
                line.project_reference,
                line.unit_type,
                line.commitment_period,
                line.vintage_year,
                line.space,
                line.serial_first,
                line.serial_last,
                line.units,
                line.beneficiary_name,
                line.purpose,
                remark,
            )
            for line in lines
        ),
    )


def answers_csv(batch: str, lines: Sequence[BatchLine]) -> bytes:
    """The file in which the administrator answers, with what is known of each line filled in."""
    rows = ((batch, line.number, line.reference, "", "", line.units, "", "", "") for line in lines)
    return _table(ANSWER_COLUMNS, rows)


def manifest_json(
    *,
    batch: str,
    registry: str,
    operator: str,
    lines: Sequence[BatchLine],
    closed_at: datetime,
    files: Mapping[str, bytes],
    is_demonstration: bool,
) -> bytes:
    """What the package holds: number of lines, sum of units (tonnes), and the SHA-256 of every other file."""
    facts = {
        "schema": SCHEMA,
        "batch": batch,
        "registry": registry,
        "operator": operator,
        "closed_at": closed_at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "lines": len(lines),
        "units": sum(line.units for line in lines),
        "lines_sha256": sha256(files[LINES_NAME]),
        "files": {name: sha256(content) for name, content in sorted(files.items())},
        "demonstration": DEMONSTRATION if is_demonstration else None,
    }
    return (json.dumps(facts, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()


def package(files: Mapping[str, bytes], closed_at: datetime) -> bytes:
    """All files in one ZIP; every entry bears the time at which the batch was closed (UTC)."""
    moment = closed_at.astimezone(UTC)
    stamp = (moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, stamp)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return out.getvalue()


def sha256(content: bytes) -> str:
    """The fingerprint by which a file is known."""
    return hashlib.sha256(content).hexdigest()


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A CSV file that begins with a byte order mark, because spreadsheets guess wrong without."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([csv_cell("" if cell is None else str(cell)) for cell in row] for row in rows)
    return ("\ufeff" + text.getvalue()).encode()
