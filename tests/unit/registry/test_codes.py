"""How serial numbers and transactions of the embedded registry are written."""

from __future__ import annotations

import pytest

from app.catalog.number_forms import Numbering
from app.registry.ledger.codes import serial_text, transaction_identifier

CDM_SERIALS = "{party}-{kyoto}-{serial}-{period}-{period}-{lulucf}-{project}"


@pytest.mark.parametrize(
    ("unit_type", "kyoto_code", "lulucf_code", "text"),
    [
        ("CER", 5, 0, "IN-5-197032979-1-1-0-1514"),
        ("tCER", 6, 1, "IN-6-197032979-1-1-1-1514"),
        ("lCER", 7, 1, "IN-7-197032979-1-1-1-1514"),
    ],
)
def test_a_serial_number_names_party_type_number_periods_activity_and_project(
    unit_type: str, kyoto_code: int, lulucf_code: int, text: str
) -> None:
    numbering = Numbering(unit_type, kyoto_code, lulucf_code, "{party}-{project}", "{party}", CDM_SERIALS)

    assert (
        serial_text(numbering, space="IN", project_reference="IN-1514", serial=197_032_979, commitment_period=1) == text
    )


def test_the_party_of_a_serial_number_is_that_of_its_space_where_the_project_has_several() -> None:
    numbering = Numbering("CER", 5, 0, "{party}-{project}", "{party}", CDM_SERIALS)

    text = serial_text(numbering, space="KE", project_reference="GH-8438", serial=7_000, commitment_period=2)
    assert text == "KE-5-7000-2-2-0-8438"


def test_another_mechanism_writes_serial_numbers_in_its_own_form() -> None:
    numbering = Numbering(
        "A6.4ER", 0, 0, "A64-{party}-{project}", "A64-{party}", "A64-{party}-{project}-{vintage}-{serial}"
    )

    text = serial_text(numbering, space="A64-MM", project_reference="A64-MM-10471", serial=701, vintage_year=2021)
    assert text == "A64-MM-10471-2021-701"


def test_transactions_are_numbered_and_sort_as_they_came() -> None:
    written = [transaction_identifier(number) for number in (1, 9, 10, 99_999_999)]

    assert written == ["TN00000001", "TN00000009", "TN00000010", "TN99999999"]
    assert written == sorted(written)
