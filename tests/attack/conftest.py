"""One house to attack for all tests of a process: making it and reading its pages takes longer than most attacks."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.attack.judging import OWN
from tests.attack.keeping import SqliteKeeper
from tests.attack.target import Target, on_postgresql
from tests.house import open_house


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """The house on SQLite, as every attack leaves it: as it was. `make fuzz` may ask for PostgreSQL instead."""
    directory = tmp_path_factory.mktemp("attack")
    if os.environ.get("FUZZ_DATABASE") == "postgresql":
        cluster, template = request.getfixturevalue("cluster"), request.getfixturevalue("postgres_template")
        with on_postgresql(cluster, template, directory) as target:
            yield target
        return
    sqlite_template = request.getfixturevalue("sqlite_template")
    with open_house(sqlite_template, directory, PUBLIC_BASE_URL=OWN) as house:
        target = Target(house, SqliteKeeper(directory / "tonne.sqlite"))
        yield target
        target.keeper.close()


@pytest.fixture
def keeper(target: Target) -> Iterator[SqliteKeeper]:
    """What knows which tables an attack changed."""
    assert isinstance(target.keeper, SqliteKeeper)
    target.keeper.put_back()
    yield target.keeper
    target.keeper.put_back()
