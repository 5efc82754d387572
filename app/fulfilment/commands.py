"""Commands that do what is due."""

from __future__ import annotations

import click
from flask import Flask, current_app
from flask.cli import AppGroup

from app import jobs
from app.fulfilment.process import collaborators, run_due

work = AppGroup("work", help="Do what is due after payments.")


@work.command("once")
def once() -> None:
    """Do everything that is due now, then stop."""
    click.echo(run_due(collaborators(_app())))


@work.command("forever")
def forever() -> None:
    """Do what is due whenever something says so, and every minute anyway. Stops on SIGTERM."""
    run_due(collaborators(_app()))
    consumer = jobs.current_huey(_app()).create_consumer(
        workers=1, worker_type="thread", initial_delay=0.05, backoff=1.3, max_delay=0.5
    )
    consumer.run()


def _app() -> Flask:
    return current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - Flask's own way to the object
