"""An operator does not want to wait for the next look."""

from __future__ import annotations

from sqlalchemy import update

from app.audit.service import Actor, Subject, note_act
from app.db import db, transaction
from app.kernel.clock import Clock
from app.registry import service
from app.registry.models import Cancellation
from app.registry.ports import Registries
from app.registry.states import CancellationState

_S = CancellationState

# A registry that was asked can be asked what became of it; what is about to be sent is only hurried.
_ASKED = (_S.UNKNOWN, _S.WAITING, _S.MANUAL)
_TO_SEND = (_S.PLANNED,)


def look_again(cancellation_id: int, actor: Actor, registries: Registries, clock: Clock) -> None:
    """Ask the registry now what became of a cancellation, or let the worker send it now.

    The registry's answer is believed as ever: only what it proves counts.
    """
    now = clock.now()
    with transaction() as session:
        cancellation = session.get_one(Cancellation, cancellation_id)
        state = cancellation.state
        subject = Subject("cancellation", cancellation_id, cancellation.reference)
        session.execute(
            update(Cancellation)
            .where(Cancellation.id == cancellation_id, Cancellation.state.in_(_TO_SEND))
            .values(next_action_at=now)
            .execution_options(synchronize_session=False)
        )
        note_act(actor, "cancellation_looked_up", subject, at=now)
    if state in _ASKED:
        service.look_up(cancellation_id, registries, clock)
        db.session.expire_all()
