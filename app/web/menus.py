"""Menus that every page has, drawn once in each language: they are most of the words and addresses of a small page."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, request
from markupsafe import Markup, escape

from app.web.i18n import current_language


def init_app(app: Flask) -> None:
    """Give every template `menu(name, draw)`."""
    drawn: dict[tuple[str, str], str] = {}

    def menu(name: str, draw: Callable[[], Markup]) -> Markup:
        """What `draw` says in the language in force, with the link to the present page marked as that.

        `draw` must say the same to everybody and write its links as `<a href="…">`.
        """
        key = name, current_language()
        if key not in drawn:
            drawn[key] = str(draw())
        link = f'<a href="{escape(request.path)}"'
        return Markup(drawn[key].replace(f"{link}>", f'{link} aria-current="page">'))  # noqa: S704 - drawn by a template

    app.jinja_env.globals["menu"] = menu
