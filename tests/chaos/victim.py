"""What a process of the product gets beside itself when a test means to kill it.

The test writes `armed.json` into the directory CHAOS_DIRECTORY; the process that then reaches the
named point for the n-th time takes the file away, which only one process can do, leaves it as
`fired-<id>.json`, and dies with its whole process group as if the power had gone.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

from flask import Flask

from app import jobs
from app.certificates import service as certificates
from app.certificates.ports import CertificateFacts, CertificateRenderer, SummaryFacts
from app.checkout.service import remedy
from app.kernel import checkpoints
from app.notifications import service as notifications
from app.payments.adapters import testpay_events
from app.registry import leases
from tests.fakes import FakeRenderer

ROLE = os.environ["CHAOS_ROLE"]
DIRECTORY = Path(os.environ["CHAOS_DIRECTORY"])
HAS_SHORT_WAITS = os.environ["CHAOS_WAITS"] == "short"

SHORT_LEASE = timedelta(seconds=1)
SHORT_PAUSE = 1  # seconds
SECONDS_BETWEEN_SWEEPS = 0.5

_seen: Counter[str] = Counter()


class Printer:
    """Draws certificates as the product does while the file `real-paper` lies in the directory.

    Drawing takes most of a purchase's computing time, and only two of the points are about it.
    """

    def __init__(self, real: CertificateRenderer) -> None:
        self._real, self._plain = real, FakeRenderer()
        self.version = real.version

    def certificate(self, facts: CertificateFacts, locale: str) -> bytes:
        return self._chosen().certificate(facts, locale)

    def summary(self, facts: SummaryFacts, locale: str) -> bytes:
        return self._chosen().summary(facts, locale)

    def warm_up(self) -> None:
        self._chosen().warm_up()

    def health(self) -> list[str]:
        return self._chosen().health()

    def _chosen(self) -> CertificateRenderer:
        return self._real if (DIRECTORY / "real-paper").exists() else self._plain


def install(app: Flask) -> None:
    """Listen for the order to die, and make the waits short unless the test wants the product as it is."""
    checkpoints.observe(_die_if_told)
    if not HAS_SHORT_WAITS:
        return
    app.extensions["tonne.renderer"] = Printer(app.extensions["tonne.renderer"])
    leases.LENGTH = SHORT_LEASE
    remedy.TIME_TO_DECIDE = SHORT_LEASE
    notifications.LEASE = SHORT_LEASE
    certificates.LEASE = SHORT_LEASE
    testpay_events.PAUSE = SHORT_PAUSE
    if ROLE == "worker":
        threading.Thread(target=_sweep_often, args=(app,), daemon=True).start()


def _die_if_told(point: str) -> None:
    armed = DIRECTORY / "armed.json"
    try:
        order = json.loads(armed.read_text())
    except FileNotFoundError:
        return
    if (order["role"], order["point"]) != (ROLE, point):
        return
    _seen[order["id"]] += 1
    if _seen[order["id"]] < order["nth"]:
        return
    with contextlib.suppress(FileNotFoundError):
        armed.rename(DIRECTORY / f"fired-{order['id']}.json")
        os.killpg(os.getpgrp(), signal.SIGKILL)


def _sweep_often(app: Flask) -> None:
    """The schedule that wakes the worker every minute, in a hurry."""
    while True:
        time.sleep(SECONDS_BETWEEN_SWEEPS)
        with app.app_context():
            if jobs.current_huey(app).pending_count() == 0:
                jobs.wake()
