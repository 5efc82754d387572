"""The codes of the exchange standard, against the tables of domain.md 3.2 and 4."""

from __future__ import annotations

import pytest

from app.registry.ledger import codes
from app.registry.ledger.codes import ACCOUNT_TYPES, STATES, TRANSACTION_TYPES, UNIT_KINDS, Use, WayForbidden


def test_every_account_type_of_the_standard_is_known_and_ours_begin_at_900() -> None:
    standard = {
        100, 110, 120, 121, 130, 210, 220, 230, 240, 241, 242, 250, 260, 270, 280, 300, 411, 421, 422, 423,
    }  # fmt: skip

    assert {code for code in ACCOUNT_TYPES if code < 900} == standard
    assert {code for code in ACCOUNT_TYPES if code >= 900} == {910, 920}
    assert all(code == account.code and account.name for code, account in ACCOUNT_TYPES.items())
    assert all(ACCOUNT_TYPES[code].use is Use.CANCELLATION for code in (210, 220, 230, 240, 250, 260, 270, 280))


def test_units_periods_and_transactions_have_the_codes_of_the_standard() -> None:
    assert sorted(UNIT_KINDS) == [0, 1, 2, 3, 4, 5, 6, 7]
    assert sorted(TRANSACTION_TYPES) == [1, 2, 3, 4, 5, 6, 7, 8, 10]
    assert {code: sorted(kind.supplementary) for code, kind in TRANSACTION_TYPES.items() if kind.supplementary} == {
        2: [56, 57],
        3: [47, 49],
        4: [0, 45, 46, 48],
        7: [38, 39],
    }
    years = {code: (p.starts_on.year, p.ends_on.year) for code, p in codes.COMMITMENT_PERIODS.items()}
    assert years == {1: (2008, 2012), 2: (2013, 2020), 3: (2021, 2030)}


def test_final_states_are_those_of_the_standard_and_every_other_leads_to_one() -> None:
    assert {code for code, state in STATES.items() if state.is_final} == {-1, 4, 5, 6, 7, 20, 40, 92}
    assert {code for code, state in STATES.items() if state.is_local} == {-1, 0, 20, 30, 40, 92}
    for code in STATES:
        seen, ahead = set(), {code}
        while ahead:
            seen |= ahead
            ahead = {following for state in ahead for following in STATES[state].following} - seen
        assert any(STATES[state].is_final for state in seen)


def test_a_checked_proposal_is_completed_and_one_with_a_discrepancy_terminated() -> None:
    assert all(codes.COMPLETED in STATES[code].following for code in (2, 8, 9))
    assert all(STATES[code].following == {codes.TERMINATED} for code in (3, 10))


@pytest.mark.parametrize(
    ("kind", "source", "target"),
    [(1, None, 110), (10, None, 100), (10, 110, 100), (10, 110, 910), (4, 100, 230), (4, 110, 230), (4, 110, 920)],
)
def test_units_go_the_ways_of_their_transaction_type(kind: int, source: int | None, target: int) -> None:
    codes.require_way(kind, source, target)


@pytest.mark.parametrize(
    ("kind", "source", "target"),
    [(1, None, 100), (1, 110, 100), (10, 100, 100), (10, 230, 100), (4, 230, 230), (4, None, 230), (5, 100, 300)],
)
def test_nothing_leaves_a_cancellation_account_and_no_unit_comes_from_nowhere(
    kind: int, source: int | None, target: int
) -> None:
    with pytest.raises(WayForbidden):
        codes.require_way(kind, source, target)
