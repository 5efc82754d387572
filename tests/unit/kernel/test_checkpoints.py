"""Checkpoints tell whoever listens, and do nothing when nobody does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.kernel import checkpoints


@pytest.fixture(autouse=True)
def _nobody_listens_afterwards() -> Iterator[None]:
    yield
    checkpoints.forget_observers()


def test_every_observer_hears_of_every_point_reached() -> None:
    first: list[str] = []
    second: list[str] = []
    checkpoints.observe(first.append)
    checkpoints.observe(second.append)

    for point in checkpoints.POINTS:
        checkpoints.reached(point)

    assert first == second == list(checkpoints.POINTS)


def test_a_forgotten_observer_hears_nothing_more() -> None:
    heard: list[str] = []
    checkpoints.observe(heard.append)
    checkpoints.forget_observers()

    checkpoints.reached("order.paid")

    assert heard == []


def test_a_misspelt_point_is_found_out_at_once() -> None:
    with pytest.raises(KeyError, match=r"order\.payed"):
        checkpoints.reached("order.payed")
