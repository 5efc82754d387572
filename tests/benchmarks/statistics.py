"""The report on the full-size ledger, and a serial number among all blocks: `python -m tests.benchmarks.statistics`.

A ledger of 12,569 issuances and 27,746 cancelled blocks is asked beside one of a twentieth of that. Looking up a serial
number must keep 0.5 of its rate, and the page, which is reckoned once and kept, 0.5 of its own; what the first
reader of a period waits for is printed.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from flask import Flask, current_app
from flask_migrate import upgrade
from sqlalchemy import select

from app.catalog.mechanisms import ensure_mechanisms
from app.db import db
from app.registry.ledger.history.service import import_history
from app.registry.ledger.models import LedgerBlock
from app.reporting.statistics.forms import REPORT_PERIOD, Period
from app.reporting.statistics.published import find_serial, whole_period
from app.reporting.statistics.report import make_report
from tests.benchmarks.history import NOW
from tests.benchmarks.published import BLOCKS, ISSUANCES, ledgers
from tests.conftest import ROOT, application, environment

SHARE, SMALL, ROUNDS = 0.5, 20, 7
LOOKED_UP = 200


def main() -> int:
    """Measure, print, and say by the exit code whether every ratio holds."""
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        apps = [
            stack.enter_context(a_ledger(Path(directory), issuances, blocks))
            for issuances, blocks in ((ISSUANCES // SMALL, BLOCKS // SMALL), (ISSUANCES, BLOCKS))
        ]
        slow = [
            compared("serial number looked up", apps, looked_up, LOOKED_UP, must_hold=True),
            compared("page, kept", apps, page, 1, must_hold=True),
            compared("report of one year", apps, lambda: make_report(REPORT_PERIOD), 1, must_hold=False),
            compared("report of everything", apps, report_of_all, 1, must_hold=False),
            compared("page, reckoned anew", apps, page_anew, 1, must_hold=False),
        ]
    return 1 if any(slow) else 0


@contextmanager
def a_ledger(root: Path, issuances: int, blocks: int) -> Iterator[Flask]:
    """An application whose books have so many rows."""
    app = application(environment(root, f"sqlite:///{root}/{issuances}.sqlite", LOG_LEVEL="ERROR"))
    with app.app_context():
        upgrade(directory=str(ROOT / "migrations"))
        ensure_mechanisms()
        import_history(ledgers(issuances, blocks), mechanism_code="CDM", now=NOW)
        db.session.remove()
    yield app
    with app.app_context():
        db.engine.dispose()


def compared(name: str, apps: list[Flask], work: Callable[[], object], times: int, *, must_hold: bool) -> bool:
    """Do the same in both, in turn; whether the large one is too slow."""
    taken: list[list[float]] = [[], []]
    for _round in range(ROUNDS):
        for app, found in zip(apps, taken, strict=True):
            with app.app_context():
                begun = time.process_time()
                work()
                found.append((time.process_time() - begun) * 1_000 / times)
                db.session.remove()
    small, large = (statistics.median(found[1:]) for found in taken)
    print(f"{name:26} {small:9.2f} ms with a {SMALL}th {large:9.2f} ms with all   ratio {small / large:5.2f}")
    return must_hold and small / large < SHARE


def looked_up() -> None:
    """Find serial numbers all over the books."""
    chance = random.Random(1)  # noqa: S311 - any will do
    blocks = db.session.execute(select(LedgerBlock.space, LedgerBlock.first).limit(500)).all()
    for _time in range(LOOKED_UP):
        space, first = chance.choice(blocks)
        assert find_serial(space, first) is not None


def page() -> None:
    """Read the page as somebody does who is not the first."""
    _read("/en/statistics")


def page_anew() -> None:
    """Read it as the first one does."""
    current_app.extensions.pop("tonne.statistics", None)
    _read("/en/statistics")


def report_of_all() -> None:
    """The report of everything that was published."""
    make_report(whole_period() or Period(REPORT_PERIOD.first, REPORT_PERIOD.last))


def _read(address: str) -> None:
    assert current_app.test_client().get(address).status_code == 200


if __name__ == "__main__":
    raise SystemExit(main())
