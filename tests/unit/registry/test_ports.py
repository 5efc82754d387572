"""What a registry is asked, and whether its answer adds up."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime

import pytest

from app.registry.ports import CancellationRequest, CancellationResult, SerialBlock

REQUEST = CancellationRequest(
    reference="TONNE-A",
    account="CDM-100-1",
    project_reference="IN-1514",
    unit_type="CER",
    commitment_period=1,
    space="IN",
    serial_first=101,
    serial_last=200,
    units=10,
    beneficiary_name="Zoë",
    purpose="王小明",
)


def a_result(*spans: tuple[int, int], units: int = 10) -> CancellationResult:
    blocks = tuple(SerialBlock("ledger:IN", first, last, str(first), str(last)) for first, last in spans)
    return CancellationResult("TN00000001", units, blocks, datetime(2026, 11, 22, tzinfo=UTC))


def test_the_fingerprint_of_a_request_is_the_same_under_every_reference() -> None:
    assert replace(REQUEST, reference="TONNE-B").fingerprint == REQUEST.fingerprint
    assert len(REQUEST.fingerprint) == 64


OTHERS = [field.name for field in fields(REQUEST) if field.name not in {"reference", "channel"}]


@pytest.mark.parametrize("name", OTHERS)
def test_whatever_else_differs_changes_the_fingerprint(name: str) -> None:
    value = getattr(REQUEST, name)
    other = value + 1 if isinstance(value, int) else 2021 if value is None else f"{value}."

    assert replace(REQUEST, **{name: other}).fingerprint != REQUEST.fingerprint


@pytest.mark.parametrize("spans", [[(101, 110)], [(191, 200)], [(150, 154), (101, 105)], [(101, 105), (106, 110)]])
def test_a_result_for_the_units_and_the_issuance_asked_for_adds_up(spans: list[tuple[int, int]]) -> None:
    assert a_result(*spans).contradiction(REQUEST) is None


@pytest.mark.parametrize(
    ("result", "problem"),
    [
        (a_result((101, 110), units=9), "units differ"),
        (a_result((101, 109)), "units differ"),
        (a_result(), "units differ"),
        (a_result((100, 109)), "outside the issuance"),
        (a_result((192, 201)), "outside the issuance"),
        (a_result((105, 109), (101, 105)), "share serial numbers"),
    ],
)
def test_a_result_for_anything_else_does_not(result: CancellationResult, problem: str) -> None:
    assert problem in str(result.contradiction(REQUEST))
