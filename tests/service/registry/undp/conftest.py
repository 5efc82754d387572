"""The simulated registry with 1,000 units in our account, and an adapter that is the authority as well."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.kernel.clock import FixedClock
from app.registry.adapters.undp import UndpRegistry
from tests.builders import NOW
from tests.undp_standin import UndpWorld


@pytest.fixture
def clock() -> FixedClock:
    """The time, here and at the registry."""
    return FixedClock(NOW)


@pytest.fixture
def world(clock: FixedClock) -> Iterator[UndpWorld]:
    """Units 1 to 1000 of project NG-3 lie in our account, as one block."""
    with UndpWorld(clock) as world:
        world.issue()
        yield world


@pytest.fixture
def registry(world: UndpWorld) -> UndpRegistry:
    """We are the authority as well."""
    return world.adapter()


@pytest.fixture
def waiting(world: UndpWorld) -> UndpRegistry:
    """Somebody else is the authority."""
    return world.adapter(authority=False)
