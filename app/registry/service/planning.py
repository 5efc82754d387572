"""The intent to cancel, written before any registry is asked, and what of it is due."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import bindparam, select

from app.catalog.models import Issuance
from app.db import add_row_with_id, record, write
from app.jobs import hold
from app.kernel.references import cancellation_reference, unguessable_token
from app.registry.models import Cancellation
from app.registry.ports import (
    CancellationRequest,
)
from app.registry.states import CANCELLATION, CancellationState

_S = CancellationState

# Said once: the worker asks in every round.
DUE = (
    select(Cancellation.id, Cancellation.state)
    .where(
        Cancellation.state.in_([_S.PLANNED, _S.UNKNOWN, _S.WAITING, _S.SENDING]),
        Cancellation.next_action_at <= bindparam("now"),
    )
    .order_by(Cancellation.next_action_at, Cancellation.id)
    .limit(bindparam("most"))
)


@dataclass(frozen=True)
class Cause:
    """What units are cancelled for: a line of an order, or a direct cancellation.

    `key` is unguessable and the same for good, also in a database that came back from a backup; `at` (aware) is
    when it was asked for.
    """

    order_id: int | None = None
    order_line_id: int | None = None
    direct_cancellation_id: int | None = None
    key: str = field(default_factory=unguessable_token)
    at: datetime | None = None


def plan_cancellation(
    *,
    cause: Cause,
    registry: str,
    account: str,
    project_reference: str,
    issuance: Issuance,
    units: int,
    beneficiary_name: str,
    purpose: str,
    now: datetime,
) -> int:
    """Write the intent to cancel `units` (tonnes) for one cause; gives its id.

    Runs inside the transaction that begins the order or the direct cancellation: begun and planned are one fact.
    What a restored backup may have forgotten is not sent before it was looked up.
    """
    state = _S.UNKNOWN if cause.at is not None and hold.may_have_been_done(cause.at) else _S.PLANNED
    request = CancellationRequest(
        reference=cancellation_reference(cause.key),
        account=account,
        project_reference=project_reference,
        unit_type=issuance.unit_type,
        commitment_period=issuance.commitment_period,
        vintage_year=issuance.vintage_year,
        space=issuance.space,
        serial_first=issuance.serial_first,
        serial_last=issuance.serial_last,
        units=units,
        beneficiary_name=beneficiary_name,
        purpose=purpose,
    )
    cancellation_id = add_row_with_id(
        Cancellation,
        order_id=cause.order_id,
        order_line_id=cause.order_line_id,
        direct_cancellation_id=cause.direct_cancellation_id,
        issuance_id=issuance.id,
        registry_code=registry,
        account=account,
        reference=request.reference,
        fingerprint=request.fingerprint,
        project_reference=project_reference,
        unit_type=issuance.unit_type,
        commitment_period=issuance.commitment_period,
        vintage_year=issuance.vintage_year,
        units=units,
        beneficiary_name=beneficiary_name,
        purpose=purpose,
        state=state,
        attempts=0 if state is _S.PLANNED else 1,
        next_action_at=now,
        created_at=now,
    )
    record(CANCELLATION.machine, cancellation_id, None, state, at=now)
    return cancellation_id


def due_cancellations(now: datetime, limit: int = 100) -> list[tuple[int, CancellationState]]:
    """Cancellations that something has to be done about, oldest first."""
    return [(row.id, row.state) for row in write(DUE, {"now": now, "most": limit})]
