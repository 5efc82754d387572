"""Who draws the printable form that a batch is handed over with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class ForwardingLine:
    """One line of a forwarding request, as the file of lines has it."""

    number: int
    reference: str
    project_reference: str
    project_title: str
    unit_type: str
    period: str  # commitment period or vintage year
    serial_first: int
    serial_last: int
    space: str
    units: int
    beneficiary_name: str
    purpose: str


@dataclass(frozen=True)
class ForwardingRequest:
    """What one holder asks a registry's administrator for: the fields of form F-CDM-FWD that are known.

    `closed_at` is aware; the same request always gives the same bytes.
    """

    batch: str
    registry_name: str
    operator_name: str
    account: str
    holder: str
    acquiring_account: str
    closed_at: datetime
    lines: Sequence[ForwardingLine]
    lines_sha256: str
    is_demonstration: bool

    @property
    def units(self) -> int:
        """How many units (tonnes) are to be cancelled in all."""
        return sum(line.units for line in self.lines)


class FormRenderer(Protocol):
    """Makes a printable file. Called from the single-threaded worker only."""

    def forwarding_request(self, request: ForwardingRequest) -> bytes:
        """The request as a PDF of A4 pages, in English, the language of the registry."""
        ...
