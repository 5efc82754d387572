"""The intent to cancel, written before any registry is asked, and what of it is due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import bindparam, select

from app.catalog.models import Issuance
from app.db import add_rows_with_ids, record_all, write
from app.jobs import hold
from app.kernel.references import cancellation_reference, unguessable_token
from app.registry.models import Cancellation
from app.registry.ports import CancellationRequest
from app.registry.states import CANCELLATION, CancellationState

_S = CancellationState

# Said once: the worker asks in every round.
DUE = (
    select(Cancellation.id, Cancellation.state, Cancellation.registry_code, Cancellation.attempts)
    .where(
        Cancellation.state.in_([_S.PLANNED, _S.UNKNOWN, _S.WAITING, _S.SENDING]),
        Cancellation.next_action_at <= bindparam("now"),
    )
    .order_by(Cancellation.next_action_at, Cancellation.id)
    .limit(bindparam("most"))
)


class Due(NamedTuple):
    """A cancellation that something has to be done about; `attempts` is how often it was sent."""

    id: int
    state: CancellationState
    registry_code: str
    attempts: int


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


@dataclass(frozen=True)
class Plan:
    """What is to be cancelled: `units` (tonnes) of an issuance in an account, for one cause."""

    cause: Cause
    registry: str
    account: str
    project_reference: str
    issuance: Issuance
    units: int
    beneficiary_name: str
    purpose: str


def plan_cancellations(plans: Sequence[Plan], now: datetime) -> list[int]:
    """Write the intents to cancel; gives their ids.

    Runs inside the transaction that begins the order or the direct cancellation: begun and planned are one fact.
    What a restored backup may have forgotten is not sent before it was looked up.
    """
    instants = {plan.cause.at for plan in plans if plan.cause.at is not None}
    doubtful = {at for at in instants if hold.may_have_been_done(at)}
    states = [_S.UNKNOWN if plan.cause.at in doubtful else _S.PLANNED for plan in plans]
    rows = [_row(plan, state, now) for plan, state in zip(plans, states, strict=True)]
    ids = add_rows_with_ids(Cancellation, rows, by="reference")
    for state in dict.fromkeys(states):
        of_state = [id_ for id_, each in zip(ids, states, strict=True) if each is state]
        record_all(CANCELLATION.machine, of_state, None, state, at=now)
    return ids


def _row(plan: Plan, state: CancellationState, now: datetime) -> dict[str, Any]:
    issuance = plan.issuance
    request = CancellationRequest(
        reference=cancellation_reference(plan.cause.key),
        account=plan.account,
        project_reference=plan.project_reference,
        unit_type=issuance.unit_type,
        commitment_period=issuance.commitment_period,
        vintage_year=issuance.vintage_year,
        space=issuance.space,
        serial_first=issuance.serial_first,
        serial_last=issuance.serial_last,
        units=plan.units,
        beneficiary_name=plan.beneficiary_name,
        purpose=plan.purpose,
    )
    return {
        "order_id": plan.cause.order_id,
        "order_line_id": plan.cause.order_line_id,
        "direct_cancellation_id": plan.cause.direct_cancellation_id,
        "issuance_id": issuance.id,
        "registry_code": plan.registry,
        "account": plan.account,
        "reference": request.reference,
        "fingerprint": request.fingerprint,
        "project_reference": plan.project_reference,
        "unit_type": issuance.unit_type,
        "commitment_period": issuance.commitment_period,
        "vintage_year": issuance.vintage_year,
        "units": plan.units,
        "beneficiary_name": plan.beneficiary_name,
        "purpose": plan.purpose,
        "state": state,
        "attempts": 0 if state is _S.PLANNED else 1,
        "next_action_at": now,
        "created_at": now,
    }


def due_cancellations(now: datetime, limit: int = 100) -> list[Due]:
    """Cancellations that something has to be done about, oldest first."""
    found = write(DUE, {"now": now, "most": limit})
    return [Due(row.id, row.state, row.registry_code, row.attempts) for row in found]
