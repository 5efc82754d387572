"""Published ledgers of 12,569 + 27,746 rows into the books: `python -m tests.benchmarks.history`.

The whole import, validation included, must take less than 60 seconds and 400 MB with SQLite, and reach 0.05 of the rate
of a loop that only writes the very same rows into the same tables. `--postgresql` measures that database instead,
without a bound.
"""

from __future__ import annotations

import argparse
import resource
import sqlite3
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from flask_migrate import upgrade

from app.catalog.mechanisms import ensure_mechanisms
from app.db import db
from app.registry.ledger.history.reading import PublishedFile
from app.registry.ledger.history.service import import_history
from tests.benchmarks.published import BLOCKS, ISSUANCES, ledgers
from tests.conftest import ROOT, application, environment
from tests.postgres import shared_cluster

SECONDS, MEGABYTES = 60, 400
SHARE = 0.05  # reading, checking and finding the way to each account cost more than writing
TABLES = (
    "ledger_account", "ledger_file", "ledger_transaction", "ledger_issuance", "ledger_transaction_block",
    "ledger_block", "ledger_source",
)  # fmt: skip
NOW = datetime(2026, 11, 28, tzinfo=UTC)


def main() -> int:
    """Measure, print, and say by the exit code whether every bound holds."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--postgresql", action="store_true")
    given = parser.parse_args()
    files = ledgers()
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        root = Path(directory)
        url = f"sqlite:///{root}/tonne.sqlite"
        if given.postgresql:
            url = stack.enter_context(shared_cluster(root)).create_database("history")
        seconds, work, again = imported(root, url, files)
        megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        by_hand = None if given.postgresql else written_by_hand(root)
    print(f"{ISSUANCES:,} issuances and {BLOCKS:,} cancelled blocks")
    print(f"imported                 {seconds:8.1f} s, {work:.1f} s of work")
    print(f"the same files again     {again:8.1f} s")
    print(f"most memory              {megabytes:8.0f} MB")
    if by_hand is None:
        return 0
    print(f"its rows, by hand        {by_hand:8.1f} s of work, ratio {by_hand / work:.2f}")
    return 1 if seconds > SECONDS or megabytes > MEGABYTES or by_hand / work < SHARE else 0


def imported(root: Path, url: str, files: list[PublishedFile]) -> tuple[float, float, float]:
    """Seconds for the import and of its own work, and seconds for the same files a second time."""
    app = application(environment(root, url, LOG_LEVEL="ERROR"))
    with app.app_context():
        upgrade(directory=str(ROOT / "migrations"))
        ensure_mechanisms()
        begun, work = time.perf_counter(), time.process_time()
        report = import_history(files, mechanism_code="CDM", now=NOW)
        seconds, worked = time.perf_counter() - begun, time.process_time() - work
        assert (report.issuances, report.cancellations) == (ISSUANCES, BLOCKS)
        begun = time.perf_counter()
        assert import_history(files, mechanism_code="CDM", now=NOW).rows.created == 0
        again = time.perf_counter() - begun
        db.session.remove()
        db.engine.dispose()
    return seconds, worked, again


def written_by_hand(root: Path) -> float:
    """Seconds of work for writing the very rows that the import made into the same tables of a second file."""
    second = root / "by_hand.sqlite"
    app = application(environment(root, f"sqlite:///{second}", LOG_LEVEL="ERROR"))
    with app.app_context():
        upgrade(directory=str(ROOT / "migrations"))
        ensure_mechanisms()
        db.session.remove()
        db.engine.dispose()
    made, connection = sqlite3.connect(root / "tonne.sqlite"), sqlite3.connect(second)
    rows = {table: made.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}  # noqa: S608 - names of ours
    begun = time.process_time()
    for table, found in rows.items():
        places = ", ".join("?" * len(found[0]))
        connection.executemany(f"INSERT INTO {table} VALUES ({places})", found)  # noqa: S608 - as above
    connection.commit()
    return time.process_time() - begun


if __name__ == "__main__":
    raise SystemExit(main())
