"""What happens after the buyer pressed the last button."""

from __future__ import annotations

from flask import Flask

from app import jobs
from app.fulfilment import risk, webhooks
from app.fulfilment.process import collaborators, run_due
from app.registry import settlement


def init_app(app: Flask) -> None:
    """Register the webhook route, what operators may propose, and what a wake-up does."""
    risk.init_app()
    settlement.init_app()
    app.register_blueprint(webhooks.blueprint)
    jobs.on_wake(app, lambda: run_due(collaborators(app)))
