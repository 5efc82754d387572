"""The list with 10,000 offers and 200,000 past certificates beside the list with 48 projects: `make bench-catalogue`.

Both are drawn in this process, one after the other in each round, on SQLite, for a visitor with a
cookie, so that no page is shared. Prints milliseconds and the ratio of rates; the list, the search or a
filter below 0.6 of its rate with 48 projects fails. A combination of all has no limit of its own: with
48 projects it shows two rows, here 48. BENCH_ROUNDS (40) and BENCH_PROJECTS (3400) change the run.
"""

from __future__ import annotations

import logging
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade
from sqlalchemy import update

from app.config import Settings
from app.db import MIGRATIONS, transaction
from app.factory import create_app
from app.offers.models import Offer
from app.offers.shelf import Shelf
from tests.benchmarks.large import fill

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "40"))
SMALL = 48
LARGE = int(os.environ.get("BENCH_PROJECTS", "3400"))
CERTIFICATES = 200_000
SHARE = 0.6
COMBINATION = "all together"
PAGES = {
    "list": "/en/",
    "search": "/en/?q=cocinas+Kenia",
    "search by title": "/fr/?q=wind+farm",
    "host Party": "/en/?party=IN",
    "region": "/en/?region=Africa",
    "least developed": "/en/?ldc=yes",
    "type": "/en/?type=Hydro",
    "scope": "/en/?scope=1",
    "methodology": "/en/?methodology=ACM0002",
    "quality fact": "/en/?ccp=rejected",
    "unit type": "/en/?unit=CER",
    "commitment period": "/en/?period=2",
    "years": "/en/?year_from=2012&year_to=2015",
    "price": "/en/?price_from=1.00&price_to=4.00",
    COMBINATION: "/es/?q=viento&region=Asia+and+the+Pacific&period=1&year_from=2010&price_to=5.00&sort=price",
    "sorted by price": "/en/?sort=price",
    "sorted by units": "/en/?sort=units",
    "no result": "/en/?q=cocinas+Mongolia",
}


def main() -> int:
    """Measure, print, and say by the exit code whether every ratio holds."""
    logging.disable()
    with tempfile.TemporaryDirectory() as name:
        shops = {size: _shop(Path(name) / str(size), size) for size in (SMALL, LARGE)}
        clients = {size: _visitor(shop) for size, shop in shops.items()}
        times = _times(clients)
        print(f"{'':20} {SMALL:>8} {LARGE:>8} projects, ms (median of {ROUNDS})   ratio of rates")
        verdicts = [_verdict(page, times) for page in PAGES]
        _print_reading(shops[LARGE])
    return 0 if all(verdicts) else 1


def _times(clients: dict[int, FlaskClient]) -> dict[tuple[int, str], list[float]]:
    times: dict[tuple[int, str], list[float]] = {(size, page): [] for size in clients for page in PAGES}
    for round_number in range(ROUNDS + 1):
        for page, address in PAGES.items():
            for size, client in clients.items():
                start = time.perf_counter()
                answer = client.get(address)
                taken = time.perf_counter() - start
                assert answer.status_code == 200, (page, answer.status_code, answer.headers.get("Location"))
                if round_number:
                    times[size, page].append(taken * 1000)
    return times


def _verdict(page: str, times: dict[tuple[int, str], list[float]]) -> bool:
    small, large = (statistics.median(times[size, page]) for size in (SMALL, LARGE))
    ratio = small / large
    holds = ratio >= SHARE or page == COMBINATION
    print(f"{page:20} {small:8.2f} {large:8.2f} {'':32} {ratio:5.2f} {'' if holds else f'below {SHARE}'}")
    return holds


def _print_reading(shop: Flask) -> None:
    """What a second costs: all offers read again, unchanged and with one sold."""
    with shop.app_context():
        shelf = Shelf(0)
        shelf.look()
        for what, change in (("nothing changed", 0), ("one unit was sold", 1)):
            taken = []
            for _ in range(10):
                with transaction() as session:
                    session.execute(
                        update(Offer).where(Offer.id == 1).values(units_settled=Offer.units_settled + change)
                    )
                start = time.perf_counter()
                shelf.look().arrangement.figures  # noqa: B018 - worked out when first asked for
                taken.append((time.perf_counter() - start) * 1000)
            print(
                f"reading {LARGE * 3:,} offers again, at most once in 0.9 s, {what}: {statistics.median(taken):.1f} ms"
            )


def _shop(directory: Path, projects: int) -> Flask:
    environment = {
        "ENVIRONMENT": "testing",
        "INSTANCE_PATH": str(directory),
        "SECRET_KEY": "for-this-benchmark-only-and-nothing-else",
        "TESTPAY_SECRET": "for-this-benchmark-only-and-nothing-else",
        **{name: value for name, value in os.environ.items() if name == "LEGAL_TEXTS"},
    }
    shop = create_app(Settings.from_environment(environment))
    with shop.app_context():
        upgrade(directory=str(MIGRATIONS))
        fill(projects, CERTIFICATES if projects == LARGE else 0)
    return shop


def _visitor(shop: Flask) -> FlaskClient:
    """Somebody who has chosen a language before: with a cookie, every page is drawn anew."""
    client = shop.test_client()
    client.set_cookie("lang", "en")
    return client


if __name__ == "__main__":
    sys.exit(main())
