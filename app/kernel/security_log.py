"""The log of what concerns security: one line for each event, with facts that name nobody and hold no secret.

Whoever reads it finds the person of a number in our tables. `docs/operate.md` lists the events.
"""

from __future__ import annotations

import logging
from enum import StrEnum

LOGGER = "tonne.security"

_log = logging.getLogger(LOGGER)
# However little LOG_LEVEL lets the rest say.
_log.setLevel(logging.INFO)


class Event(StrEnum):
    """What happened, or was tried."""

    SIGN_IN = "sign-in"
    SECOND_FACTOR = "second factor"
    PROOF = "proof"
    LOCK = "lock"
    SIGN_OUT = "sign-out"
    ACCESS = "access"
    FORM = "form"
    LIMIT = "limit"
    HOST = "host"
    SIZE = "size"
    UPLOAD = "upload"
    NOTICE = "notice"


class Outcome(StrEnum):
    """How it ended. `half`: the second factor is still to be shown."""

    GOOD = "good"
    HALF = "half"
    WRONG = "wrong"
    LOCKED = "locked"
    REFUSED = "refused"


def tell(event: Event, outcome: Outcome, *, person: int | None = None, **facts: str) -> None:
    """Write one line. `person` is the number of an account, None where there is none; `facts` are words of ours.

    `kind` names how somebody proved who they are, `reason` why something was refused, `endpoint` where.
    """
    level = logging.INFO if outcome in {Outcome.GOOD, Outcome.HALF} else logging.WARNING
    _log.log(level, event.value, extra={"facts": {"outcome": outcome.value, "person": person, **facts}})
