"""The application for a WSGI server, made from the environment."""

import gc
import os
import sys

# What is made while modules are loaded stays for good. Looking through it for rubbish again and again takes a sixth
# of the start, so the collector waits, and then leaves all of it alone.
gc.disable()

from flask import Flask  # noqa: E402 - the collector first
from sqlalchemy import make_url  # noqa: E402 - as above
from sqlalchemy.orm import configure_mappers  # noqa: E402 - as above

from app.config import BadSettings, Settings  # noqa: E402 - as above
from app.front import make_front  # noqa: E402 - as above
from app.kernel.clock import clock_from  # noqa: E402 - as above
from app.opening import Opening  # noqa: E402 - as above


def make_whole(*, is_command: bool = False) -> Flask:
    """The application with all its rooms; a web server's is ready to query."""
    if not is_command:
        # huey loads each driver that is installed. PostgreSQL's takes 9 MB, SQLite's 2.
        other = "psycopg" if make_url(settings.database_url).get_backend_name() == "sqlite" else "sqlite3"
        sys.modules[other] = None  # type: ignore[assignment]  # Python's word for what cannot be imported
    from app.factory import create_app  # noqa: PLC0415 - a web server shows the list before it loads the rest

    whole = create_app(settings, clock=clock, with_commands=is_command)
    if not is_command:
        configure_mappers()
    return whole


def settle() -> None:
    """Let the collector leave alone what is there now."""
    gc.freeze()
    gc.enable()


def tidy_up() -> None:
    """The same, when the front has become rubbish."""
    gc.collect()
    settle()


try:
    settings = Settings.from_environment()
    clock = clock_from(settings.clock_start)
    # Set by `flask`, whose commands find the application here too.
    if os.environ.get("FLASK_RUN_FROM_CLI") == "true":
        app: Flask | Opening = make_whole(is_command=True)
        settle()
    else:
        app = Opening(make_front(settings, clock, keeps_connections=False), make_whole, tidy_up)
except BadSettings as bad:
    sys.exit("Tonne does not start with these settings:\n" + "\n".join(f"  {problem}" for problem in bad.problems))
