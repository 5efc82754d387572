"""What there is in the registry: organisations, people, blocks, requests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Company:
    """An organisation. Roles: PD holds units, DNA is the authority, IC certifies."""

    id: int
    name: str
    role: str


@dataclass(frozen=True)
class User:
    """Somebody who signs in; all are administrators of their company."""

    id: int
    name: str
    email: str
    password: str
    company: Company


@dataclass
class Block:
    """Units of one vintage; `owner` 0 owns what was retired. `reserved` is held for pending requests."""

    project: str
    first: int
    last: int
    vintage: int
    owner: int
    sender: int | None = None
    reserved: int = 0

    def space(self, country: str) -> str:
        return f"CA0NNN-{country}-XX-{int(self.project)}"

    @property
    def units(self) -> int:
        return self.last - self.first + 1

    @property
    def available(self) -> int:
        return self.units - self.reserved


@dataclass
class Retirement:
    """A request, and what became of it."""

    id: str
    block_id: str
    serial: str
    amount: int
    kind: str
    project: str
    sender: int
    country: str | None
    organisation: str | None
    remarks: str | None
    status: str = "Pending"
    shown_ms: int = 0


@dataclass
class Transfer:
    """Units that went from one organisation to another."""

    id: str
    serial: str
    amount: int
    project: str
    sender: int
    receiver: int
    shown_ms: int = 0
