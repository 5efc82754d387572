"""Cancellations per second through the port beside a bare hand-written one: `python -m tests.benchmarks.cancellations`.

The product plans a cancellation, pursues it and has it confirmed by the embedded ledger, with everything it writes
on the way. The bare one writes the same rows in the same four commits with plain SQL and the database's own driver:
no mapper, no port, no checks. Both take turns in the same database; only the ratio inside one run counts. One worker on
SQLite, four processes over four accounts on PostgreSQL, both waiting for the disk as in real life.
`--profile` shows what the product spends its time on (SQLite).
"""

from __future__ import annotations

import argparse
import cProfile
import multiprocessing
import pstats
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from multiprocessing.synchronize import Barrier
from pathlib import Path

from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import NullPool, create_engine, insert, select, text

from app.catalog.models import Issuance
from app.db import db, transaction
from app.direct.models import DirectCancellation
from app.direct.states import DirectState
from app.kernel.clock import SystemClock
from app.providers.models import Provider
from app.registry import service
from app.registry.ledger.models import LedgerBlock, LedgerIssuance
from app.registry.ports import Registries
from app.registry.states import CancellationState
from tests import people
from tests.benchmarks.bare_cancellation import BareLedger
from tests.builders import NOW, a_holding_account, an_offer
from tests.conftest import ROOT, application, environment
from tests.postgres import shared_cluster

ACCEPTED = 0.3
ROUNDS, EACH = 7, 60  # of which the first round only warms up
BLOCK = 20_000
TABLES = (
    "cancellation", "state_event", "registry_attempt", "cancelled_block",
    "ledger_transaction", "ledger_transaction_block", "ledger_block",
)  # fmt: skip

Rates = tuple[float, float]
Stretch = tuple[float, float]


def main() -> int:
    """Measure, print, and say by the exit code whether both ratios hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--only", choices=["sqlite", "postgresql"])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        url = f"sqlite:///{root}/cancellations.sqlite"
        if given.profile:
            lay_out(root, url, 1)
            profile(root, url)
            return 0
        ratios = []
        print(f"{'':36}{'product/s':>11}{'bare/s':>9}{'ratio':>8}")
        if given.only != "postgresql":
            lay_out(root, url, 1)
            ratios.append(measure("SQLite, 1 worker", root, url, 1))
        if given.only != "sqlite":
            with shared_cluster(root) as cluster:
                url = cluster.create_database("cancellations")
                lay_out(root, url, 4)
                ratios.append(measure("PostgreSQL, 4 workers, 4 accounts", root, url, 4))
    if min(ratios) < ACCEPTED:
        print(f"Under {ACCEPTED}")
    return int(min(ratios) < ACCEPTED)


# --- what is measured -------------------------------------------------------------------------------------


def measure(name: str, root: Path, url: str, workers: int) -> float:
    """Let workers cancel through the port and bare in turn; gives the median ratio of the rates."""
    spawn = multiprocessing.get_context("spawn")
    together = spawn.Barrier(workers)
    with spawn.Pool(workers, initializer=_keep, initargs=(together,)) as pool:
        stretches = pool.starmap(work, [(root, url, number) for number in range(workers)], chunksize=1)
    rounds = [rates(of_round) for of_round in zip(*stretches, strict=True)][1:]
    product, bare = (statistics.median(column) for column in zip(*rounds, strict=True))
    ratio = statistics.median(one / other for one, other in rounds)
    print(f"{name:36}{product:11.0f}{bare:9.0f}{ratio:8.2f}")
    return ratio


def rates(of_round: Sequence[tuple[Stretch, Stretch]]) -> Rates:
    """Cancellations per second of all workers together in one round: through the port, and bare."""
    both = []
    for stretches in zip(*of_round, strict=True):
        begun, ended = min(first for first, _last in stretches), max(last for _first, last in stretches)
        both.append(len(stretches) * EACH / (ended - begun))
    return both[0], both[1]


_together: Barrier


def _keep(together: Barrier) -> None:
    global _together  # noqa: PLW0603 - how a pool hands a barrier to its processes
    _together = together


def work(root: Path, url: str, number: int) -> list[tuple[Stretch, Stretch]]:
    """What one worker does with its own account: the two ways in turn, each begun by all workers together."""
    taken = []
    with an_app(root, url) as app, closing(BareLedger(url, account_of(number))) as bare:
        registries: Registries = app.extensions["tonne.registries"]
        issuance = the_issuance()
        causes = iter(causes_of(number))
        for _round in range(ROUNDS):
            stretches = []
            for is_bare in (False, True):
                mine = [next(causes) for _cancellation in range(EACH)]
                _together.wait()
                begun = time.monotonic()
                if is_bare:
                    for cause in mine:
                        bare.cancel(cause)
                else:
                    for cause in mine:
                        cancel(cause, account_of(number), issuance, registries)
                stretches.append((begun, time.monotonic()))
            taken.append((stretches[0], stretches[1]))
        _together.wait()
        if number == 0:
            require_same_rows()
    return taken


def the_issuance() -> Issuance:
    """What is cancelled of, read once: whoever plans a cancellation has it in hand."""
    issuance = db.session.scalars(select(Issuance)).one()
    db.session.expunge(issuance)
    return issuance


def cancel(cause: int, account: str, issuance: Issuance, registries: Registries) -> None:
    """One cancellation as the worker does it: planned in one transaction, then pursued until it is confirmed."""
    clock = SystemClock()
    with transaction():
        plan = service.Plan(
            cause=service.Cause(direct_cancellation_id=cause),
            registry="ledger",
            account=account,
            project_reference="IN-1",
            issuance=issuance,
            units=1 + cause % 7,
            beneficiary_name="Amélie Nguyễn",
            purpose="Our office heating of 2025",
        )
        (cancellation_id,) = service.plan_cancellations([plan], clock.now())
    service.pursue(cancellation_id, CancellationState.PLANNED, registries, clock)


def require_same_rows() -> None:
    """Whoever writes less is faster: both ways must have left equally many rows. Raises AssertionError."""
    db.session.rollback()
    one_way = db.session.execute(
        text("SELECT state, count(*) FROM cancellation GROUP BY state, beneficiary_name ORDER BY beneficiary_name")
    ).all()
    assert len(one_way) == 2, one_way
    assert {state for state, _count in one_way} == {"confirmed"}, one_way
    assert one_way[0][1] == one_way[1][1], one_way
    rows = {table: db.session.scalar(text(f"SELECT count(*) FROM {table}")) for table in TABLES}  # noqa: S608 - ours
    cancelled = rows["cancellation"]
    accounts = rows["ledger_block"] - cancelled  # what is left in each
    assert rows == {
        "cancellation": cancelled,
        "state_event": 3 * cancelled,
        "registry_attempt": cancelled,
        "cancelled_block": cancelled,
        "ledger_transaction": cancelled,
        "ledger_transaction_block": cancelled,
        "ledger_block": cancelled + accounts,
    }, rows


def profile(root: Path, url: str) -> None:
    """Print what the product spends its time on."""
    with an_app(root, url) as app:
        registries: Registries = app.extensions["tonne.registries"]
        issuance = the_issuance()
        causes = iter(causes_of(0))
        for _cancellation in range(EACH):
            cancel(next(causes), account_of(0), issuance, registries)
        profiler = cProfile.Profile()
        profiler.enable()
        for _cancellation in range(5 * EACH):
            cancel(next(causes), account_of(0), issuance, registries)
        profiler.disable()
        pstats.Stats(profiler).sort_stats("cumulative").print_stats(60)


# --- what it is measured on -------------------------------------------------------------------------------


@contextmanager
def an_app(root: Path, url: str) -> Iterator[Flask]:
    """The product over a database, with its context pushed and the machine's clock."""
    app = application(environment(root, url, LOG_LEVEL="ERROR"), SystemClock())
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def account_of(number: int) -> str:
    """The account of a worker."""
    return f"CDM-100-{number + 2}"


def causes_of(number: int) -> range:
    """The ids of the direct cancellations that a worker carries out."""
    return range(1 + number * 2 * ROUNDS * EACH, 1 + (number + 1) * 2 * ROUNDS * EACH)


def lay_out(root: Path, url: str, accounts: int) -> None:
    """A migrated database, an issuance, and for each account a block of it and what is to be cancelled."""
    with an_app(root, url) as app:
        upgrade(directory=str(ROOT / "migrations"))
        if db.engine.dialect.name == "postgresql":
            beside = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
            with beside.connect() as connection:
                # The servers of tests do without; a registry does not.
                connection.execute(text("ALTER SYSTEM SET fsync = on"))
                connection.execute(text("SELECT pg_reload_conf()"))
        an_offer(units=1, held=0)
        person_id = people.a_person("sara@salkhit.example")
        with transaction() as session:
            provider = session.scalars(select(Provider)).one()
            issuance = session.scalars(select(Issuance)).one()
            entered = session.scalars(select(LedgerIssuance)).one()
            for number in range(accounts):
                first = entered.first + number * BLOCK
                session.add(
                    LedgerBlock(
                        account_id=a_holding_account(account_of(number), provider).id,
                        issuance_id=entered.id,
                        space=entered.space,
                        first=first,
                        last=first + BLOCK - 1,
                    )
                )
                session.execute(
                    insert(DirectCancellation),
                    [
                        {
                            "id": cause,
                            "reference": f"T-{cause}",
                            "once": f"once-{cause}",
                            "state": DirectState.FULFILLING,
                            "provider_id": provider.id,
                            "person_id": person_id,
                            "issuance_id": issuance.id,
                            "project_id": issuance.project_id,
                            "account": account_of(number),
                            "units": 1 + cause % 7,
                            "is_for_itself": True,
                            "locale": "en",
                            "is_demonstration": True,
                            "consent_version": "test",
                            "consent_text": "It cannot be undone.",
                            "placed_at": NOW,
                        }
                        for cause in causes_of(number)
                    ],
                )
        assert app.extensions["tonne.registries"].default.name == "ledger"


if __name__ == "__main__":
    raise SystemExit(main())
