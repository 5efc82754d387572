"""What a registry must be able to do, and every answer it may give.

Outcomes are values, not exceptions: "I do not know" can then never be mistaken for "no".

A registry numbers units in one or more number spaces ("IN" for a CDM host Party). `space` is that name as
catalogue and ledger keep it; a `SerialBlock`'s is made unique over all registries by the registry's code in front.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Protocol, cast, runtime_checkable

from flask import current_app

from app.kernel.errors import Outage


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
    """Units of one issuance that lie in one account; `available` is net of what is reserved there."""

    account: str
    project_reference: str
    unit_type: str
    commitment_period: int | None
    space: str
    serial_first: int
    serial_last: int
    available: int
    as_of: datetime
    vintage_year: int | None = None


@dataclass(frozen=True)
class CancellationRequest:
    """Cancel `units` of one issuance (named by its first and last serial number), of one period or vintage.

    `channel` is the way it came: `platform` for what was sold here, `registry` for what a holder asked for directly.
    """

    reference: str
    account: str
    project_reference: str
    unit_type: str
    commitment_period: int | None
    space: str
    serial_first: int
    serial_last: int
    units: int
    beneficiary_name: str
    purpose: str
    vintage_year: int | None = None
    channel: str = "platform"

    @property
    def fingerprint(self) -> str:
        """SHA-256 of what is asked for, without the reference: the same reference must never ask for something else.

        The names in it are fixed: a request written by an earlier version must have the same fingerprint today.
        """
        facts = {name: value for name, value in vars(self).items() if name not in {"reference", "space", "channel"}}
        facts["originating_party"] = self.space
        if self.vintage_year is None:
            del facts["vintage_year"]
        return hashlib.sha256(json.dumps(facts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


@dataclass(frozen=True)
class CancellationResult:
    """What the registry did: its transaction, the serial numbers, and when (aware UTC).

    `completed_at` is when it was first seen to be done, where a registry tells no time.
    """

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
    BLOCK_GONE = "block_gone"
    NOT_OWNER = "not_owner"
    FORBIDDEN = "forbidden"
    SUSPENDED = "suspended"
    INVALID = "invalid"
    BENEFICIARY = "beneficiary"
    KEY_REUSED = "key_reused"  # the reference stands for something else there: never a reason to pay back
    RULES = "rules"
    WITHDRAWN = "withdrawn"
    CLOSED = "closed"


# What says nothing of the units: the request was unfit, its buyer took it back, or the registry is gone. All others may
# be about them, also RULES: it stands for whatever people at a registry write.
NOT_ABOUT_UNITS = frozenset({RefusalCode.INVALID, RefusalCode.BENEFICIARY, RefusalCode.WITHDRAWN, RefusalCode.CLOSED})


@dataclass(frozen=True)
class Completed:
    """Done, once and for all."""

    result: CancellationResult


@dataclass(frozen=True)
class Pending:
    """Accepted, not done. Ask again after `poll_after`.

    `message` is the registry's own word for where it stands. With `can_advance` the next step is ours:
    `advance` takes it.
    """

    registry_transaction: str | None
    poll_after: timedelta
    message: str = ""
    can_advance: bool = False


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


@dataclass(frozen=True)
class StatementLine:
    """One cancellation as a registry's books have it; `reference` is ours, None where it shows none."""

    reference: str | None
    result: CancellationResult


@dataclass(frozen=True)
class Capabilities:
    """What distinguishes registries for whoever talks to them.

    `settle` is how long an effect may stay invisible, `pending_alarm` how long a request may be pending before
    a person should look.
    """

    settle: timedelta
    pending_alarm: timedelta


class RegistryAdapter(Protocol):
    """One registry. `name` is its code in our tables.

    `submit`, `advance` and `withdraw` are the only writes; they are called with the intent committed and the
    lease on the account held, never inside a transaction. Whatever they raise counts as Unknown.
    """

    name: str
    display_name: str
    is_registry_of_record: bool
    promised_within: timedelta
    capabilities: Capabilities

    def holdings(self, account: str) -> Sequence[Holding]:
        """What lies in an account. Our own reservations are not the registry's."""
        ...

    def submit(self, request: CancellationRequest) -> Outcome:
        """Cancel. Called again with the same request only after NotSent or a proven absence."""
        ...

    def lookup(self, request: CancellationRequest, registry_transaction: str | None, since: datetime) -> Lookup:
        """Ask what became of a request. Changes nothing.

        `registry_transaction` is the registry's own name for it where it gave one; `since` is the aware
        instant at which the last call that may have written began: what it did may not show yet.
        """
        ...

    def advance(self, request: CancellationRequest, registry_transaction: str | None) -> Outcome | Ambiguous:
        """Take the next step of a pending request that is ours to take (`Pending.can_advance`)."""
        ...

    def withdraw(self, request: CancellationRequest, registry_transaction: str | None, reason: str) -> Lookup:
        """Try to take a pending request back.

        Found(Refused(WITHDRAWN)) is proof that it never will take effect; any other answer is as of `lookup`.
        """
        ...

    def statement(self, account: str, since: datetime) -> Sequence[StatementLine]:
        """The cancellations from an account that the registry completed at or after `since`, oldest first."""
        ...


@runtime_checkable
class TakesMany(Protocol):
    """A registry that takes several requests in one call, as quickly as one: such as the one in our own database."""

    name: str

    def submit_all(self, requests: Sequence[CancellationRequest]) -> Sequence[Outcome]:
        """Cancel, as `submit` does for each; gives the outcomes in the order of the requests."""
        ...


class RegistryUnavailable(Outage):
    """A registry could not be read just now: holdings or statement. Says nothing about any cancellation."""


class UnknownRegistry(LookupError):
    """No registry of this code, or none for this account, is configured."""


class Registries:
    """The registries this copy is connected to, by code.

    An account belongs to one of them; `account_registry` says to which (its code, or None where nobody knows).
    """

    def __init__(
        self, adapters: Sequence[RegistryAdapter], account_registry: Callable[[str], str | None] | None = None
    ) -> None:
        self._adapters = {adapter.name: adapter for adapter in adapters}
        self._account_registry = account_registry or (lambda _account: None)

    def __iter__(self) -> Iterator[RegistryAdapter]:
        return iter(self._adapters.values())

    @property
    def default(self) -> RegistryAdapter:
        """The first that was configured: the one of accounts that nobody assigned."""
        return next(iter(self._adapters.values()))

    @property
    def longest_promise(self) -> timedelta:
        """The longest of what the registries promise: what can be said before it is known which one is asked."""
        return max(adapter.promised_within for adapter in self)

    def of(self, code: str) -> RegistryAdapter:
        """The adapter of a registry code. Raises UnknownRegistry."""
        try:
            return self._adapters[code]
        except KeyError:
            raise UnknownRegistry(code) from None

    def of_account(self, account: str) -> RegistryAdapter:
        """The adapter of the registry that an account is kept in. Raises UnknownRegistry."""
        code = self._account_registry(account)
        return self.default if code is None else self.of(code)

    def is_connected(self, account: str) -> bool:
        """Whether this copy is connected to the registry that an account is kept in."""
        return self.has(self._account_registry(account))

    def has(self, code: str | None) -> bool:
        """Whether this copy is connected to a registry by its code; to the default one, None, it always is."""
        return code is None or code in self._adapters

    def holdings(self, account: str) -> Sequence[Holding]:
        """What lies in an account, wherever it is kept: nothing that anybody here could cancel if nowhere connected."""
        return self.of_account(account).holdings(account) if self.is_connected(account) else ()


def current_registries() -> Registries:
    """The registries this application was made with."""
    return cast(Registries, current_app.extensions["tonne.registries"])
