"""What the doctor is given to look at."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from app.config import Settings
from app.fulfilment.process import Collaborators

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Limits:
    """From where on something is worth a warning, or a problem."""

    bytes_few: int = 2_000 * MEGABYTE
    bytes_too_few: int = 200 * MEGABYTE
    inodes_few: int = 50_000
    inodes_too_few: int = 5_000
    drift: timedelta = timedelta(seconds=2)
    drift_too_large: timedelta = timedelta(seconds=30)
    due: timedelta = timedelta(minutes=5)
    due_too_long: timedelta = timedelta(hours=1)
    notice: timedelta = timedelta(days=3)
    mails: timedelta = timedelta(days=1)
    list_age: timedelta = timedelta(days=8)
    list_too_old: timedelta = timedelta(days=31)
    comparison: timedelta = timedelta(hours=36)
    answer: timedelta = timedelta(seconds=5)


@dataclass(frozen=True)
class Patient:
    """What is looked at: the settings, what stands around this process, and whether its own address may be asked."""

    settings: Settings
    world: Collaborators
    online: bool = False
    limits: Limits = field(default_factory=Limits)
