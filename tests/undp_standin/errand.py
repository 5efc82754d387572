"""What our core does with an adapter, without our core: submit, look up, advance, in time."""

from __future__ import annotations

from datetime import datetime, timedelta

from app.kernel.clock import FixedClock
from app.registry.adapters.undp import UndpRegistry
from app.registry.ports import Absent, Ambiguous, CancellationRequest, Found, Lookup, NotSent, Outcome, Pending, Unknown

SETTLED = timedelta(seconds=90)  # the settle window, and a later event


def run(
    registry: UndpRegistry, request: CancellationRequest, clock: FixedClock, *, rounds: int = 60
) -> Outcome | Ambiguous:
    """Pursue a request until it is final, needs a person, or `rounds` are over; the last that was heard."""
    sent_at = clock.now()
    heard: Outcome | Ambiguous = registry.submit(request)
    for _ in range(rounds):
        clock.advance(_pause(heard))
        if isinstance(heard, NotSent):
            sent_at = clock.now()
            heard = registry.submit(request)
            continue
        if not isinstance(heard, Pending | Unknown):
            break
        found = registry.lookup(request, None, sent_at)
        if isinstance(found, Absent) and found.proven:
            heard = NotSent(found.basis, timedelta(0))
        elif isinstance(found, Ambiguous):
            return found
        elif isinstance(found, Found):
            heard = found.outcome
            if isinstance(heard, Pending) and heard.can_advance:
                sent_at = clock.now()
                heard = registry.advance(request, heard.registry_transaction)
    return heard


def look(registry: UndpRegistry, request: CancellationRequest, since: datetime) -> Lookup:
    """What it says of a request that gave no receipt."""
    return registry.lookup(request, None, since)


def _pause(heard: Outcome | Ambiguous) -> timedelta:
    if isinstance(heard, NotSent):
        return heard.retry_after
    return heard.poll_after if isinstance(heard, Pending) else timedelta(seconds=20)
