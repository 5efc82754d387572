"""An administrator who keeps the account of the builders' seller, with 1,000 units of project 1 in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.batch_world import SECRET, BatchWorld
from tests.builders import an_offer
from tests.conftest import AppMaker


@pytest.fixture
def world(make_app: AppMaker) -> Iterator[BatchWorld]:
    """The administrator and our side of the counter, in an application context."""
    app = make_app(REGISTRIES="ledger,batch", BATCH_SHARED_SECRET=SECRET, BATCH_NAME="CDM registry")
    with app.app_context():
        an_offer(number=1)
        world = BatchWorld(app)
        world.keeps("CDM-100-1")
        yield world
