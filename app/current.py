"""What the running application is made of: its settings and its clock.

Views, jobs and commands take collaborators from here and hand them down as arguments.
"""

from __future__ import annotations

from datetime import datetime
from typing import cast

from flask import current_app

from app.config import Settings
from app.kernel.clock import Clock


def settings() -> Settings:
    """The settings this application was made with."""
    return cast(Settings, current_app.extensions["tonne.settings"])


def clock() -> Clock:
    """The clock this application was made with."""
    return cast(Clock, current_app.extensions["tonne.clock"])


def now() -> datetime:
    """The present instant by that clock, aware, in UTC."""
    return clock().now()
