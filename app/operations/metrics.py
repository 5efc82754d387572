"""What the tables say, in the form that Prometheus reads. Everything is read when it is asked for."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from datetime import datetime
from importlib import metadata
from typing import cast

from flask import current_app
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from app import current
from app.db import db, end_reading
from app.jobs import heartbeat, hold
from app.operations import queries
from app.operations.requests import Requests
from app.reconciliation import queries as comparisons
from app.version import VERSION


def text_of_metrics() -> bytes:
    """All numbers of this copy: of its tables, and of this process's requests."""
    tables = CollectorRegistry()
    tables.register(Tables(current.now()))
    requests = cast(Requests, current_app.extensions["tonne.requests"])
    return generate_latest(tables) + generate_latest(requests.registry)


class Tables(Collector):
    """Numbers of the tables as they are at `now`."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def collect(self) -> Iterator[Metric]:
        """Every family; of a database that is away only that it is."""
        yield self._build()
        try:
            families = [*self._counts(), *self._due(), *self._pace(), *self._worker(), *self._books()]
            is_up = True
        except SQLAlchemyError:
            families, is_up = [], False
        finally:
            end_reading()
        yield GaugeMetricFamily("tonne_database_up", "Whether the database answers.", value=float(is_up))
        yield from families

    def _build(self) -> Metric:
        build = {
            "version": VERSION,
            "python": platform.python_version(),
            "flask": metadata.version("flask"),
            "database": db.engine.dialect.name,
            "environment": current.settings().environment,
        }
        return InfoMetricFamily("tonne_build", "What runs here.", value=build)

    def _counts(self) -> Iterator[Metric]:
        for kind, states in queries.counts().items():
            family = GaugeMetricFamily(f"tonne_{kind}s", f"Rows of kind {kind}, by state.", labels=["state"])
            for state, count in states.items():
                family.add_metric([state], count)
            yield family
        family = GaugeMetricFamily("tonne_offer_units", "Units of all offers.", labels=["of"])
        for name, number in queries.units().items():
            family.add_metric([name], number)
        yield family

    def _due(self) -> Iterator[Metric]:
        number = GaugeMetricFamily("tonne_due", "Things the worker should have done by now.", labels=["kind"])
        age = GaugeMetricFamily("tonne_due_oldest_seconds", "For how long the oldest has been due.", labels=["kind"])
        for due in queries.due(self._now):
            number.add_metric([due.kind], due.count)
            age.add_metric([due.kind], due.age(self._now))
        yield number
        yield age

    def _pace(self) -> Iterator[Metric]:
        pace = queries.pace()
        seconds = GaugeMetricFamily(
            "tonne_paid_to_certified_seconds", "From paid to certified, of the last 100 orders.", labels=["quantile"]
        )
        if pace is not None:
            for quantile, value in (("0.5", pace.median), ("0.9", pace.ninth_decile), ("1", pace.slowest)):
                seconds.add_metric([quantile], value)
        yield seconds

    def _worker(self) -> Iterator[Metric]:
        at = heartbeat.last_beat()
        # Prometheus has a word for what never happened.
        age = float("nan") if at is None else (self._now - at).total_seconds()
        yield GaugeMetricFamily("tonne_worker_heartbeat_age_seconds", "Since a worker last ended a round.", value=age)

    def _books(self) -> Iterator[Metric]:
        last = comparisons.last_public_result()
        age = float("nan") if last is None else (self._now - last.compared_at).total_seconds()
        yield GaugeMetricFamily("tonne_reconciliation_age_seconds", "Since all books were compared.", value=age)
        yield GaugeMetricFamily(
            "tonne_reconciliation_open_findings",
            "Differences between books that nobody has explained.",
            value=comparisons.count_open(),
        )
        yield GaugeMetricFamily(
            "tonne_restoration_hold", "Whether everything irreversible is held back.", value=float(hold.stands())
        )
