"""Named points of the purchase, for logs and for tests that pull the plug there.

A checkpoint does nothing by itself. The chaos tests install an observer that kills the process
at one of them; production code never sets one.
"""

from __future__ import annotations

from collections.abc import Callable

POINTS = (
    "order.placed",
    "gateway.before_call",
    "gateway.after_call",
    "delivery.stored",
    "order.paid",
    "job.claimed",
    "cancellation.intent_committed",
    "ledger.inside_commit",
    "ledger.after_commit",
    "certificate.facts_frozen",
    "certificate.pdf_stored",
    "mail.sent_not_marked",
    "refund.before_call",
    "refund.after_call",
)

_observers: list[Callable[[str], None]] = []


def observe(observer: Callable[[str], None]) -> None:
    """Call `observer` with the name of every checkpoint reached from now on."""
    _observers.append(observer)


def forget_observers() -> None:
    """Remove every observer."""
    _observers.clear()


def reached(point: str) -> None:
    """Say that the named point was reached. Raises KeyError for a name that is not in POINTS."""
    if point not in POINTS:
        raise KeyError(point)
    for observer in _observers:
        observer(point)
