"""What tests of cancellations ask for again and again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from app.db import StateEvent, db
from app.fulfilment.process import Collaborators
from app.registry import service
from app.registry.ledger import codes
from app.registry.ledger.models import LedgerTransaction
from app.registry.models import Cancellation, RegistryAttempt
from app.registry.ports import CancellationRequest, CancellationResult, Completed, SerialBlock
from app.registry.states import CancellationState
from tests.builders import NOW, a_begun_order, an_offer, cancellations_of

UNITS = 10


def a_planned_cancellation(world: Collaborators, *, number: int = 1) -> int:
    """A cancellation of 10 units of project `number` that is paid for and not sent; gives its id."""
    order_id = a_begun_order(world, {an_offer(number=number): UNITS})
    (cancellation,) = cancellations_of(order_id)
    assert cancellation.state is CancellationState.PLANNED
    return cancellation.id


def ask(world: Collaborators, cancellation_id: int) -> CancellationState:
    """Send a planned cancellation to the registry; gives the state after it."""
    service.send(cancellation_id, world.registries, world.clock)
    return state_of(cancellation_id)


def look_up(world: Collaborators, cancellation_id: int) -> CancellationState:
    """Ask the registry what became of a cancellation; gives the state after it."""
    service.look_up(cancellation_id, world.registries, world.clock)
    return state_of(cancellation_id)


def the_cancellation(cancellation_id: int) -> Cancellation:
    """The cancellation as the database has it now."""
    db.session.expire_all()
    return db.session.get_one(Cancellation, cancellation_id)


def state_of(cancellation_id: int) -> CancellationState:
    """Where a cancellation stands now."""
    return the_cancellation(cancellation_id).state


def pause_of(cancellation_id: int, world: Collaborators) -> timedelta:
    """How long nothing will be done about a cancellation."""
    return the_cancellation(cancellation_id).next_action_at - world.clock.now()


def history_of(cancellation_id: int) -> list[str]:
    """Every state a cancellation was in, from its event rows, each of which begins where the last ended."""
    events = db.session.scalars(
        select(StateEvent)
        .where(StateEvent.machine == "cancellation", StateEvent.subject_id == cancellation_id)
        .order_by(StateEvent.id)
    ).all()
    assert [e.from_state for e in events] == [None, *[e.to_state for e in events[:-1]]]
    return [event.to_state for event in events]


def attempts_of(cancellation_id: int) -> list[tuple[str, str]]:
    """What was asked of the registry and what kind of answer came, in that order."""
    rows = db.session.scalars(
        select(RegistryAttempt).where(RegistryAttempt.cancellation_id == cancellation_id).order_by(RegistryAttempt.id)
    )
    return [(row.kind, row.outcome) for row in rows]


def ledger_entries() -> int:
    """How many cancellations the embedded registry has carried out, by its own books."""
    return (
        db.session.scalar(
            select(func.count())
            .select_from(LedgerTransaction)
            .where(LedgerTransaction.type_code == codes.CANCELLATION, LedgerTransaction.state_code == codes.COMPLETED)
        )
        or 0
    )


def a_block(first: int, last: int) -> SerialBlock:
    """Serial numbers as a registry reports them."""
    return SerialBlock("ledger:IN", first, last, f"IN-5-{first}-2-2-0-1", f"IN-5-{last}-2-2-0-1")


def done(*blocks: SerialBlock, units: int = UNITS) -> Completed:
    """A registry's claim to have cancelled."""
    return Completed(CancellationResult("X-1", units, blocks, NOW, {"page": 7}))


def a_request(units: int, *, reference: str = "TONNE-A", number: int = 1, **changes: Any) -> CancellationRequest:
    """Ask for units of the issuance of project `number` of the builders' world."""
    facts: dict[str, Any] = {
        "reference": reference,
        "account": "CDM-100-1",
        "project_reference": f"IN-{number}",
        "unit_type": "CER",
        "commitment_period": 2,
        "space": "IN",
        "serial_first": number * 1_000_000,
        "serial_last": number * 1_000_000 + 99_999,
        "units": units,
        "beneficiary_name": "Amélie Nguyễn",
        "purpose": "Our office heating of 2025",
    }
    return CancellationRequest(**(facts | changes))
