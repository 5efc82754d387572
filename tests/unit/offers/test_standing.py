"""How an offer stands for a buyer."""

from __future__ import annotations

import pytest

from app.offers.states import OfferState, Standing, standing

S = OfferState


@pytest.mark.parametrize(
    ("state", "left", "reserved", "expected"),
    [
        (S.LIVE, 3, 0, Standing.OPEN),
        (S.LIVE, 3, 7, Standing.OPEN),
        (S.PAUSED, 3, 0, Standing.HELD),
        (S.FROZEN, 3, 7, Standing.HELD),
        (S.SOLD_OUT, 0, 7, Standing.RESERVED),
        (S.LIVE, 0, 7, Standing.RESERVED),
        (S.PAUSED, 0, 7, Standing.HELD),
        (S.FROZEN, 0, 7, Standing.HELD),
        (S.SOLD_OUT, 0, 0, Standing.SOLD_OUT),
        (S.PAUSED, 0, 0, Standing.SOLD_OUT),
    ],
)
def test_units_held_for_unpaid_orders_are_told_from_units_sold(
    state: OfferState, left: int, reserved: int, expected: Standing
) -> None:
    assert standing(state, left, reserved) is expected
