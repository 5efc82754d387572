"""What a registry must be able to do, and every answer it may give.

Outcomes are values, not exceptions: "I do not know" can then never be mistaken for "no".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Protocol, cast

from flask import current_app


@dataclass(frozen=True)
class SerialBlock:
    """Consecutive serial numbers, both ends included, in one number space."""

    space: str
    first: int
    last: int
    text_first: str
    text_last: str

    @property
    def units(self) -> int:
        """How many units (tonnes) the block holds."""
        return self.last - self.first + 1


@dataclass(frozen=True)
class Holding:
    """Units of one issuance that lie in one account."""

    account: str
    project_reference: str
    unit_type: str
    commitment_period: int
    originating_party: str
    serial_first: int
    serial_last: int
    available: int
    as_of: datetime


@dataclass(frozen=True)
class CancellationRequest:
    """Cancel `units` of one issuance (named by its first and last serial number), in one commitment period."""

    reference: str
    account: str
    project_reference: str
    unit_type: str
    commitment_period: int
    originating_party: str
    serial_first: int
    serial_last: int
    units: int
    beneficiary_name: str
    purpose: str

    @property
    def fingerprint(self) -> str:
        """SHA-256 of everything but the reference: the same reference must never ask for something else."""
        facts = {name: value for name, value in vars(self).items() if name != "reference"}
        return hashlib.sha256(json.dumps(facts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


@dataclass(frozen=True)
class CancellationResult:
    """What the registry did: its transaction, the serial numbers, and when (aware UTC)."""

    registry_transaction: str
    units: int
    blocks: tuple[SerialBlock, ...]
    completed_at: datetime
    evidence: Mapping[str, object] = field(default_factory=dict)

    def contradiction(self, request: CancellationRequest) -> str | None:
        """What does not add up between this result and what was asked for; None when all of it does."""
        if self.units != request.units or sum(block.units for block in self.blocks) != request.units:
            return "the registry's units differ from the request"
        if any(b.first < request.serial_first or b.last > request.serial_last for b in self.blocks):
            return "the registry's serial numbers are outside the issuance"
        ordered = sorted(self.blocks, key=lambda block: block.first)
        if any(after.first <= before.last for before, after in pairwise(ordered)):
            return "the registry's blocks share serial numbers"
        return None


class RefusalCode(StrEnum):
    """Why a registry refused for good."""

    INSUFFICIENT = "insufficient"
    NOT_OWNER = "not_owner"
    SUSPENDED = "suspended"
    INVALID = "invalid"
    KEY_REUSED = "key_reused"
    RULES = "rules"


@dataclass(frozen=True)
class Completed:
    """Done, once and for all."""

    result: CancellationResult


@dataclass(frozen=True)
class Pending:
    """Accepted, not done. Ask again after `poll_after`."""

    registry_transaction: str | None
    poll_after: timedelta


@dataclass(frozen=True)
class Refused:
    """Certainly no effect, and there never will be."""

    code: RefusalCode
    message: str


@dataclass(frozen=True)
class NotSent:
    """Certainly no effect; the same request may be sent after `retry_after`."""

    message: str
    retry_after: timedelta


@dataclass(frozen=True)
class Unknown:
    """It may have taken effect: look it up, never resend blindly."""

    message: str


Outcome = Completed | Pending | Refused | NotSent | Unknown


@dataclass(frozen=True)
class Found:
    """The registry knows the reference."""

    outcome: Completed | Pending | Refused


@dataclass(frozen=True)
class Absent:
    """The registry does not know it. Only a proven absence allows sending again."""

    proven: bool
    basis: str


@dataclass(frozen=True)
class Ambiguous:
    """The registry's books contradict the request: a person has to look."""

    message: str


@dataclass(frozen=True)
class Unavailable:
    """No answer; nothing is known."""

    message: str


Lookup = Found | Absent | Ambiguous | Unavailable


class RegistryAdapter(Protocol):
    """One registry. `submit` is the only write, and is called only with the intent committed."""

    name: str
    display_name: str
    is_registry_of_record: bool
    promised_within: timedelta

    def holdings(self, account: str) -> Sequence[Holding]:
        """What lies in an account, net of nothing: our own reservations are not the registry's."""
        ...

    def submit(self, request: CancellationRequest) -> Outcome:
        """Cancel. Never raises for a transport problem: whatever it raises counts as Unknown."""
        ...

    def lookup(self, request: CancellationRequest) -> Lookup:
        """Ask what became of a request. Changes nothing."""
        ...


def current_registry() -> RegistryAdapter:
    """The registry adapter this application was made with."""
    return cast(RegistryAdapter, current_app.extensions["tonne.registry"])
