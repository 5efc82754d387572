"""Which tests say what is covered: measuring makes Python twice as slow, so it is done where it tells something.

Left out are a test's second run, on PostgreSQL, when its run on SQLite is measured, and the long ways through
everything: browsers, kills, sweeps. They run and count like all tests, but cover nothing: the gates of `make test`
ask that the others alone reach the code, which is more than they would ask if everything were measured.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from coverage import Coverage

LONG_WAYS = ("browser", "chaos", "sweep")
IS_MEASURED = pytest.StashKey[bool]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Note which tests are measured."""
    names = {item.nodeid for item in items}
    for item in items:
        is_second_run = "postgresql" in item.nodeid and item.nodeid.replace("postgresql", "sqlite") in names
        is_long_way = "sweeps" in item.path.parts or any(item.get_closest_marker(mark) for mark in LONG_WAYS)
        item.stash[IS_MEASURED] = not is_second_run and not is_long_way


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Rest the measuring, if there is any, for a test and its fixtures."""
    measuring = Coverage.current()
    if measuring is None or item.stash[IS_MEASURED]:
        return (yield)
    measuring.stop()
    try:
        return (yield)
    finally:
        measuring.start()
