"""Commands of the demonstration."""

from __future__ import annotations

import click
from flask import Flask
from flask.cli import AppGroup
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from app.current import now, settings
from app.demo.history import load_history
from app.demo.people import code_of, make_people
from app.demo.world import DemoRefused, load
from app.kernel.csvtable import ImportRefused
from app.kernel.languages import DEFAULT_LANGUAGE
from app.web.i18n import in_locale
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
            reports = {**load(now()), "history": load_history(now())}
        except DemoRefused as refused:
            raise click.ClickException(str(_REASONS[str(refused.facts["reason"])])) from None
        except ImportRefused as refused:
            raise click.ClickException("\n".join(map(line, refused.errors))) from None
        for name, report in reports.items():
            click.echo(gettext("%(file)s: %(report)s", file=name, report=report_line(report)))


@demo_group.command("people", help="Make two operators, an applicant and a seller to try it as; prints how to sign in.")
def people_command() -> None:
    """Print address, password and second factor of each; a second time gives new ones."""
    try:
        keys = make_people(now())
    except DemoRefused as refused:
        raise click.ClickException(str(_REASONS[str(refused.facts["reason"])])) from None
    click.echo(f"Sign in at {settings().public_base_url}/en/account/sign-in")
    for key in keys:
        click.echo(f"\n{key.what}\n  e-mail         {key.email}")
        click.echo(f"  password       {key.password}\n  second factor  {key.totp_secret}")
    click.echo("\nSix digits without an authenticator app: flask demo code EMAIL")


@demo_group.command("code", help="The six digits that the authenticator app of one of these people shows now.")
@click.argument("email")
def code_command(email: str) -> None:
    """Print the code; each works once, and a new one comes every 30 seconds."""
    try:
        code = code_of(email.lower(), now())
    except DemoRefused as refused:
        raise click.ClickException(str(_REASONS[str(refused.facts["reason"])])) from None
    if code is None:
        raise click.ClickException("This is none of the people that flask demo people made.")
    click.echo(code)
