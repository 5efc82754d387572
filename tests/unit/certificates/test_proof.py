"""How far a purchase has come: the stations of the line of proof."""

from __future__ import annotations

import pytest

from app.certificates.proof import line_of_proof
from tests.builders import NOW

PAID = {"paid": NOW, "sent": None, "cancelled": None}


def test_the_first_station_without_a_time_is_the_one_that_is_waited_for() -> None:
    steps = line_of_proof(PAID, failed=False, stands=False)

    assert [(step.key, step.at, step.is_current, step.is_failed) for step in steps] == [
        ("paid", NOW, False, False),
        ("sent", None, True, False),
        ("cancelled", None, False, False),
    ]


def test_what_failed_waits_for_nothing_and_never_reaches_what_has_no_time() -> None:
    steps = line_of_proof(PAID, failed=True, stands=False)

    assert [step.is_failed for step in steps] == [False, True, True]
    assert not any(step.is_current for step in steps)


def test_a_station_whose_time_nobody_remembers_is_not_waited_for_when_a_later_one_was_reached() -> None:
    times = {"paid": NOW, "sent": None, "cancelled": NOW, "certified": None}
    assert [step.is_current for step in line_of_proof(times, failed=False, stands=False)] == [False, False, False, True]
    assert [step.is_failed for step in line_of_proof(times, failed=True, stands=False)] == [False, False, False, True]


@pytest.mark.parametrize("stands", [True, False])
def test_nothing_is_waited_for_while_a_person_looks_or_when_all_is_reached(stands: bool) -> None:
    times = PAID if stands else dict.fromkeys(PAID, NOW)

    assert not any(step.is_current or step.is_failed for step in line_of_proof(times, failed=False, stands=stands))
