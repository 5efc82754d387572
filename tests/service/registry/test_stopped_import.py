"""An import whose process is killed between two of its transactions, and run again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask

from app.catalog.mechanisms import ensure_mechanisms
from app.registry.ledger.history.reading import Kind
from app.registry.ledger.history.service import import_history, is_begun
from tests.conftest import environment
from tests.service.registry.published import CANCELLATIONS, ISSUANCES, NOW, a_file, books, load

# Kills its own process after so many transactions, each of which holds one transaction of the registry only.
VICTIM = """
import os, signal, sys
from sqlalchemy import event
from app.config import Settings
from app.db import db
from app.factory import create_app
from app.kernel.clock import FixedClock
from app.registry.ledger.history import service
from tests.service.registry.published import CANCELLATIONS, ISSUANCES, NOW, load

app = create_app(Settings.from_environment(dict(os.environ)), clock=FixedClock(NOW))
service.TRANSACTIONS_AT_ONCE = 1
left = int(sys.argv[1])
with app.app_context():
    @event.listens_for(db.engine, "commit")
    def count(connection):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    load(ISSUANCES, CANCELLATIONS)
"""


@pytest.mark.parametrize("transactions", [4, 6, 8])
def test_a_killed_import_that_is_run_again_gives_the_same_books(
    context: Flask, db_url: str, tmp_path: Path, transactions: int
) -> None:
    ensure_mechanisms()
    killed = subprocess.run(
        [sys.executable, "-c", VICTIM, str(transactions)],
        env={**os.environ, **environment(tmp_path, db_url, LOG_LEVEL="ERROR"), "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert killed.returncode == -9, killed.stderr.decode()[-800:]
    files = [a_file(Kind.ISSUANCES, ISSUANCES), a_file(Kind.CANCELLATIONS, CANCELLATIONS)]
    assert is_begun(files, "CDM")

    finished = import_history(files, mechanism_code="CDM", now=NOW)

    assert 0 < finished.rows.created < len(ISSUANCES) + len(CANCELLATIONS)
    assert finished.rows.created + finished.unchanged == len(ISSUANCES) + len(CANCELLATIONS)
    assert not is_begun(files, "CDM")
    assert books() == {
        "CDM-110-1": [("IN", 1, 10), ("IN", 21, 30), ("IN", 36, 1000), ("IN", 1101, 1500)],
        "CDM-230-1": [("BR", 1, 300), ("IN", 11, 20), ("IN", 31, 35), ("IN", 1001, 1100)],
    }
    assert load(ISSUANCES, CANCELLATIONS).unchanged == len(ISSUANCES) + len(CANCELLATIONS)
