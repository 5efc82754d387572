"""The one sentence that keeps a demonstration from being mistaken for the real thing."""

from __future__ import annotations

from datetime import datetime

from flask import Flask
from flask_babel import gettext

from app import current


def init_app(app: Flask) -> None:
    """Let every template know whether anything here is real, and who runs it."""
    app.jinja_env.globals.update(
        is_demonstration=current_settings_are_demonstration(app),
        demonstration_statement=statement,
        shown_time=shown_time,
        operator_name=app.extensions["tonne.settings"].operator_name,
    )


def current_settings_are_demonstration(app: Flask) -> bool:
    """Whether `app` was made with settings under which nothing that happens is real."""
    return bool(app.extensions["tonne.settings"].is_demonstration)


def shown_time() -> datetime | None:
    """The time that this copy pretends it is (aware UTC); None where it goes by the machine's clock."""
    return current.now() if current.settings().clock_start is not None else None


def statement() -> str:
    """What a demonstration says of itself, in the language in force: pages, mails, PDFs, data files."""
    if not current.settings().takes_real_money:
        return gettext(
            "This is a demonstration: no payment is real and no unit was cancelled in any United Nations registry."
        )
    return gettext("This is a demonstration: no unit was cancelled in any United Nations registry.")
