"""The ledger, the copy of it that questions are answered from, and what carries one to the other."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import timedelta

from app.kernel.clock import Clock
from tests.undp_standin.shapes import Json
from tests.undp_standin.things import Block, Company, Retirement, Transfer, User


@dataclass
class _Event:
    """A change of the ledger that the replicator has not copied yet."""

    at_ms: int
    key: str
    what: Block | Retirement | Transfer


@dataclass
class Replicated:
    """One registry's memory; `shown…` is the copy.

    `period` is how often the replicator runs; None: only when it is told to. `traffic` lets another organisation do
    something every now and then, which the authority sees. `fates` decides the next races instead of `seed`.
    """

    clock: Clock
    country: str = "NG"
    period: timedelta | None = timedelta(seconds=1)
    traffic: timedelta | None = timedelta(seconds=20)
    seed: int = 0
    next_id: int = 1
    paused: bool = False
    logs_fail: bool = False
    fates: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.companies: dict[int, Company] = {}
        self.users: dict[str, User] = {}
        self.projects: dict[str, str] = {}
        self.blocks: dict[str, Block] = {}
        self.records: dict[str, Retirement] = {}  # what the ledger knows of requests
        self.shown_blocks: dict[str, tuple[Block, int]] = {}
        self.shown: dict[str, Retirement] = {}
        self.shown_transfers: dict[str, Transfer] = {}
        self.log: list[Json] = []
        self._events: list[_Event] = []
        self._random = random.Random(self.seed)  # noqa: S311 - the same races for the same seed
        self._next_tick_ms = self.now_ms() + self._period_ms()
        self._traffic_ms = self.now_ms()
        self.last_log_id = 0

    def now_ms(self) -> int:
        return round(self.clock.now().timestamp() * 1000)

    def _period_ms(self) -> int:
        return round(self.period.total_seconds() * 1000) if self.period else 0

    def catch_up(self) -> None:
        """Let the replicator run as often as it would have by now."""
        if self.period is None:
            return
        now, period = self.now_ms(), self._period_ms()
        while self._next_tick_ms <= now:
            self._pass_by(self._next_tick_ms)
            if not self.paused:
                self._copy(self._next_tick_ms)
            # Nothing happens in between when the clock jumped: the last few ticks are as good as all.
            skipped = max(0, (now - self._next_tick_ms) // period - 2)
            self._next_tick_ms += period * (1 + (skipped if self.paused or not self._events else 0))

    def tick(self) -> None:
        """Let the replicator run once, now."""
        self._copy(self.now_ms())

    def _copy(self, tick_ms: int) -> None:
        due = [event for event in self._events if event.at_ms <= tick_ms]
        self._events = [event for event in self._events if event.at_ms > tick_ms]
        for index, event in enumerate(due):
            shown_ms = tick_ms + 5 * index
            if isinstance(event.what, Block):
                _, first_ms = self.shown_blocks.get(event.key, (None, shown_ms))
                self.shown_blocks[event.key] = (event.what, first_ms)
            elif isinstance(event.what, Transfer):
                event.what.shown_ms = shown_ms
                self.shown_transfers[event.key] = event.what
            else:
                earlier = self.shown.get(event.key)
                event.what.shown_ms = earlier.shown_ms if earlier else shown_ms
                self.shown[event.key] = event.what

    def _pass_by(self, tick_ms: int) -> None:
        """Something that others do."""
        step = self.traffic and round(self.traffic.total_seconds() * 1000)
        if step and tick_ms - self._traffic_ms >= step:
            self._traffic_ms = tick_ms
            self.stir(tick_ms)

    def stir(self, at_ms: int | None = None) -> None:
        """Another organisation asks for something and takes it back."""
        retirement = Retirement(
            self.take_id(), "-", f"CA0NNN-{self.country}-XX-9999-1-1-2020", 1, "Voluntary Cancellations", "9999", 9999,
            None, None, "other traffic", "Cancelled",
        )  # fmt: skip
        self.note(retirement.id, retirement, at_ms)

    def note(self, key: str, what: Block | Retirement | Transfer, at_ms: int | None = None) -> None:
        self._events.append(_Event(self.now_ms() if at_ms is None else at_ms, key, replace(what)))

    def take_id(self) -> str:
        """The next number of a request; also one that is refused by the ledger uses it up."""
        self.next_id += 1
        return str(self.next_id - 1)

    def forget_event(self, key: str) -> None:
        """What never shows: the replicator will not copy what is new under this key."""
        self._events = [event for event in self._events if event.key != key]
