"""Requests of this process, counted as they are answered. No address, no path: only the kind of answer."""

from __future__ import annotations

import os
import time

from flask import Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector

from app.web.logs import QUIET

# Seconds. A page takes some milliseconds; a second is slow, and ten are too many.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Requests:
    """The numbers of one application in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._answers = Counter(
            "tonne_http_requests",
            "Requests by class of status.",
            ["status", "process"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "tonne_http_request_seconds", "Seconds that an answer took.", ["process"], registry=self.registry,
            buckets=BUCKETS,
        )  # fmt: skip

    def note(self, status: int, seconds: float) -> None:
        """One request was answered."""
        # Several processes behind one port take turns at being asked: their numbers must not mix.
        process = str(os.getpid())
        self._answers.labels(f"{status // 100}xx", process).inc()
        self._seconds.labels(process).observe(seconds)


def init_app(app: Flask) -> None:
    """Count every request of this application but those of machines that only watch."""
    counted = Requests()
    app.extensions["tonne.requests"] = counted

    @app.after_request
    def note(response: Response) -> Response:
        if request.endpoint not in QUIET:
            counted.note(response.status_code, time.perf_counter() - g.started)
        return response
