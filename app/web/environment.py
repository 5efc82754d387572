"""Jinja as this application uses it."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from flask import Flask
from flask.templating import Environment as FlaskEnvironment


class Environment(FlaskEnvironment):
    """Flask's, whose templates have what all of them know in one dictionary.

    Jinja chains two mappings in Python and asks them name by name, whenever a page begins and whenever one template
    takes a macro from another: eighty times for a purchase. What becomes known to all after a template was loaded
    is not seen by it; Jinja's manual asks not to do that anyway.
    """

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """What a template knows: `d` before what all know."""
        return {**self.globals, **(d or {})}


def init_app(app: Flask) -> None:
    """Comes before whatever asks for `app.jinja_env`, which makes it."""
    app.jinja_environment = Environment
