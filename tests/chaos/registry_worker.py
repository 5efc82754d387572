"""A worker process that loses answers and is killed: what it runs is the product's own code."""

from __future__ import annotations

import itertools
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from flask import Flask

from app.config import Settings
from app.db import db
from app.factory import create_app
from app.fulfilment import process
from app.fulfilment.process import Collaborators
from app.kernel import checkpoints
from app.registry import service
from app.registry.accounts import find_registry_code
from app.registry.ports import (
    Absent,
    CancellationRequest,
    Found,
    Lookup,
    Outcome,
    Registries,
    RegistryAdapter,
    Unavailable,
)
from tests.chaos.registry_time import SharedClock
from tests.fakes import FakeMailer, FakeRenderer, ScriptedRegistry

IDLE = 0.002  # seconds


@dataclass(frozen=True)
class Mission:
    """What a worker process is told."""

    environment: Mapping[str, str]
    clock: Path
    registry: str
    seed: str
    lost: float  # share of answers that are lost after the effect
    unsent: float  # share of requests that never arrive
    deadly: float  # chance to be killed at each checkpoint
    seconds_to_live: float  # on average, until it is killed wherever it is
    deaths: Path  # gets one character for each


class Lossy(ScriptedRegistry):
    """A registry in our own database whose answers get lost as over a bad line."""

    def __init__(self, real: RegistryAdapter, chance: random.Random, *, lost: float, unsent: float) -> None:
        super().__init__(real)
        self.promised_within = real.promised_within
        self._chance, self._lost, self._unsent = chance, lost, unsent

    def submit(self, request: CancellationRequest) -> Outcome:
        roll = self._chance.random()
        if roll < self._unsent:
            raise ConnectionError("it never left")
        outcome = self.real.submit(request)
        if roll < self._unsent + self._lost:
            raise TimeoutError("the answer was lost")
        return outcome

    def lookup(self, request: CancellationRequest, registry_transaction: str | None, since: datetime) -> Lookup:
        answer = self.real.lookup(request, registry_transaction, since)
        lost = self._chance.random() < self._lost and isinstance(answer, (Found, Absent))
        return Unavailable("the answer was lost") if lost else answer


def run(mission: Mission) -> None:
    """Bring up a worker, and another one whenever somebody has killed it: what systemd would do."""
    os.setpgrp()
    # Hundreds of lost answers, each with its traceback: worth reading only when a run does not end.
    os.dup2(os.open(mission.deaths.with_name("log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
    clock = SharedClock(mission.clock)
    app = create_app(Settings.from_environment(dict(mission.environment)), clock=clock)
    with app.app_context():
        # What it costs to do everything for the first time is paid once, not in each short life.
        work(_shop(process.collaborators(app), mission, random.Random(mission.seed)), clock, 1)  # noqa: S311 - as below
        db.session.remove()
        db.engine.dispose()
    for life in itertools.count():
        child = os.fork()
        if child == 0:
            clock.after_fork()
            chance = random.Random(f"{mission.seed}-{life}")  # noqa: S311 - weather, not a secret
            # However short the storm, the first life ends in the middle of it: the tenth point at the latest.
            _live(app, clock, mission, chance, last_point=0 if life else chance.randint(1, 10))
        _pid, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
            os._exit(1)
        with mission.deaths.open("a") as deaths:
            deaths.write(".")


def _live(app: Flask, clock: SharedClock, mission: Mission, chance: random.Random, last_point: int) -> None:
    """Work until somebody kills this process: at a checkpoint, or wherever it is after some time.

    `last_point`: at which checkpoint it dies for certain; 0 leaves that to chance.
    """
    passed = itertools.count(1)
    checkpoints.observe(lambda _point: _perhaps_die(chance, 1 if next(passed) == last_point else mission.deadly))
    death = chance.expovariate(1 / mission.seconds_to_live)
    threading.Thread(target=_die_after, args=(death,), daemon=True).start()
    try:
        with app.app_context():
            shop = _shop(process.collaborators(app), mission, chance)
            while True:
                if not work(shop, clock, 100, chance.shuffle):
                    time.sleep(IDLE)
    finally:
        os._exit(1)


def _die_after(seconds: float) -> None:
    time.sleep(seconds)
    os.kill(os.getpid(), signal.SIGKILL)


def _perhaps_die(chance: random.Random, deadly: float) -> None:
    if chance.random() < deadly:
        os.kill(os.getpid(), signal.SIGKILL)


def _shop(shop: Collaborators, mission: Mission, chance: random.Random) -> Collaborators:
    real = shop.registries.of(mission.registry)
    # The registry over HTTP has its weather on the wire.
    adapter = real if mission.registry == "undp" else Lossy(real, chance, lost=mission.lost, unsent=mission.unsent)
    registries = Registries([adapter], find_registry_code)
    return replace(shop, registries=registries, renderer=FakeRenderer(), mailer=FakeMailer())


def work(
    shop: Collaborators, clock: SharedClock, most: int, shuffle: Callable[[list[Any]], None] = lambda _due: None
) -> int:
    """Everything about units and money that is due, once, but `most` cancellations; gives how much was done."""
    done = _turn(clock, lambda: process.begin_orders(shop))
    due = service.due_cancellations(clock.now(), most)
    shuffle(due)  # so that two workers do not always want the same
    for each in due:
        done += _turn(clock, lambda each=each: service.pursue(each.id, each.state, shop.registries, clock))
    done += _turn(clock, lambda: process.finish_orders(shop))
    done += _turn(clock, lambda: process.lapse_remedies(shop))
    return done + _turn(clock, lambda: process.make_refunds(shop))


def _turn(clock: SharedClock, do: Callable[[], int]) -> int:
    try:
        with clock.turn():
            return int(do())
    except Exception:  # noqa: BLE001 - as the product's own loop: one that fails must not keep the others waiting
        return 0
    finally:
        db.session.rollback()
