"""What a registry is asked about one cancellation, read in one query: this is done for each conversation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from app.catalog.models import Issuance, Mechanism, UnitType
from app.db import write
from app.jobs import hold
from app.registry import leases
from app.registry.models import Cancellation
from app.registry.ports import (
    CancellationRequest,
)
from app.registry.states import CancellationState

Fence = Mapping[str, Any]


@dataclass(frozen=True)
class Question:
    """What a registry is asked about one cancellation, and what is known of it.

    `since` is the instant of the last call that may have written; `attempts` is how often it had been sent by then;
    `closes_at` is when its registry closes (aware UTC), where that is known; `is_held` says whether a restoration
    hold stands.
    """

    cancellation_id: int
    request: CancellationRequest
    registry_code: str
    transaction: str | None
    since: datetime
    attempts: int
    state: CancellationState
    first_sent_at: datetime | None
    is_wanted_back: bool
    closes_at: datetime | None
    is_held: bool

    @property
    def fence(self) -> Fence:
        """What still is so while nobody has sent it since this was read."""
        return {"attempts": self.attempts}

    @property
    def fence_after_sending(self) -> Fence:
        """The same, once the reader itself has sent it."""
        return {"attempts": self.attempts + 1}

    def is_closed(self, now: datetime) -> bool:
        """Whether the registry is gone at `now` (aware)."""
        return self.closes_at is not None and self.closes_at <= now


_QUESTIONS = (
    select(
        *(column for column in Cancellation.__table__.columns if column.name != "issuance_id"),
        *(Issuance.__table__.columns[name] for name in ("space", "serial_first", "serial_last")),
        Mechanism.__table__.columns["ends_at"],
        hold.IS_STANDING.label("is_held"),
    )
    .join(Issuance.__table__, Issuance.id == Cancellation.issuance_id)
    .join(UnitType.__table__, UnitType.code == Cancellation.unit_type)
    .join(Mechanism.__table__, Mechanism.code == UnitType.mechanism_code)
)
_READ = _QUESTIONS.where(Cancellation.id == bindparam("cancellation_id"))
_READ_ALL = _QUESTIONS.where(Cancellation.id.in_(bindparam("cancellation_ids", expanding=True))).order_by(
    Cancellation.id
)


def read_question(cancellation_id: int) -> Question:
    """Everything in one query: this is read for each conversation."""
    return _question(write(_READ, {"cancellation_id": cancellation_id}).one())


def read_questions(cancellation_ids: Sequence[int]) -> list[Question]:
    """The same of several cancellations, the oldest first."""
    return [_question(row) for row in write(_READ_ALL, {"cancellation_ids": list(cancellation_ids)})]


def _question(row: Any) -> Question:
    return Question(
        cancellation_id=row.id,
        request=_request(row),
        registry_code=row.registry_code,
        transaction=row.registry_transaction,
        since=(row.lease_until or row.created_at + leases.LENGTH) - leases.LENGTH,
        attempts=row.attempts,
        state=row.state,
        first_sent_at=row.first_sent_at,
        is_wanted_back=row.withdrawal_wanted_at is not None,
        closes_at=row.ends_at,
        is_held=row.is_held,
    )


def request_of(cancellation: Cancellation) -> CancellationRequest:
    """What the registry is asked for, the same in every attempt."""
    return read_question(cancellation.id).request


def _request(row: Any) -> CancellationRequest:
    return CancellationRequest(
        reference=row.reference,
        account=row.account,
        project_reference=row.project_reference,
        unit_type=row.unit_type,
        commitment_period=row.commitment_period,
        vintage_year=row.vintage_year,
        space=row.space,
        serial_first=row.serial_first,
        serial_last=row.serial_last,
        units=row.units,
        beneficiary_name=row.beneficiary_name,
        purpose=row.purpose,
        channel="registry" if row.order_id is None else "platform",
    )
