"""Codes of the Kyoto data exchange standard that the embedded registry uses (shared/domain.md 3.2, 4)."""

from __future__ import annotations

HOLDING_ACCOUNT = 100
VOLUNTARY_CANCELLATION_ACCOUNT = 230

ISSUANCE = 1
CANCELLATION = 4

COMPLETED = 4
TERMINATED = 5

CANCELLATION_ACCOUNT_IDENTIFIER = "CDM-230-1"

AFFORESTATION_UNITS = frozenset({"tCER", "lCER"})


def serial_text(
    *, party: str, kyoto_code: int, serial: int, commitment_period: int, unit_type: str, project_number: int
) -> str:
    """One serial number as certificates print it.

    Order of the elements as commonly seen: Party, unit type, serial, original and applicable
    commitment period, LULUCF activity, project. It is not confirmed by a source (domain.md 4.2),
    which is why it is made here and nowhere else.
    """
    lulucf = 1 if unit_type in AFFORESTATION_UNITS else 0
    return f"{party}-{kyoto_code}-{serial}-{commitment_period}-{commitment_period}-{lulucf}-{project_number}"


def transaction_identifier(number: int) -> str:
    """The identifier of a transaction: two letters of the registry and a running number."""
    return f"TN{number:08d}"
