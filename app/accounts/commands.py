"""The commands that name operators and help people. They speak English, like every command."""

from __future__ import annotations

import click
from email_validator import EmailNotValidError, validate_email
from flask import Flask
from flask.cli import AppGroup

from app import jobs
from app.accounts.errors import NoSuchPerson
from app.accounts.service import lost_factors, operators
from app.audit.errors import ReasonMissing
from app.current import now, settings
from app.kernel.languages import DEFAULT_LANGUAGE, LANGUAGES

operator_group = AppGroup("operator", help="Say who operates this marketplace.")
people_group = AppGroup("people", help="Accounts of people.")


def init_app(app: Flask) -> None:
    """Register the commands on `flask`."""
    app.cli.add_command(operator_group)
    app.cli.add_command(people_group)


@operator_group.command("add", help="Make the person with this address an operator; makes the account if needed.")
@click.argument("email")
@click.option(
    "--language", default=DEFAULT_LANGUAGE, type=click.Choice(list(LANGUAGES)), help="Language of a new account."
)
def add_command(email: str, language: str) -> None:
    """Print, and mail, the link that sets the operator's password; it works once, for 24 hours."""
    try:
        address = validate_email(email, check_deliverability=False).normalized
    except EmailNotValidError as problem:
        raise click.ClickException(f"This is no e-mail address: {problem}") from None
    link = operators.add(address, language, settings(), now())
    jobs.wake()
    click.echo(f"{address} is an operator. The link that sets the password works once, for 24 hours:")
    click.echo(link)
    click.echo("The second factor is set up at the first sign-in.")


@operator_group.command("remove", help="Make an operator an ordinary person again, signed out everywhere.")
@click.argument("email")
def remove_command(email: str) -> None:
    """Take the desk away from somebody; the account stays."""
    try:
        operators.remove(email, now())
    except NoSuchPerson:
        raise click.ClickException(f"{email} is no operator. Nothing was changed.") from None
    click.echo(f"{email} is no operator any more.")


@people_group.command("reset-factors", help="Take every second factor away from whoever lost them all.")
@click.argument("email")
@click.option("--reason", required=True, help="How it was made sure who asks, and which two people agreed.")
def reset_factors_command(email: str, reason: str) -> None:
    """Print what was done; the link of a new password goes to the mailbox alone."""
    try:
        lost_factors.reset(email, reason, settings(), now())
    except (NoSuchPerson, ReasonMissing):
        raise click.ClickException("Nobody has this address, or the reason is empty. Nothing was changed.") from None
    jobs.wake()
    click.echo(f"{email} has no second factor and no password any more, and was mailed a link that sets one.")


@operator_group.command("list", help="The operators' addresses.")
def list_command() -> None:
    """Print one address a line."""
    found = operators.addresses()
    for address in found:
        click.echo(address)
    if not found:
        click.echo("Nobody is an operator. Name one: flask operator add EMAIL")
