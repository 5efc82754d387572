"""Wake-ups. A job says only that something may be due; the tables say what.

huey keeps the hints: in a SQLite file beside the embedded database, or in PostgreSQL when that is
the database, for any number of workers on any number of machines. A lost or repeated hint does no
harm, because a schedule wakes the workers every minute anyway.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import cast

from flask import Flask, current_app
from huey import Huey, MemoryHuey, PostgresHuey, SqliteHuey, crontab
from huey.api import Task
from sqlalchemy import make_url

from app.config import Settings
from app.current import now
from app.jobs import heartbeat

log = logging.getLogger(__name__)

WAKE = "run_due"
# As many workers as anybody runs may be woken at once. Under load, hints would pile up and be looked at for nothing.
ENOUGH_HINTS = 8


def init_app(app: Flask) -> None:
    """Make the queue this application's settings ask for."""
    app.extensions["tonne.huey"] = make_huey(app.extensions["tonne.settings"])


def make_huey(settings: Settings) -> Huey:
    """SQLite beside the embedded database, PostgreSQL beside the other, memory under test."""
    if settings.environment == "testing":
        return MemoryHuey("tonne", results=False)
    url = make_url(settings.database_url)
    if url.get_backend_name() == "postgresql":
        dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)
        # The services may make no tables: migration 0011 made those of the queue.
        return PostgresHuey("tonne", results=False, dsn=dsn, create_tables=False)
    return SqliteHuey("tonne", results=False, filename=str(settings.instance_path / "jobs.sqlite"))


def on_wake(app: Flask, work: Callable[[], object]) -> None:
    """Say what a wake-up does: called once when the application is made."""
    huey = current_huey(app)
    heeded: set[str] = set()

    @huey.task(name=WAKE, context=True)
    def run_due(task: Task) -> None:
        """Nothing is due for a hint that waited already when the work before it began: that looked at everything."""
        if task.id in heeded:
            return
        waiting = {other.id for other in huey.pending()}
        with app.app_context():
            work()
        heeded.clear()
        heeded.update(waiting)

    @huey.periodic_task(crontab(), name="sweep")
    def sweep() -> None:
        with app.app_context():
            work()
            heartbeat.beat(now())

    app.extensions["tonne.wake"] = run_due


def when_worker_starts(app: Flask, prepare: Callable[[], object]) -> None:
    """Do something once in each worker, in its own thread, before its first wake-up."""

    def run() -> None:
        with app.app_context():
            prepare()

    current_huey(app).on_startup()(run)


def wake() -> None:
    """Hint that something may be due. Never fails: a lost hint only costs time.

    Where enough hints wait none is added: whoever takes one of them looks at everything that is due by then.
    """
    try:
        if current_app.extensions["tonne.huey"].pending_count() < ENOUGH_HINTS:
            current_app.extensions["tonne.wake"]()
    except Exception:
        log.warning("wake-up lost", exc_info=True)


def current_huey(app: Flask) -> Huey:
    """The queue of an application."""
    return cast(Huey, app.extensions["tonne.huey"])
