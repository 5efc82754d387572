"""Whole purchases under load, beside hello pages of a bare Flask app: `make bench-purchase`.

Eight guests buy units of three projects each, over HTTP, as browsers would: list, three projects, basket, details,
review, payment page, back to the order. One web server with a process for each processor, as the settings of
`docs/systemd/tonne.env.example` have it, and one worker, over SQLite and over PostgreSQL. An order counts when its
certificates are issued; their PDFs are not drawn. Each round measures hello pages first, then orders: as many as are
begun within the seconds of a round, until the last one of them is finished. Afterwards an auditor's questions are put
to the tables: payments, orders, cancellations, certificates and holdings are one number, and nothing is oversold.

An order may take as long as 500 hello pages of the same server do. How many pages that is depends on the server more
than on the shop, so both are measured: granian with four threads a process, which serves the product, and gunicorn with
one request at a time in a process, with which pretix, django-oscar and the bare stack were measured. `BENCH_ROUNDS`,
`BENCH_SECONDS`, `BENCH_DATABASES` and `BENCH_SERVERS` make it shorter, `BENCH_PROCESSES` says how many processes a
server has.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count, product
from pathlib import Path

from sqlalchemy import Engine, create_engine, text

from app.config import Settings
from app.db import db
from app.factory import create_app
from tests.benchmarks.buyer import Buyer
from tests.benchmarks.pages import rate
from tests.benchmarks.processes import Running, first_page, flask, postgresql, settings_in, verdict, web, worker
from tests.builders import an_offer
from tests.chaos import audit
from tests.postgres import free_port

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))  # of which the first only warms up
SECONDS = int(os.environ.get("BENCH_SECONDS", "20"))
DATABASES = os.environ.get("BENCH_DATABASES", "sqlite postgresql").split()
SERVERS = os.environ.get("BENCH_SERVERS", "granian gunicorn").split()
PROCESSES = int(os.environ.get("BENCH_PROCESSES", os.cpu_count() or 1))
BUYERS, PROJECTS, UNITS = 8, 3, 2
PAGES_FOR_AN_ORDER = 500
FOR_SALE = 90_000  # of each project
SECONDS_TO_FINISH = 120


def main() -> int:
    """Measure, print, and say by the exit code whether everything holds."""
    holds = True
    for name, server in product(DATABASES, SERVERS):
        with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
            url = stack.enter_context(postgresql()) if name == "postgresql" else ""
            environment = settings_in(Path(directory), free_port(), url)
            shop = stack.enter_context(open_shop(environment, workers=PROCESSES, server=server))
            hello = environment | {"PORT": str(free_port())}
            bare = stack.enter_context(web("tests.benchmarks.bare:hello", hello, workers=PROCESSES, server=server))
            first_page(bare, "/hello")
            holds = measure(f"{server}, {name}", shop, bare) and holds
    return 0 if holds else 1


@dataclass
class Shop:
    """A web server and a worker over one database, with offers as (offer id, units wanted) by project reference."""

    web: Running
    worker: Running
    engine: Engine
    wanted: dict[str, tuple[int, int]]
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def buy(self) -> None:
        """One whole purchase by somebody new. Raises AssertionError when anything is not as it should be."""
        number = next(self._numbers)
        with Buyer(self.web.address) as buyer:
            buyer.look_around()
            buyer.fill_basket(self.wanted)
            buyer.give_details(f"buyer-{number}@example.org", f"Amélie Nguyễn {number}")
            buyer.order()
            buyer.pay()

    def unfinished(self) -> int:
        """Orders that are placed and have not got their certificates yet."""
        with self.engine.connect() as connection:
            return int(connection.scalar(text("SELECT count(*) FROM purchase_order WHERE state <> 'fulfilled'")) or 0)

    def wait_until_finished(self) -> None:
        """Wait for the last order. Raises AssertionError when it does not come."""
        ends_at = time.monotonic() + SECONDS_TO_FINISH
        while self.unfinished():
            assert time.monotonic() < ends_at, f"{self.unfinished()} orders are not finished"
            time.sleep(0.02)


@contextmanager
def open_shop(
    environment: dict[str, str], *, workers: int = 1, units: int = FOR_SALE, server: str = "granian"
) -> Iterator[Shop]:
    """A migrated database with offers of three projects, a web server that answers, and a worker."""
    flask(environment, "db", "upgrade")
    offers = new_offers(environment, range(1, PROJECTS + 1), units)
    engine = create_engine(Settings.from_environment(environment).database_url)
    with (
        web("wsgi:app", environment, workers=workers, server=server) as pages,
        worker("tests.benchmarks.plain_paper", environment) as helper,
    ):
        first_page(pages, "/en/")
        yield Shop(pages, helper, engine, {reference: (offer_id, UNITS) for reference, offer_id in offers.items()})
    engine.dispose()


def new_offers(environment: dict[str, str], numbers: range, units: int) -> dict[str, int]:
    """Offers of so many units of one more project each; gives their ids by project reference."""
    app = create_app(Settings.from_environment(environment))
    with app.app_context():
        found = {f"IN-{number}": an_offer(number=number, units=units) for number in numbers}
        db.session.remove()
        db.engine.dispose()
    return found


def measure(name: str, shop: Shop, bare: Running) -> bool:
    """Hello pages and orders in turn; prints the figures and gives whether everything holds."""
    pages, orders, ratios, waits = [], [], [], []
    for turn in range(ROUNDS):
        hello = rate(f"{bare.address}/hello", "", SECONDS)
        before = shop.web.cpu_seconds, shop.worker.cpu_seconds, time.process_time()
        begun = time.monotonic()
        took, problems = all_at_once(shop.buy, SECONDS)
        shop.wait_until_finished()
        seconds = time.monotonic() - begun
        if problems:
            print(f"FAIL  {name}: {len(problems)} errors in {len(took)} purchases, the first: {problems[0]!r}")
            return False
        after = shop.web.cpu_seconds, shop.worker.cpu_seconds, time.process_time()
        cpu = [1000 * (late - early) / len(took) for early, late in zip(before, after, strict=True)]
        print(
            f"      {name} {turn}: hello {hello:,.0f}/s, orders {len(took) / seconds:.1f}/s; "
            f"computing for an order: web {cpu[0]:.0f} ms, worker {cpu[1]:.0f} ms, buyer {cpu[2]:.0f} ms",
            flush=True,
        )
        if turn or ROUNDS == 1:
            pages.append(hello)
            orders.append(len(took) / seconds)
            ratios.append(hello * seconds / len(took))
            waits += took
    middle, slow = statistics.median(waits), statistics.quantiles(waits, n=20)[-1]
    print(
        f"      {name}: hello {statistics.median(pages):,.0f}/s, orders {statistics.median(orders):.1f}/s; "
        f"{len(waits)} buyers were through in {middle * 1000:.0f} ms (median), {slow * 1000:.0f} ms (95 of 100)"
    )
    holds = verdict(
        f"{name}: hello pages for a finished order", statistics.median(ratios), PAGES_FOR_AN_ORDER, digits=0
    )
    return audited(name, shop) and holds


def audited(name: str, shop: Shop) -> bool:
    """Whether nothing contradicts an auditor's questions once everything is settled."""
    ends_at = time.monotonic() + SECONDS_TO_FINISH
    while audit.unfinished(shop.engine) and time.monotonic() < ends_at:
        time.sleep(0.5)
    try:
        audit.check(shop.engine)
    except AssertionError as contradiction:
        print(f"FAIL  {name}: the books differ: {contradiction}")
        return False
    print(f"PASS  {name}: no error; payments, orders, cancellations, certificates and holdings are one number")
    return True


def all_at_once(do: Callable[[], None], seconds: float, people: int = BUYERS) -> tuple[list[float], list[Exception]]:
    """Let so many people do something over and over for some seconds; gives how long each took, and what failed."""
    took: list[float] = []
    problems: list[Exception] = []
    ends_at = time.monotonic() + seconds

    def one_after_the_other() -> None:
        while time.monotonic() < ends_at and not problems:
            begun = time.monotonic()
            try:
                do()
            except Exception as problem:  # noqa: BLE001 - whatever it is, it is reported
                problems.append(problem)
            took.append(time.monotonic() - begun)

    threads = [threading.Thread(target=one_after_the_other) for _person in range(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took, problems


if __name__ == "__main__":
    sys.exit(main())
