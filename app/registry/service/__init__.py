"""Cancelling exactly once: the intent first, then one call, then what it answered.

A cancellation found in `sending` after its lease is an unknown outcome, never a "not sent". An
unknown outcome is looked up; only a registry that proves the reference absent is asked again. Whoever
writes to a registry holds the lease on the account (`app/registry/leases.py`). A registry that takes
several requests at once is asked for them at once (`together`).
"""

from app.registry.service.accounts import assign_account
from app.registry.service.attempts import BACKOFF
from app.registry.service.contradictions import what_is_wrong
from app.registry.service.outcomes import MANUAL_AFTER, record_stated, stop
from app.registry.service.planning import DUE, Cause, Plan, due_cancellations, plan_cancellations
from app.registry.service.pursuing import doubt, doubt_planned, look_up, pursue, send, take_next_step
from app.registry.service.question import request_of
from app.registry.service.together import AT_ONCE, may_go_together, send_together
from app.registry.service.withdrawing import want_back, withdraw

__all__ = [
    "AT_ONCE",
    "BACKOFF",
    "DUE",
    "MANUAL_AFTER",
    "Cause",
    "Plan",
    "assign_account",
    "doubt",
    "doubt_planned",
    "due_cancellations",
    "look_up",
    "may_go_together",
    "plan_cancellations",
    "pursue",
    "record_stated",
    "request_of",
    "send",
    "send_together",
    "stop",
    "take_next_step",
    "want_back",
    "what_is_wrong",
    "withdraw",
]
