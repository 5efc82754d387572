"""Commands of the demonstration."""

from __future__ import annotations

import click
from flask import Flask
from flask.cli import AppGroup
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from app.current import now
from app.demo.world import DemoRefused, load
from app.kernel.csvtable import ImportRefused
from app.web.i18n import DEFAULT_LANGUAGE, in_locale
from app.web.import_errors import line, report_line

demo_group = AppGroup("demo", help="The demonstration world.")

_REASONS = {
    "real_settings": _("Payment and registry are real here: the demonstration world is refused."),
    "real_orders": _("The database has real orders: the demonstration world is refused."),
}


def init_app(app: Flask) -> None:
    """Register the commands on `flask`."""
    app.cli.add_command(demo_group)


@demo_group.command("load", help="Load the demonstration world; a second time changes nothing.")
def load_command() -> None:
    """Load the demonstration world and say what it changed."""
    with in_locale(DEFAULT_LANGUAGE):
        try:
            reports = load(now())
        except DemoRefused as refused:
            raise click.ClickException(str(_REASONS[str(refused.facts["reason"])])) from None
        except ImportRefused as refused:
            raise click.ClickException("\n".join(map(line, refused.errors))) from None
        for name, report in reports.items():
            click.echo(gettext("%(file)s: %(report)s", file=name, report=report_line(report)))
