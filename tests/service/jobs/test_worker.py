"""The worker: it does what is due when it starts, again when it is woken, and stops when it is told."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from datetime import datetime

import pytest
from flask import Flask

from app import jobs
from app.fulfilment.process import Collaborators
from app.jobs import heartbeat
from tests.builders import NOW, a_paid_order, a_planned_price_that_cannot_be_read, an_offer, certificates_of
from tests.conftest import AppMaker
from tests.fakes import FakeRenderer

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
PATIENCE = 30  # seconds


@pytest.fixture
def signals() -> Iterator[None]:
    """The worker takes the process's signals for itself; the test runner wants them back."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    # Until the worker listens, being told to stop must not stop the test runner.
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


class Observed:
    """Counts how often the worker did what is due, and tells it to stop after a number of times."""

    def __init__(self, app: Flask) -> None:
        self.app, self.times, self.ended = app, 0, threading.Event()
        app.extensions["tonne.background"] = (self._count,)

    def _count(self, now: datetime) -> int:
        self.times += 1
        return 0

    def watch(self) -> None:
        """Wake the worker after it has looked once, and stop it after it has looked again."""
        self._wait_for(1)
        with self.app.app_context():
            jobs.wake()
        self._wait_for(2)
        while not self.ended.wait(0.1):
            os.kill(os.getpid(), signal.SIGTERM)

    def _wait_for(self, times: int) -> None:
        end = time.monotonic() + PATIENCE
        while self.times < times and time.monotonic() < end:
            time.sleep(0.02)


def work_and_stop(app: Flask) -> None:
    """Let a worker of an application look twice at least, and end as it is told to."""
    observed = Observed(app)
    watcher = threading.Thread(target=observed.watch)
    watcher.start()

    result = app.test_cli_runner().invoke(args=["work", "forever"])
    observed.ended.set()
    watcher.join(PATIENCE)
    for thread in threading.enumerate():
        if thread.name in {"Worker-1", "Scheduler"}:
            thread.join(PATIENCE)

    assert (result.exit_code, result.exception) == (0, None)
    assert observed.times >= 2


class PoorRenderer(FakeRenderer):
    """A renderer on a machine that lacks something."""

    def health(self) -> list[str]:
        return ["a font is missing"]


def test_a_worker_looks_at_once_and_whenever_it_is_woken_and_stops_on_sigterm(
    make_app: AppMaker, signals: None, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app()
    app.extensions["tonne.renderer"] = renderer = PoorRenderer()

    work_and_stop(app)

    assert renderer.is_warm
    (lack,) = [record for record in caplog.records if record.message == "drawing certificates"]
    assert (lack.levelname, lack.facts) == ("ERROR", {"problem": "a font is missing"})


def test_a_worker_whose_first_round_stumbles_goes_on_and_gives_no_sign_of_life(
    make_app: AppMaker, signals: None
) -> None:
    app = make_app()
    with app.app_context():
        a_planned_price_that_cannot_be_read(an_offer(), NOW)

    work_and_stop(app)

    with app.app_context():
        assert heartbeat.last_beat() is None


def test_working_once_does_everything_that_is_due_and_says_how_much(world: Collaborators, context: Flask) -> None:
    context.extensions.update({"tonne.gateway": world.gateway, "tonne.renderer": world.renderer})
    context.extensions["tonne.mailer"] = world.mailer
    order_id = a_paid_order(world, {an_offer(): 2})
    runner = context.test_cli_runner()

    first = runner.invoke(args=["work", "once"])
    second = runner.invoke(args=["work", "once"])

    assert first.exit_code == second.exit_code == 0, first.exception
    assert int(first.stdout) > 0
    assert int(second.stdout) == 0
    assert len(certificates_of(order_id)) == 1
