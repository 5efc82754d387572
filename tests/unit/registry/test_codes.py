"""How serial numbers and transactions of the embedded registry are written."""

from __future__ import annotations

import pytest

from app.registry.ledger.codes import serial_text, transaction_identifier


@pytest.mark.parametrize(
    ("unit_type", "kyoto_code", "text"),
    [
        ("CER", 5, "IN-5-197032979-1-1-0-1514"),
        ("tCER", 6, "IN-6-197032979-1-1-1-1514"),
        ("lCER", 7, "IN-7-197032979-1-1-1-1514"),
    ],
)
def test_a_serial_number_names_party_type_number_periods_activity_and_project(
    unit_type: str, kyoto_code: int, text: str
) -> None:
    assert (
        serial_text(
            party="IN",
            kyoto_code=kyoto_code,
            serial=197_032_979,
            commitment_period=1,
            unit_type=unit_type,
            project_number=1514,
        )
        == text
    )


def test_transactions_are_numbered_and_sort_as_they_came() -> None:
    written = [transaction_identifier(number) for number in (1, 9, 10, 99_999_999)]

    assert written == ["TN00000001", "TN00000009", "TN00000010", "TN99999999"]
    assert written == sorted(written)
