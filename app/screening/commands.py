"""The operator's commands for sanctions lists. They speak English, like every command."""

from __future__ import annotations

from pathlib import Path

import click
from flask import Flask
from flask.cli import AppGroup

from app.audit.service import Actor
from app.current import now
from app.kernel.languages import DEFAULT_LANGUAGE
from app.screening import queries, service
from app.screening.edition import Source
from app.screening.errors import ListRefused
from app.screening.messages import problem_line
from app.web.i18n import in_locale

sanctions_group = AppGroup("sanctions", help="Sanctions lists that names are compared with.")
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def init_app(app: Flask) -> None:
    """Register the commands on `flask`."""
    app.cli.add_command(sanctions_group)


@sanctions_group.command("import", help="Take in FILE as the current edition of a source's list: all of it or nothing.")
@click.argument("source", type=click.Choice([source.value for source in Source]))
@click.argument("file", type=_FILE)
@click.option("--aliases", type=_FILE, help="alt.csv, where FILE is OFAC's sdn.csv.")
def import_command(source: str, file: Path, aliases: Path | None) -> None:
    """Import one edition and say how much it holds, or every problem of the file."""
    others = aliases.read_bytes() if aliases else b""
    actor = Actor(None, "flask sanctions import")
    try:
        taken = service.import_list(Source(source), file.read_bytes(), others, actor, now())
    except ListRefused as refused:
        with in_locale(DEFAULT_LANGUAGE):
            for problem in refused.problems:
                click.echo(problem_line(problem), err=True)
        raise click.ClickException("Nothing was changed.") from None
    if not taken.is_new:
        click.echo("This edition is the current one already. Nothing was changed.")
        return
    click.echo(f"{taken.source.value}: {taken.entries} entries with {taken.names} names are current.")
    click.echo(f"{queries.pending_count()} likenesses wait for a decision.")


@sanctions_group.command("list", help="The current edition of each list, and how old it is.")
def list_command() -> None:
    """Print source, edition, entries and age in days."""
    found = queries.current_lists()
    for kept in found:
        age = (now() - kept.imported_at).days
        published = kept.published or "no date in the file"
        click.echo(f"{kept.source:<5} {kept.entries:>7} entries  {published}  imported {age} days ago")
    if not found:
        click.echo("No list was imported: nobody is compared with anything.")
