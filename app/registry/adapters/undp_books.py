"""What the UNDP registry's list, log and balance say, as values. Raises ValueError for what it cannot read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.registry.adapters.undp_serials import Mark, Serial

PENDING = "Pending"
COMPLETED = "Completed"
REJECTED = "Rejected"
CANCELLED = "Cancelled"


@dataclass(frozen=True)
class Block:
    """Units that lie in our account; `available` is net of what is reserved for pending requests."""

    serial: Serial
    available: int
    project_id: str

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> Block:
        """A row of `queryBalance`."""
        return cls(Serial.read(row.get("serialNumber")), _whole(row.get("creditAmount")), _text(row, "projectId"))

    @property
    def reserved(self) -> int:
        """How many of its units pending requests hold."""
        return self.serial.units - self.available


@dataclass(frozen=True)
class Row:
    """A retirement as the registry's list shows it.

    While it is pending `serial` is the parent block as it was; only at `Completed` it is what was retired.
    `shown_at` is when the replicator wrote the row: never earlier than the request.
    """

    id: str
    serial: Serial
    units: int
    status: str
    mark: Mark | None
    shown_at: datetime
    project_id: str

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> Row:
        """A row of `queryRetirements`."""
        return cls(
            id=_text(row, "id"),
            serial=Serial.read(row.get("serialNumber")),
            units=_whole(row.get("creditAmount")),
            status=_text(row, "status"),
            mark=Mark.read(row.get("remarks")),
            shown_at=instant(row.get("createdDate")),
            project_id=_text(row, "projectId"),
        )

    @property
    def is_live(self) -> bool:
        """Whether it holds or retired units, as far as the list knows."""
        return self.status in {PENDING, COMPLETED}


@dataclass(frozen=True)
class Asked:
    """A request as the project log has it: at once, from the process that took it, without its identifier."""

    mark: Mark
    at: datetime


def asked_for(log: Sequence[Mapping[str, Any]], reference: str, company: str) -> list[Asked]:
    """The requests of a company under a reference, oldest first. Anybody may write into the same log."""
    found = []
    for entry in log:
        data = entry.get("data") or {}
        mark = Mark.read(data.get("remarks"))
        is_ours = entry.get("logType") == "RETIRE_REQUESTED" and str(data.get("fromCompanyId")) == company
        if is_ours and mark is not None and mark.reference == reference:
            found.append(Asked(mark, instant(entry.get("createdTime"))))
    return sorted(found, key=lambda asked: asked.at)


def approvals(log: Sequence[Mapping[str, Any]], company: str) -> list[tuple[int, datetime]]:
    """When how many units of a company were accepted, oldest first. The log does not say which request it was."""
    found = []
    for entry in log:
        data = entry.get("data") or {}
        if entry.get("logType") == "RETIRE_APPROVED" and str(data.get("fromCompanyId")) == company:
            found.append((_whole(data.get("amount")), instant(entry.get("createdTime"))))
    return sorted(found, key=lambda approval: approval[1])


def instant(value: object) -> datetime:
    """Milliseconds since 1970, a number or its digits, as an aware UTC instant."""
    return datetime.fromtimestamp(_whole(value) / 1000, UTC)


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(f"not a whole number: {str(value)[:40]!r}")
    return int(value)


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"a row without {name}")
    return value
