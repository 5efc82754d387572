"""Rules of the CDM registry that the embedded registry keeps."""

from __future__ import annotations

_ADAPTATION_PERCENT = 2


def adaptation_share(units: int, is_least_developed: bool) -> int:
    """How many of an issuance's `units` (tonnes) go to the Adaptation Fund: its lowest serial numbers.

    Two per cent, rounded to the nearest unit and halves down; none where the host Party is a
    least developed country (decision 17/CP.7). The rounding and the place are read off the real
    ledger: of 1,613 issuances with a cancellation, 1,306 have their first sale exactly after a
    share so rounded, and all 36 half cases round down (shared/domain.md section 5).
    Raises ValueError unless `units` is positive.
    """
    if units <= 0:
        raise ValueError("an issuance has at least one unit")
    if is_least_developed:
        return 0
    # Halves down: what is above a half, 51 hundredths or more, rounds up.
    return (units * _ADAPTATION_PERCENT + 49) // 100


def first_available_serial(serial_first: int, units: int, is_least_developed: bool) -> int:
    """The first serial number of an issuance that a participant can hold, after the adaptation share."""
    return serial_first + adaptation_share(units, is_least_developed)
