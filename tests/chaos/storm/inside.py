"""What the product's processes get beside themselves: the storm's clock, bad lines to registries, and orders to die."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from flask import Flask

from app import jobs
from app.certificates.ports import CertificateFacts, CertificateRenderer, SummaryFacts
from app.factory import create_app
from app.kernel.references import certificate_slug
from app.registry.accounts import find_registry_code
from app.registry.ports import Ambiguous, CancellationRequest, Lookup, Outcome, Registries, RegistryAdapter
from tests.chaos.registry_worker import Lossy
from tests.chaos.storm.clock import HouseClock
from tests.chaos.victim import install as obey_orders_to_die
from tests.fakes import FakeRenderer, ScriptedRegistry

DIRECTORY = Path(os.environ["CHAOS_DIRECTORY"])
CERTIFICATES_FOR_A_REAL_PDF = 200
LOST, UNSENT = 0.1, 0.03
SECONDS_BETWEEN_SWEEPS = 0.5


class SamplePrinter:
    """Draws one certificate in 200 as the product does: drawing all takes longer than everything else together."""

    def __init__(self, real: CertificateRenderer) -> None:
        self._real, self._plain = real, FakeRenderer()
        self.version = real.version

    def certificate(self, facts: CertificateFacts, locale: str) -> bytes:
        sequence = int(certificate_slug(facts.number).removeprefix("TN").partition("-")[0])
        chosen = self._plain if sequence % CERTIFICATES_FOR_A_REAL_PDF else self._real
        return chosen.certificate(facts, locale)

    def summary(self, facts: SummaryFacts, locale: str) -> bytes:
        return self._plain.summary(facts, locale)

    def warm_up(self) -> None:
        self._real.warm_up()
        self._plain.warm_up()

    def health(self) -> list[str]:
        return self._real.health()


class Unhurried(ScriptedRegistry):
    """A registry over HTTP while whose calls no hours pass."""

    def __init__(self, real: RegistryAdapter, clock: HouseClock) -> None:
        super().__init__(real)
        self.promised_within = real.promised_within
        self._clock = clock

    def submit(self, request: CancellationRequest) -> Outcome:
        with self._clock.turn():
            return self.real.submit(request)

    def lookup(self, request: CancellationRequest, registry_transaction: str | None, since: datetime) -> Lookup:
        with self._clock.turn():
            return self.real.lookup(request, registry_transaction, since)

    def advance(self, request: CancellationRequest, registry_transaction: str | None) -> Outcome | Ambiguous:
        with self._clock.turn():
            return self.real.advance(request, registry_transaction)


def made_app(clock: HouseClock) -> Flask:
    """The product's own application, and the storm."""
    app = create_app(clock=clock)
    obey_orders_to_die(app)
    chance = random.Random()  # noqa: S311 - chances, not secrets
    registries: Any = app.extensions["tonne.registries"]
    ledger = Lossy(registries.of("ledger"), chance, lost=LOST, unsent=UNSENT)
    app.extensions["tonne.registries"] = Registries(
        [ledger, Unhurried(registries.of("undp"), clock)], find_registry_code
    )
    app.extensions["tonne.renderer"] = SamplePrinter(app.extensions["tonne.renderer"])
    return app


def sweep_often(app: Flask, is_alone: Callable[[], bool]) -> None:
    """The schedule that wakes the worker every minute, in a hurry; ends the process when `is_alone`."""

    def sweep() -> None:
        while not is_alone():
            time.sleep(SECONDS_BETWEEN_SWEEPS)
            with app.app_context():
                try:
                    if jobs.current_huey(app).pending_count() == 0:
                        jobs.wake()
                except Exception:  # noqa: BLE001, S112 - the database is away: that is what the storm is about
                    continue
        os._exit(0)

    threading.Thread(target=sweep, daemon=True).start()
