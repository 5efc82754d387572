"""The arithmetic of the CDM registry's rules. Nothing here reads a table (shared/domain.md section 5)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from app.registry.ledger import codes

# Up to so many units of a calendar year, so many minor units for each; the last tier has no end.
Tiers = Sequence[tuple[int | None, int]]

_WHOLE = 10_000  # basis points


def share_of(units: int, basis_points: int) -> int:
    """How many of an issuance's `units` (tonnes) a share of `basis_points` (hundredths of a per cent) takes.

    Rounded to the nearest unit and halves down, as the real ledger has it: of 1,613 issuances with a
    cancellation, 1,306 have their first sale exactly after two per cent so rounded, and all 36 half
    cases round down (shared/domain.md section 5). Raises ValueError unless `units` is positive.
    """
    if units <= 0:
        raise ValueError("an issuance has at least one unit")
    # Halves down: only what is above a half rounds up.
    return (units * basis_points + _WHOLE // 2 - 1) // _WHOLE


def tiered_fee(units: int, requested: int, tiers: Tiers) -> int:
    """The fee for `units` in minor units, after `requested` units of the same project and calendar year.

    Decision 7/CMP.1, paragraph 37, for the CDM: USD 0.10 for each of the first 15,000 of a year, 0.20 above.
    """
    fee = 0
    start = 0
    for end, each in tiers:
        from_here = max(start, requested)
        to_here = requested + units if end is None else min(end, requested + units)
        fee += max(0, to_here - from_here) * each
        start = requested + units if end is None else end
    return fee


def released_units(available: int, due: int, paid: int) -> int:
    """How many of the units `available` to participants are released when `paid` of the fee `due` is there.

    In proportion to what is paid (EB 95, FCCC/KP/CMP/2017/5 paragraph 33), and whole units only: a part of a
    unit waits for the next payment. All of them where nothing is due.
    """
    return available if due == 0 else available * paid // due


def expires_on(kyoto_code: int | None, commitment_period: int | None, crediting_ends_on: date | None) -> date | None:
    """The last day of temporary units of one issuance; None for units that do not expire, or where nobody knows.

    A tCER expires at the end of the commitment period after the one it was issued for, an lCER at the end of
    its project's crediting period (decision 5/CMP.1, annex, paragraphs 42 and 46).
    """
    if kyoto_code == codes.LONG_TERM_UNIT:
        return crediting_ends_on
    if kyoto_code != codes.TEMPORARY_UNIT or commitment_period is None:
        return None
    following = codes.COMMITMENT_PERIODS.get(commitment_period + 1)
    return None if following is None else following.ends_on
