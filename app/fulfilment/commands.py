"""Commands that do what is due."""

from __future__ import annotations

import logging

import click
from flask import Flask, current_app
from flask.cli import AppGroup

from app import jobs
from app.certificates.ports import CertificateRenderer
from app.fulfilment.process import collaborators, run_due
from app.jobs import heartbeat

log = logging.getLogger(__name__)

work = AppGroup("work", help="Do what is due after payments.")


def init_app(app: Flask) -> None:
    """Register the commands on `flask`."""
    app.cli.add_command(work)


@work.command("once")
def once() -> None:
    """Do everything that is due now, then stop."""
    world = collaborators(_app())
    before_work(_app())
    click.echo(run_due(world))
    heartbeat.beat(world.clock.now())


@work.command("forever")
def forever() -> None:
    """Do what is due whenever something says so, and every minute anyway. Stops on SIGTERM."""
    app = _app()
    world = collaborators(app)
    before_work(app)
    try:
        run_due(world)
        heartbeat.beat(world.clock.now())
    except Exception:
        # As with every later round: the next one begins in a minute, and no sign of life says so.
        log.exception("the first round failed")
    jobs.when_worker_starts(app, lambda: prepare_to_draw(world.renderer))
    consumer = jobs.current_huey(app).create_consumer(
        workers=1, worker_type="thread", initial_delay=0.05, backoff=1.3, max_delay=0.5
    )
    consumer.run()


def before_work(app: Flask) -> None:
    """What rooms above this one look at before a worker does anything that cannot be undone."""
    for look in app.extensions.get("tonne.before_work", ()):
        look()


def prepare_to_draw(renderer: CertificateRenderer) -> None:
    """Warm up in the thread that will draw, and tell the log what this machine lacks."""
    renderer.warm_up()
    for problem in renderer.health():
        log.error("drawing certificates", extra={"facts": {"problem": problem}})


def _app() -> Flask:
    return current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - Flask's own way to the object
