"""Hundreds of cancellations at one registry, with bad weather, two workers, and somebody who kills them."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import Connection, create_engine, select, text

from app.db import db
from app.fulfilment.process import collaborators
from app.payments.adapters.testpay_bank import TestpayBank
from app.registry.models import Cancellation
from app.registry.states import CancellationState
from tests import batch_world
from tests.builders import NOW, a_payable_order, look_again, payments_of
from tests.chaos import audit
from tests.chaos.registry_time import SharedClock
from tests.chaos.registry_worker import Mission, run
from tests.conftest import application, environment
from tests.contract.registries import BatchWorld, LedgerWorld, RegistryWorld, UndpWorld
from tests.undp_standin.world import UndpWorld as UndpRegistryWorld

S = CancellationState
LINES = 4  # cancellations of an order, each of another project
WORKERS = 2
LOST, UNSENT = 0.4, 0.1
STEP = timedelta(seconds=2)
PULSE = 0.01  # seconds of this machine between two steps of the time
CHECKED = (
    "the serial numbers of a cancellation add up to its units",
    "no serial number is cancelled twice",
    "no serial number lies in two places",
    "money goes back for refused units, once, and for nothing else",
    "what the gateway gave back is what we asked for",
    "an order says what became of its cancellations",
)
UNFINISHED = """SELECT
    (SELECT count(*) FROM cancellation WHERE state NOT IN ('confirmed', 'refused', 'manual')),
    (SELECT count(*) FROM purchase_order o WHERE state IN ('paid', 'fulfilling')
     AND NOT EXISTS (SELECT 1 FROM cancellation c WHERE c.order_id = o.id AND c.state = 'manual')),
    (SELECT count(*) FROM remedy WHERE state = 'offered'),
    (SELECT count(*) FROM refund WHERE state <> 'succeeded')"""
# Buyers who may choose between money and other units choose nothing: after a while the money goes back.
NEXT = """SELECT min(at) FROM (
    SELECT next_action_at AS at FROM cancellation WHERE state NOT IN ('confirmed', 'refused', 'manual')
    UNION ALL SELECT decide_by FROM remedy WHERE state = 'offered'
    UNION ALL SELECT next_action_at FROM refund WHERE state <> 'succeeded') AS due"""


@dataclass
class Chaos:
    """One run: `cancellations` at the registry `code`, over the database `url`."""

    directory: Path
    url: str
    code: str
    cancellations: int
    seed: str
    deadly: float
    seconds_to_live: float
    pulses: int = 0
    _workers: list[ForkServerProcess] = field(default_factory=list)

    def play(self, seconds: float) -> Report:
        """Sell, let the storm rage until everything is over, and count. Raises AssertionError after `seconds`."""
        begun = time.monotonic()
        self._chance = random.Random(self.seed)  # noqa: S311 - the same storm for the same seed
        self._clock = SharedClock.create(self.directory / "clock", NOW)
        with ExitStack() as stack:
            stack.callback(self._clock.close)
            far = stack.enter_context(UndpRegistryWorld(self._clock, seed=self._chance.randrange(10**6)))
            self._environment = environment(
                self.directory, self.url, REGISTRIES="ledger,batch,undp", BATCH_SHARED_SECRET=batch_world.SECRET,
                LOG_LEVEL="ERROR", **far.settings(),
            )  # fmt: skip
            app = application(self._environment, self._clock)
            stack.enter_context(app.app_context())
            stack.callback(db.engine.dispose)
            stack.callback(db.session.remove)
            stack.callback(self._stop)
            self._world = self._a_world(app, far)
            self._sell(app)
            if isinstance(self._world, UndpWorld):
                far.faults.weather(
                    self._chance.randrange(10**6), lose_after=LOST, lose_before=UNSENT, error_after=0.05,
                    odd_400_after=0.05, truncate=0.05,
                )  # fmt: skip
            self._rage(begun + seconds)
            self._stop()
            return self._count(time.monotonic() - begun)

    # --- before the storm ----------------------------------------------------------------------------

    def _a_world(self, app: Flask, far: UndpRegistryWorld) -> RegistryWorld:
        if self.code == "undp":
            return UndpWorld(app, far)
        return LedgerWorld(app) if self.code == "ledger" else BatchWorld(app)

    def _sell(self, app: Flask) -> None:
        """Orders of four projects, paid. Of the last project the registry has fewer units than are sold."""
        shop, bank = collaborators(app), TestpayBank("")
        sold = self.cancellations * 9 // LINES
        offers = [
            self._world.an_offer(number=number + 1, units=sold, held=sold if number < LINES - 1 else sold // 3)
            for number in range(LINES)
        ]
        for number in range(self.cancellations // LINES):
            wanted = {offer: self._chance.randint(1, 9) for offer in offers}
            order_id = a_payable_order(shop, wanted, email=f"buyer-{number}@example.org")
            bank.pay(str(payments_of(order_id)[0].gateway_reference), self._clock.now())
            look_again(shop, order_id)
        db.session.rollback()

    # --- the storm -----------------------------------------------------------------------------------

    def _rage(self, until: float) -> None:
        engine = create_engine(self.url)
        try:
            self._send_workers()
            while True:
                assert all(worker.is_alive() for worker in self._workers), "a worker ended by itself"
                with engine.connect() as connection:
                    left = connection.execute(text(UNFINISHED)).one()
                    due = connection.execute(text(NEXT)).scalar()
                if not any(left):
                    return
                assert time.monotonic() < until, f"not over: {left}, {self.kills} killed, seed {self.seed}"
                self._pass_time(due)
                self._other_side()
                time.sleep(PULSE)
        finally:
            engine.dispose()

    def _pass_time(self, due: datetime | str | None) -> None:
        """A step, or as far as the next thing to do is away."""
        self.pulses += 1
        at = datetime.fromisoformat(due) if isinstance(due, str) else due
        away = STEP if at is None else at.replace(tzinfo=at.tzinfo or UTC) - self._clock.now()
        self._clock.advance(max(STEP, away))

    def _other_side(self) -> None:
        if not isinstance(self._world, BatchWorld) or self.pulses % 40:
            return
        office = self._world.office
        package = office.hand_over()
        if package is not None:
            lines = batch_world.read_lines(package)
            # One at least of each package: forty lines, each with a chance of its own, may all be lucky.
            unlucky = self._chance.sample(lines, max(1, len(lines) // 10))
            refused = {line["reference"]: "no such units" for line in unlucky}
            # Half of the lines with the first post, which may be lost; all of them with the second.
            some = [line["reference"] for line in lines if self._chance.random() < 0.5]
            if some:
                office.answer(package, only=some, refuse=refused)
            office.answer(package, refuse=refused, reverse=True)
        post = [raw for raw in office.files if self._chance.random() > LOST]
        for raw in self._chance.sample(post, min(len(post), 4)):
            office.deliver(raw)

    def _send_workers(self) -> None:
        for number in range(WORKERS):
            mission = Mission(
                self._environment, self.directory / "clock", self.code, f"{self.seed}-{number}", LOST, UNSENT,
                self.deadly, self.seconds_to_live, self.directory / "deaths",
            )  # fmt: skip
            worker = PROCESSES.Process(target=run, args=(mission,), daemon=True)
            worker.start()
            self._workers.append(worker)

    def _stop(self) -> None:
        for worker in self._workers:
            with suppress(ProcessLookupError):
                os.killpg(worker.pid or 0, signal.SIGKILL)
            worker.join()
        self._workers.clear()

    @property
    def kills(self) -> int:
        """How often a worker was killed so far."""
        deaths = self.directory / "deaths"
        return deaths.stat().st_size if deaths.exists() else 0

    # --- after the storm -----------------------------------------------------------------------------

    def _count(self, seconds: float) -> Report:
        db.session.rollback()
        given_back = refunded()
        rows: list[Line] = []
        for cancellation in db.session.scalars(select(Cancellation).order_by(Cancellation.id)).all():
            line_id, reference, state = cancellation.order_line_id, cancellation.reference, cancellation.state
            units, effects = cancellation.units, self._world.effects(reference)
            said = cancellation.last_message if state is S.MANUAL else ""
            rows.append(Line(reference, state, effects.live, effects.done == units, line_id in given_back, said))
        with db.engine.connect() as connection:
            attempts, unknown = _attempts(connection)
            contradictions = {name: _rows(connection, audit.QUESTIONS[name]) for name in CHECKED}
        return Report(
            self.code, self.url.partition(":")[0].partition("+")[0], self.seed, rows, self.kills, attempts, unknown,
            seconds, {name: found for name, found in contradictions.items() if found},
        )  # fmt: skip


PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.chaos.registry_worker"])


def refunded() -> set[int | None]:
    """Order lines whose money went back."""
    with db.engine.connect() as connection:
        return set(connection.execute(text("SELECT order_line_id FROM refund")).scalars())


def _attempts(connection: Connection) -> tuple[int, int]:
    counted = connection.execute(
        text("SELECT count(*), sum(CASE WHEN outcome = 'unknown' THEN 1 ELSE 0 END) FROM registry_attempt")
    ).one()
    return int(counted[0]), int(counted[1] or 0)


def _rows(connection: Connection, question: str) -> list[Any]:
    return [tuple(row) for row in connection.execute(text(question))]


@dataclass(frozen=True)
class Line:
    """What became of one cancellation, here and there."""

    reference: str
    state: CancellationState
    live: int
    is_done: bool
    is_refunded: bool
    said: str  # to the person who has to look


@dataclass(frozen=True)
class Report:
    """What a run left behind."""

    code: str
    database: str
    seed: str
    lines: Sequence[Line]
    kills: int
    attempts: int
    unknown: int
    seconds: float
    contradictions: dict[str, list[Any]]

    @property
    def broken(self) -> list[Line]:
        """Lines of which one of the three sentences is not true."""
        return [
            line
            for line in self.lines
            if line.live > 1
            or (line.state is S.CONFIRMED) != (line.live == 1 and line.is_done)
            or (line.is_refunded and line.live > 0)
        ]

    def __str__(self) -> str:
        total, confirmed = len(self.lines), [line for line in self.lines if line.state is S.CONFIRMED]
        live, given_back = [line.live for line in self.lines], [line for line in self.lines if line.is_refunded]
        differ = sum((line.state is S.CONFIRMED) != (line.live == 1 and line.is_done) for line in self.lines)
        people = sum(line.state is S.MANUAL for line in self.lines)
        return (
            f"{self.code} on {self.database}, seed {self.seed}: {total:,} cancellations, {WORKERS} workers at once, "
            f"{self.kills} killed, {self.attempts:,} calls recorded, {self.unknown:,} unknown outcomes, "
            f"{people} for a person, {self.seconds:.0f} s\n"
            f"  For every reference at most one live effect: {live.count(1):,} have one, {live.count(0):,} none, "
            f"{sum(number > 1 for number in live):,} more.\n"
            f"  Confirmed if and only if exactly one effect: {len(confirmed):,} confirmed, "
            f"{sum(line.live == 1 and line.is_done for line in self.lines):,} with exactly one effect, "
            f"{differ:,} where it is not so.\n"
            f"  No refund with an effect: {len(given_back):,} refunds, "
            f"{sum(line.live > 0 for line in given_back):,} with an effect."
        )
