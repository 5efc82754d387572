"""Cancelling own units in the participant's room."""

from __future__ import annotations

from flask import Flask

from app.direct import service
from app.direct.queries import promised_units
from app.offers.pools import other_promises
from app.screening.service import screen_again


def init_app(app: Flask) -> None:
    """Let direct cancellations count among what is promised of a pool, and their names among those to be screened."""
    del app
    other_promises("direct_cancellations", promised_units)
    screen_again(service.KIND, service.open_subjects)
