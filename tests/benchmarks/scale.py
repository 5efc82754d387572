"""Cost curves: every kind of page with 1,000 to 1,000,000 cancellations, and with 100 to 10,000 offers.

`python -m tests.benchmarks.scale` fills throw-away databases on SQLite and on PostgreSQL, asks each page in turn in all
of them, and prints milliseconds (the median) and statements. Whatever answers for one thing or one page of a list must
keep half of the rate that it has in the smallest database, or take less than `QUICK`; what adds everything up, or names
everything, is printed and must stay below `PATIENCE`. The register as a file is read from a web process of its own,
whose memory must not grow. `--sizes`, `--offers`, `--databases` and `--only` narrow the run.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade
from sqlalchemy import event

from app.db import db
from tests.benchmarks.scale_asked import Question, questions
from tests.benchmarks.scale_files import read_file
from tests.benchmarks.scale_offers import add_offers
from tests.benchmarks.scale_world import fill
from tests.conftest import ROOT, application, environment
from tests.people import a_participant, a_person, an_operator, an_organisation, sign_in_as
from tests.postgres import PrivateCluster, shared_cluster

SHARE = 0.5  # of the rate in the smallest database
QUICK, PATIENCE = 40, 10_000  # milliseconds: below the one nobody notices, beyond the other a proxy gives up
SECONDS_FOR_ONE, ROUNDS = 4.0, 7
CANCELLATIONS = (1_000, 10_000, 100_000, 1_000_000)
OFFERS = (100, 1_000, 10_000)
FEW_SALES = 1_000


@dataclass(frozen=True)
class Copy:
    """One database of a size, and browsers of everybody who asks."""

    size: int
    app: Flask
    environment: dict[str, str]
    browsers: dict[str, FlaskClient]


def main() -> int:
    """Measure, print, and say by the exit code whether every bound holds."""
    given = _arguments()
    failures: list[str] = []
    for database in given.databases:
        with tempfile.TemporaryDirectory(prefix="tonne-scale-") as directory, ExitStack() as stack:
            root = Path(directory)
            cluster = stack.enter_context(shared_cluster(root)) if database == "postgresql" else None
            for what, sizes in (("cancellations", given.sizes), ("offers", given.offers)):
                copies = [stack.enter_context(a_copy(root, cluster, what, size)) for size in sizes]
                asked = [one for one in questions() if one.about == what and given.only in one.name]
                failures += [f"{database}, {what}: {one}" for one in _curve(database, what, copies, asked)]
                if what == "cancellations" and not given.only:
                    failures += [f"{database}: {one}" for one in read_file(copies[-1].environment, sizes[-1])]
    for failure in failures:
        print(f"FAIL {failure}")
    print("FAIL" if failures else "PASS")
    return 1 if failures else 0


@contextmanager
def a_copy(root: Path, cluster: PrivateCluster | None, what: str, size: int) -> Iterator[Copy]:
    """A shop with so many cancellations and a few offers, or so many offers and a few cancellations."""
    name = f"{what}_{size}"
    url = cluster.create_database(name) if cluster else f"sqlite:///{root}/{name}.sqlite"
    (root / name).mkdir()
    env = environment(root / name, url, LOG_LEVEL="ERROR")
    app = application(env)
    with app.app_context():
        upgrade(directory=str(ROOT / "migrations"))
        begun = time.perf_counter()
        fill(app, size if what == "cancellations" else FEW_SALES)
        add_offers(size if what == "offers" else OFFERS[0])
        print(f"{name} filled in {time.perf_counter() - begun:.0f} s", flush=True)
        organisation = an_organisation(owner=a_person())
        a_participant(organisation)
        db.session.remove()
        browsers = {
            "visitor": app.test_client(),
            "seller": sign_in_as(app, a_person()),
            "operator": sign_in_as(app, an_operator()),
        }
        yield Copy(size, app, env, browsers)
        db.session.remove()
        db.engine.dispose()


def _curve(database: str, what: str, copies: list[Copy], asked: list[Question]) -> list[str]:
    """Ask everything, print a line for each, and name what falls short."""
    # In one process only its own work counts, whatever else this machine does; a server's work takes real time.
    clock = time.perf_counter if database == "postgresql" else time.process_time
    sizes = "".join(f"{copy.size:>11,}" for copy in copies)
    print(f"\n{database}, {what}: milliseconds\n{'':34}{sizes}  ratio  statements")
    failures = []
    for question in asked:
        times: list[list[float]] = [[] for _ in copies]
        statements = 0
        for number in range(ROUNDS + 1):
            for copy, taken in zip(copies, times, strict=True):
                with _counting(copy.app) as counted:
                    begun = clock()
                    question.ask(copy)
                    spent = (clock() - begun) * 1000
                if number:
                    taken.append(spent)
                statements = counted[0]
            if number and sum(map(sum, times)) / 1000 > SECONDS_FOR_ONE:
                break
        medians = [statistics.median(taken) for taken in times]
        ratio = statistics.median(a / b for a, b in zip(times[0], times[-1], strict=True))
        holds = medians[-1] <= PATIENCE if question.adds_up else ratio >= SHARE or medians[-1] <= QUICK
        verdict = "" if holds else "FAIL"
        mark = "*" if question.adds_up else " "
        figures = "".join(f"{median:11.1f}" for median in medians)
        print(f"{question.name:33}{mark}{figures}{ratio:7.2f}{statements:8} {verdict}", flush=True)
        failures += [] if holds else [f"{question.name}: {medians[-1]:.0f} ms, ratio {ratio:.2f}"]
    if any(question.adds_up for question in asked):
        print(f"* adds everything up or names it: judged by {PATIENCE:,} ms and not by the ratio")
    return failures


@contextmanager
def _counting(app: Flask) -> Iterator[list[int]]:
    """Counts the statements that reach the database meanwhile."""
    counted = [0]

    def count(*_: Any) -> None:
        counted[0] += 1

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", count)
    try:
        yield counted
    finally:
        event.remove(engine, "before_cursor_execute", count)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--sizes", type=_numbers, default=CANCELLATIONS)
    parser.add_argument("--offers", type=_numbers, default=OFFERS)
    parser.add_argument("--databases", type=lambda names: names.split(","), default=["sqlite", "postgresql"])
    parser.add_argument("--only", default="", help="questions whose names hold this")
    return parser.parse_args()


def _numbers(typed: str) -> list[int]:
    return [int(number) for number in typed.split(",")]


if __name__ == "__main__":
    raise SystemExit(main())
