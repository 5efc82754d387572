"""Running the house: how it stands, in numbers for machines and in sentences for whoever keeps it."""

from __future__ import annotations

from flask import Flask

from app.current import now
from app.jobs import heartbeat
from app.operations import requests, views
from app.web.views import watch_over


def init_app(app: Flask) -> None:
    """Count requests, serve the numbers, and let `/health` ask for the worker."""
    requests.init_app(app)
    app.register_blueprint(views.bp)
    watch_over(app, "worker", lambda: heartbeat.state_of_worker(now()))
