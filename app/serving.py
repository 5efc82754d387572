"""`flask serve`: web server and worker together, for one machine."""

from __future__ import annotations

import shlex
import sys

import click
from flask import Flask, current_app
from honcho.manager import Manager

from app.config import Settings


def init_app(app: Flask) -> None:
    """Register the command."""
    app.cli.add_command(serve)


@click.command("serve")
def serve() -> None:
    """Serve the marketplace and do what is due, until stopped or until one of the two ends."""
    settings: Settings = current_app.extensions["tonne.settings"]
    manager = Manager()
    manager.add_process("web", shlex.join(web_command(settings)))
    manager.add_process("worker", shlex.join([sys.executable, "-m", "flask", "work", "forever"]))
    manager.loop()
    sys.exit(manager.returncode)


def web_command(settings: Settings) -> list[str]:
    """The web server's command line: granian, WSGI, no PDF is ever drawn in it."""
    return [
        sys.executable,
        "-m",
        "granian",
        "--interface",
        "wsgi",
        "--host",
        settings.host,
        "--port",
        str(settings.port),
        "--workers",
        str(settings.web_workers),
        "--blocking-threads",
        str(settings.web_threads),
        "--no-ws",
        "--log-level",
        "warning",
        "wsgi:app",
    ]
