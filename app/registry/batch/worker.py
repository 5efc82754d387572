"""The worker's part in batches, put together."""

from __future__ import annotations

from datetime import datetime

from flask import Flask

from app.registry.batch.packages import is_due, pack_due, settle_due
from app.registry.batch.ports import FormRenderer


def init_app(app: Flask, renderer: FormRenderer) -> None:
    """Let the worker make packages and settle batches after everything else."""
    settings = app.extensions["tonne.settings"]

    def tend(now: datetime) -> int:
        return pack_due(renderer, settings, now) + settle_due(now) if is_due() else 0

    app.extensions.setdefault("tonne.background", []).append(tend)
