"""Commands for the catalogue: the mechanisms whose units can be traded."""

from __future__ import annotations

from pathlib import Path

import click
from flask import Flask
from flask.cli import AppGroup

from app.audit.service import Actor
from app.catalog.mechanism_file import MechanismsRefused
from app.catalog.mechanisms import load_mechanisms
from app.current import now

catalog_group = AppGroup("catalog", help="What can be traded.")

COMMAND = Actor(None, "flask catalog mechanisms")


def init_app(app: Flask) -> None:
    """Register the commands on `flask`."""
    app.cli.add_command(catalog_group)


@catalog_group.command("mechanisms", help="Load mechanisms, their units and levies from a TOML file.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def mechanisms(file: Path) -> None:
    """Load the whole file, or nothing and say every problem of it."""
    try:
        changed = load_mechanisms(file.read_text(encoding="utf-8"), actor=COMMAND, now=now())
    except UnicodeDecodeError:
        raise click.ClickException("The file is not text in UTF-8.") from None
    except MechanismsRefused as refused:
        for problem in refused.problems:
            click.echo(problem, err=True)
        click.echo("Nothing was changed.", err=True)
        raise SystemExit(1) from None
    for code, names in changed.items():
        click.echo(f"{code}: {', '.join(names)}")
    if not changed:
        click.echo("All of it was there already.")
