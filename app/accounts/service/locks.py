"""Who guesses waits longer and longer; two locks, so that a stranger's guesses never lock out whoever belongs here.

The one on the street stands before whoever merely knows an address. The one in the house stands before whoever has
shown something already: a browser that is known, a password that was right, a sign-in that is open. Only they can
close it, and a new password by mail opens both.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from app.accounts.models import Person
from app.kernel.security_log import Event, Outcome, tell

FREE_TRIES = 5
FIRST_LOCK = timedelta(minutes=1)
LONGEST_LOCK = timedelta(hours=1)


class Lock(StrEnum):
    """Which of the two."""

    STREET = "street"
    HOUSE = "house"


def is_locked(person: Person, lock: Lock, now: datetime) -> bool:
    """Whether too many wrong tries came before at this lock."""
    until = person.locked_until if lock is Lock.STREET else person.proofs_locked_until
    return until is not None and until > now


def count_failure(person: Person, lock: Lock, now: datetime) -> None:
    """One more wrong try, in the caller's transaction: after five the wait doubles, up to an hour."""
    if lock is Lock.STREET:
        person.failed_sign_ins += 1
        person.locked_until = _until(person.failed_sign_ins, now) or person.locked_until
    else:
        person.failed_proofs += 1
        person.proofs_locked_until = _until(person.failed_proofs, now) or person.proofs_locked_until
    if is_locked(person, lock, now):
        tell(Event.LOCK, Outcome.LOCKED, person=person.id, lock=lock.value)


def unlock(person: Person) -> None:
    """Everything that this person has was shown, or their mailbox was: both locks open, in the caller's transaction."""
    person.failed_sign_ins = person.failed_proofs = 0
    person.locked_until = person.proofs_locked_until = None


def _until(failures: int, now: datetime) -> datetime | None:
    over = failures - FREE_TRIES
    return now + min(FIRST_LOCK * 2 ** min(over, 10), LONGEST_LOCK) if over >= 0 else None
