"""A shop that is backed up, goes on, loses its database, and comes back. Call inside the shop's context."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import select

from app.audit.service import agree
from app.checkout.states import OrderState
from app.db import db
from app.fulfilment.process import Collaborators, run_due
from app.operations.backup import back_up
from app.operations.restore import restore
from app.reconciliation import journalling, restored
from app.reconciliation.journal import Journal
from app.reconciliation.models import ReconciliationFinding
from app.registry.ledger.models import LedgerTransaction
from app.registry.models import Cancellation
from tests.people import actor_of, an_operator


def journal_of(world: Collaborators) -> Journal:
    """The journal of a test's copy."""
    return Journal(world.settings.journal_path)


def work(world: Collaborators) -> None:
    """What a worker does in one round: everything that is due, then the journal."""
    run_due(world)
    journalling.catch_up(journal_of(world), world.clock.now())


def keep(world: Collaborators, name: str = "backup") -> Path:
    """Back everything up."""
    target = world.settings.instance_path.parent / f"{world.settings.instance_path.name}-{name}"
    db.session.rollback()
    back_up(world.settings, target, world.clock.now())
    return target


def come_back(world: Collaborators, source: Path) -> None:
    """Lose the database, and restore it."""
    restore(world.settings, source, world.clock, is_replacing=True)
    db.session.expire_all()


def lift(world: Collaborators, last_number: int | None = None, last_complaint: int | None = None) -> None:
    """Two operators let everything be done again."""
    eva, ole = (actor_of(an_operator(f"{name}@tonne.example")) for name in ("eva", "ole"))
    now = world.clock.now()
    proposal = restored.propose_lift(
        eva, reason="All statements were compared.", last_number=last_number, last_complaint=last_complaint, now=now
    )
    agree(proposal, ole, now=now)


def effects() -> dict[str, int]:
    """What the ledger cancelled, by reference, in units."""
    db.session.expire_all()
    rows = db.session.scalars(select(LedgerTransaction).where(LedgerTransaction.state_code == 4)).all()
    return {row.reference or "": row.units for row in rows if row.type_code == 4}


def states() -> Sequence[str]:
    """Where each cancellation stands, oldest first."""
    db.session.expire_all()
    return [each.state.value for each in db.session.scalars(select(Cancellation).order_by(Cancellation.id))]


def findings() -> list[tuple[str, str]]:
    """Kind and subject of every difference, oldest first."""
    db.session.expire_all()
    rows = db.session.scalars(select(ReconciliationFinding).order_by(ReconciliationFinding.id))
    return [(row.kind.value, row.subject) for row in rows]


DONE = (OrderState.FULFILLED, OrderState.PARTLY_FULFILLED)
