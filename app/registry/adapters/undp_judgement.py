"""What the registry's list, log and balance together prove about one cancellation. No call is made here."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from app.registry.adapters.undp_books import CANCELLED, COMPLETED, PENDING, REJECTED, Asked, Block, Row
from app.registry.ports import (
    Absent,
    Ambiguous,
    CancellationRequest,
    CancellationResult,
    Completed,
    Found,
    Lookup,
    Pending,
    RefusalCode,
    Refused,
)

# By so much the registry's clock may be behind ours without our taking one part for the one before it. Parts
# are two seconds apart; with clocks further apart a later part only waits longer.
CLOCKS_APART = timedelta(milliseconds=500)
# How soon to ask again: often at first, then less and less.
SOONEST = timedelta(seconds=2)
LATEST = timedelta(minutes=10)
LONGEST_NAME = 60


@dataclass(frozen=True)
class Case:
    """One cancellation as the registry shows it: its parts in the list and in the log, and the blocks there are.

    `blocks` are those of the issuance asked for. `reserved_for` is how many pending units the list has for each
    block, None where nobody looked. `shown_until` is when the replicator last wrote anything we can see: all that
    took effect before is in the list, if ever it comes there.
    """

    request: CancellationRequest
    rows: tuple[Row, ...]
    asked: tuple[Asked, ...]
    blocks: tuple[Block, ...]
    now: datetime
    settle: timedelta
    accepts: bool
    since: datetime | None = None
    shown_until: datetime | None = None
    reserved_for: dict[str, int] | None = None

    @property
    def live(self) -> list[Row]:
        """Parts that are pending or done."""
        return [row for row in self.rows if row.is_live]

    @property
    def pending(self) -> list[Row]:
        """Parts that wait for the authority."""
        return [row for row in self.rows if row.status == PENDING]

    @property
    def missing(self) -> int:
        """How many units no part was asked for yet."""
        return self.request.units - sum(row.units for row in self.live)

    @property
    def available(self) -> int:
        """How many units of the issuance could still be asked for."""
        return sum(block.available for block in self.blocks)

    @property
    def hidden(self) -> list[Asked]:
        """Requests that the log knows and the list does not show."""
        shown = Counter(row.mark.number for row in self.rows if row.mark is not None)
        hidden = []
        for asked in self.asked:
            if shown[asked.mark.number] > 0:
                shown[asked.mark.number] -= 1
            else:
                hidden.append(asked)
        return hidden

    @property
    def is_open(self) -> bool:
        """Whether more may come to show than shows now."""
        return not self.rows or bool(self.hidden) or self.missing > 0

    def is_over(self, at: datetime) -> bool:
        """Whether what was sent at `at` would long have taken effect."""
        return self.now >= at + self.settle

    def is_settled(self, at: datetime | None) -> bool:
        """Whether all that was sent at `at` shows by now: the window is over, and a later event came to show."""
        return (
            at is not None
            and self.is_over(at)
            and self.shown_until is not None
            and self.shown_until >= at + self.settle
        )

    def waiting(self, message: str, *, can_advance: bool = False) -> Found:
        """It is under way."""
        named = self.rows[-1].id if self.rows else None
        first = min([row.shown_at for row in self.rows] + [asked.at for asked in self.asked])
        poll = max(SOONEST, min(LATEST, (self.now - first) / 10))
        return Found(Pending(named, poll, message, can_advance))


def judge(case: Case) -> Lookup:
    """The one answer that a case supports."""
    if not case.rows and not case.asked:
        return _absence(case)
    problem = _contradiction(case)
    if problem is not None:
        return problem
    if case.hidden:
        if case.is_settled(case.hidden[0].at):
            return Ambiguous("the registry logged the request and never showed it: its units may be held for ever")
        return case.waiting("asked for, not shown yet")
    if not case.live:
        return _all_dead(case)
    if case.missing > 0:
        return _incomplete(case)
    if case.pending:
        return _all_asked(case)
    return Found(Completed(_result(case)))


def _absence(case: Case) -> Absent:
    if case.since is None or not case.is_over(case.since):
        return Absent(False, "neither list nor log has the reference, but it may not show yet")
    if not case.is_settled(case.since):
        return Absent(False, "neither list nor log has the reference, but nothing later came to show either")
    return Absent(True, f"neither list nor log has the reference, and events until {case.shown_until:%FT%TZ} show")


def _contradiction(case: Case) -> Lookup | None:
    """Why the registry's books cannot be those of this request; None when they can."""
    marks = [row.mark for row in case.rows if row.mark is not None] + [asked.mark for asked in case.asked]
    if any(mark.total != case.request.units for mark in marks) or any(
        row.serial.space != case.request.space for row in case.rows
    ):
        return Found(Refused(RefusalCode.KEY_REUSED, "the reference stands for another request there"))
    strange = sorted({row.status for row in case.rows} - {PENDING, COMPLETED, REJECTED, CANCELLED})
    if strange:
        return Ambiguous(f"the registry shows the status {strange[0][:40]!r}")
    numbers = Counter(row.mark.number for row in case.live if row.mark is not None)
    if case.missing < 0 or max(numbers.values(), default=1) > 1:
        ids = ", ".join(row.id for row in case.live)
        return Ambiguous(f"the same units were asked for more than once: {ids}"[:200])
    if case.live and len(case.live) < len(case.rows):
        return Ambiguous("one part was rejected or withdrawn, another was not")
    done = sorted((row for row in case.rows if row.status == COMPLETED), key=lambda row: row.serial.first)
    if any(_is_unlike(row, case.request) for row in done):
        return Ambiguous("the registry retired other serial numbers than were asked for")
    if any(after.serial.first <= before.serial.last for before, after in pairwise(done)):
        return Ambiguous("the registry retired the same serial numbers twice")
    return None


def _is_unlike(row: Row, request: CancellationRequest) -> bool:
    return (
        row.serial.units != row.units
        or row.serial.first < request.serial_first
        or row.serial.last > request.serial_last
        or request.vintage_year not in {None, row.serial.vintage}
    )


def _all_dead(case: Case) -> Lookup:
    """Every part was rejected or withdrawn. Was every part shown?"""
    is_whole = sum(row.units for row in case.rows) >= case.request.units
    if not is_whole and not case.is_settled(case.since):
        return case.waiting("given up, but another part may not show yet")
    if all(row.status == CANCELLED for row in case.rows):
        return Found(Refused(RefusalCode.WITHDRAWN, "Cancelled"))
    return Found(Refused(RefusalCode.RULES, "Rejected by the authority of the registry"))


def _incomplete(case: Case) -> Lookup:
    """Some parts are there, the rest is to be asked for."""
    if case.available < case.missing:
        return Ambiguous(f"{case.missing} units are still to be asked for, and only {case.available} are there")
    asked_units = case.request.units - case.missing
    message = f"{asked_units} of {case.request.units} units asked for"
    latest = max([asked.at for asked in case.asked] or [row.shown_at for row in case.rows])
    if case.since is not None and latest < case.since - CLOCKS_APART and not case.is_settled(case.since):
        return case.waiting(f"{message}; the latest request may not show yet")
    return case.waiting(message, can_advance=True)


def _all_asked(case: Case) -> Lookup:
    """Every unit is asked for, and some part waits for the authority."""
    if case.accepts:
        return case.waiting(PENDING, can_advance=True)
    for row in case.pending:
        if case.is_over(row.shown_at) and _is_unreserved(row, case):
            return Ambiguous(f"request {row.id} shows, but the registry holds no units for it: an orphan")
    return case.waiting("Pending: waits for the authority of the registry")


def _is_unreserved(row: Row, case: Case) -> bool:
    """Whether the block holds too little for all pending requests, and this one may be what it does not hold for."""
    if case.reserved_for is None:
        return False
    blocks = {block.serial.block_id: block for block in case.blocks}
    block = blocks.get(row.serial.block_id)
    held = 0 if block is None else block.reserved
    return row.units <= case.reserved_for.get(row.serial.block_id, 0) - held


def _result(case: Case) -> CancellationResult:
    rows = sorted(case.rows, key=lambda row: row.serial.first)
    return CancellationResult(
        registry_transaction=names_of(rows),
        units=sum(row.units for row in rows),
        blocks=tuple(row.serial.as_block() for row in rows),
        completed_at=case.now,
        evidence={"retirements": [evidence_of(row) for row in rows]},
    )


def evidence_of(row: Row) -> dict[str, object]:
    """What the registry showed, fit for our books."""
    return {
        "id": row.id,
        "serial": f"{row.serial.space}-{row.serial.first}-{row.serial.last}-{row.serial.vintage}",
        "status": row.status,
        "shown_at": row.shown_at.isoformat(),
    }


def names_of(rows: list[Row]) -> str:
    """The registry's names of the parts, as far as they fit into ours."""
    names = ", ".join(row.id for row in rows)
    return names if len(names) <= LONGEST_NAME else f"{rows[0].id} and {len(rows) - 1} more"
