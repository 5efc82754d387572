"""Markets that tests share, because starting one takes longer than killing it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import pytest

from tests.chaos.market import Market
from tests.postgres import PrivateCluster
from tests.smtp_sink import Sink, smtp_sink

# `make test` gives all tests of one market to one process, which starts it once; `make chaos` spreads them.
DATABASES = [pytest.param(kind, marks=pytest.mark.xdist_group(f"market-{kind}")) for kind in ("sqlite", "postgresql")]
SLOW = "test_the_real_waits_lose_nothing_either"
MarketMaker = Callable[..., Market]


@pytest.fixture(scope="session")
def make_market(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MarketMaker]:
    """Start a market over a fresh database of a kind; all of them end with the tests."""
    with ExitStack() as stack:

        def make(kind: str, **changes: Any) -> Market:
            directory = tmp_path_factory.mktemp(f"market-{kind}")
            sink = stack.enter_context(smtp_sink(Sink()))
            if kind == "sqlite":
                shutil.copy(request.getfixturevalue("sqlite_template"), directory / "tonne.sqlite")
                url = f"sqlite:///{directory / 'tonne.sqlite'}"
            else:
                cluster: PrivateCluster = request.getfixturevalue("cluster")
                name = f"chaos_{uuid4().hex[:16]}"
                url = cluster.create_database(name, template=request.getfixturevalue("postgres_template"))
            market = Market(directory, url, sink, **changes)
            stack.callback(market.stop)
            market.start()
            return market

        yield make


@pytest.fixture(scope="session")
def markets() -> dict[str, Market]:
    """The markets in use, by database."""
    return {}


@pytest.fixture(params=DATABASES)
def market(request: pytest.FixtureRequest, make_market: MarketMaker, markets: dict[str, Market]) -> Iterator[Market]:
    """A running market. A test that fails leaves the next one a new market, not its ruins."""
    kind: str = request.param
    if kind not in markets:
        markets[kind] = make_market(kind)
    found = markets[kind]
    found.is_sound = False
    yield found
    if not found.is_sound:
        markets.pop(kind).stop()
        sys.stderr.write(found.log("web") + found.log("worker"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The waits of minutes are for `make chaos`, which asks for chaos by name."""
    if "chaos" in config.getoption("markexpr").replace("not chaos", ""):
        return
    slow = [item for item in items if getattr(item, "originalname", "") == SLOW]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]
