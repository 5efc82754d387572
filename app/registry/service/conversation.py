"""One call to a registry: the lease before it, and what counts of its answer."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import update

from app.db import common_now, transaction
from app.kernel.clock import Clock
from app.registry import leases
from app.registry.leases import Lease
from app.registry.models import Cancellation
from app.registry.ports import (
    Ambiguous,
    Completed,
    Lookup,
    Outcome,
    Unavailable,
    Unknown,
)
from app.registry.service.question import Question, read_question
from app.registry.states import CancellationState

log = logging.getLogger(__name__)


Said = TypeVar("Said", bound=Outcome | Ambiguous)


def outcome_of(cancellation_id: int, write: Callable[[], Said]) -> Said | Unknown:
    """What a call that writes answered; Unknown where the adapter raised."""
    try:
        return write()
    except Exception:
        # An adapter that raises has said nothing about the effect: that is the definition of unknown.
        log.exception("registry adapter raised", extra={"facts": {"cancellation": cancellation_id}})
        return Unknown("the adapter failed")


def believed(outcome: Said, is_alone: bool) -> Said | Unknown:
    """What counts of an outcome: with another writer on the account in the meantime, only a completed one."""
    if is_alone or isinstance(outcome, Completed):
        return outcome
    return Unknown("another worker wrote to the account before the answer came")


def answer_of(cancellation_id: int, ask: Callable[[], Lookup]) -> Lookup:
    """What a question answered; Unavailable where the adapter raised."""
    try:
        return ask()
    except Exception:
        log.exception("registry look-up raised", extra={"facts": {"cancellation": cancellation_id}})
        return Unavailable("the adapter failed")


def with_lease(
    cancellation_id: int, clock: Clock, states: tuple[CancellationState, ...]
) -> tuple[Lease | None, Question]:
    """Take the lease on the account of a cancellation in one of `states`; no lease where that cannot be.

    A restoration hold lets nobody write to a registry.
    """
    with transaction() as session:
        begins = common_now(clock)
        question = read_question(cancellation_id)
        may = question.state in states and not question.is_held
        lease = leases.take(question.registry_code, question.request.account, begins) if may else None
        if lease is not None:
            session.execute(
                update(Cancellation)
                .where(Cancellation.id == cancellation_id)
                .values(lease_until=begins + leases.LENGTH)
                .execution_options(synchronize_session=False)
            )
    return lease, question
