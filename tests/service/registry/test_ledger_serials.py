"""Which serial numbers the embedded registry cancels: the lowest, each once, and the rest stays where it was."""

from __future__ import annotations

from itertools import count

from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.registry.ledger import codes
from app.registry.ports import Completed, RefusalCode, SerialBlock
from tests.builders import NOW, an_offer
from tests.service.registry.asking import a_request
from tests.service.registry.books import an_issuance, cancelled, entries, held, refusal, submit, the_ledger

NUMBERS = count(1)


def test_the_lowest_serial_numbers_after_the_share_go_first_and_the_rest_keeps_its_own(context: Flask) -> None:
    an_offer(units=1_000)

    assert submit(context, a_request(10, reference="TONNE-1")) == [(2_000, 2_009)]
    assert submit(context, a_request(1, reference="TONNE-2")) == [(2_010, 2_010)]

    assert cancelled() == [(2_000, 2_009), (2_010, 2_010)]
    assert held() == [(2_011, 2_999)]


def test_a_whole_block_moves_as_it_is(context: Flask) -> None:
    an_issuance((2_000, 2_009), (2_020, 2_029))

    assert submit(context, a_request(10)) == [(2_000, 2_009)]
    assert (cancelled(), held()) == ([(2_000, 2_009)], [(2_020, 2_029)])


def test_a_cancellation_may_reach_over_two_blocks(context: Flask) -> None:
    an_issuance((2_000, 2_009), (2_020, 2_029))

    assert submit(context, a_request(13)) == [(2_000, 2_009), (2_020, 2_022)]
    assert (cancelled(), held()) == ([(2_000, 2_009), (2_020, 2_022)], [(2_023, 2_029)])


def test_a_cancellation_may_reach_over_three_blocks_in_one_transaction(context: Flask) -> None:
    an_issuance((2_050, 2_059), (2_000, 2_004), (2_020, 2_020))

    assert submit(context, a_request(16)) == [(2_000, 2_004), (2_020, 2_020), (2_050, 2_059)]
    assert (cancelled(), held()) == ([(2_000, 2_004), (2_020, 2_020), (2_050, 2_059)], [])
    (entry,) = entries()
    assert (entry.type_code, entry.state_code, entry.units, entry.commitment_period) == (
        codes.CANCELLATION,
        codes.COMPLETED,
        16,
        2,
    )
    assert [(block.first, block.last) for block in entry.blocks] == [
        (1_002_000, 1_002_004),
        (1_002_020, 1_002_020),
        (1_002_050, 1_002_059),
    ]


def test_units_of_another_issuance_in_the_same_account_are_left_alone(context: Flask) -> None:
    an_issuance((2_000, 2_009), number=1)
    an_issuance((2_000, 2_009), number=2)

    assert submit(context, a_request(4, number=2)) == [(2_000, 2_003)]
    assert (held(number=1), cancelled(number=1)) == ([(2_000, 2_009)], [])
    assert held(number=2) == [(2_004, 2_009)]


def test_a_confirmation_names_transaction_time_number_space_and_printed_serials(context: Flask) -> None:
    an_issuance((2_000, 2_009), commitment_period=1)

    outcome = the_ledger(context).submit(a_request(3, commitment_period=1))

    assert isinstance(outcome, Completed)
    assert (outcome.result.registry_transaction, outcome.result.completed_at) == ("TN00000001", NOW)
    assert outcome.result.blocks == (
        SerialBlock("ledger:IN", 1_002_000, 1_002_002, "IN-5-1002000-1-1-0-1", "IN-5-1002002-1-1-0-1"),
    )
    assert outcome.result.evidence == {"ledger_transaction": 1, "state_code": codes.COMPLETED}


def test_the_account_is_told_what_lies_in_it_and_nothing_of_what_left(context: Flask) -> None:
    an_issuance((2_000, 2_009), (2_020, 2_029))
    an_issuance((2_000, 2_099), number=2, commitment_period=1)
    submit(context, a_request(12))

    found = the_ledger(context).holdings("CDM-100-1")

    assert [(h.project_reference, h.serial_first, h.serial_last, h.available) for h in found] == [
        ("IN-1", 1_002_022, 1_002_029, 8),
        ("IN-2", 2_002_000, 2_002_099, 100),
    ]
    assert [(h.unit_type, h.commitment_period, h.space, h.as_of) for h in found] == [
        ("CER", 2, "IN", NOW),
        ("CER", 1, "IN", NOW),
    ]
    assert the_ledger(context).holdings("CDM-100-9") == []


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sizes=st.lists(st.tuples(st.integers(1, 30), st.integers(0, 5)), min_size=1, max_size=3),
    wishes=st.lists(st.integers(1, 25), min_size=1, max_size=4),
)
def test_whatever_is_asked_in_whatever_order_nothing_is_lost_or_cancelled_twice(
    context: Flask, sizes: list[tuple[int, int]], wishes: list[int]
) -> None:
    """Blocks of any sizes with any gaps between them; every wish is checked against a list of single numbers."""
    number, spans, first = next(NUMBERS), [], 2_000
    for size, gap in sizes:
        first += gap
        spans.append((first, first + size - 1))
        first += size
    an_issuance(*spans, number=number)
    left = [serial for start, end in spans for serial in range(start, end + 1)]
    initial = list(left)

    for position, units in enumerate(wishes):
        request = a_request(units, reference=f"TONNE-{number}-{position}", number=number)
        if units > len(left):
            assert refusal(context, request) is RefusalCode.INSUFFICIENT
            continue
        taken = singles(submit(context, request))
        assert taken == left[:units]
        assert singles(submit(context, request)) == taken
        left = left[units:]

    assert singles(held(number=number)) == left
    assert sorted(singles(cancelled(number=number)) + left) == initial


def singles(spans: list[tuple[int, int]]) -> list[int]:
    """Every number of some ranges."""
    return [serial for first, last in spans for serial in range(first, last + 1)]


def test_every_transaction_of_the_ledger_has_an_identifier_of_its_own(context: Flask) -> None:
    an_issuance((2_000, 2_009))
    for position in range(3):
        submit(context, a_request(2, reference=f"TONNE-{position}"))
    refusal(context, a_request(99, reference="TONNE-9"))

    identifiers = [entry.identifier for entry in entries()]

    assert identifiers == ["TN00000001", "TN00000002", "TN00000003", "TN00000004"]
