"""Commands for operators: loading CSV files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
from flask import Flask
from flask.cli import AppGroup
from flask_babel import gettext

from app.current import now
from app.desk.loading import IMPORTERS
from app.kernel.csvtable import ImportRefused, ImportReport, decode
from app.kernel.languages import DEFAULT_LANGUAGE
from app.offers import search_index
from app.web.i18n import in_locale
from app.web.import_errors import line, report_line

import_group = AppGroup("import", help="Load a CSV file: the whole file, or nothing and every problem of it.")
search_group = AppGroup("search", help="The words that projects are found by.")


def init_app(app: Flask) -> None:
    """Register the commands on `flask`."""
    app.cli.add_command(import_group)
    app.cli.add_command(search_group)


def _command(name: str, run: Callable[..., ImportReport], help_text: str) -> None:
    @import_group.command(name, help=help_text)
    @click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
    def command(file: Path) -> None:
        with in_locale(DEFAULT_LANGUAGE):
            try:
                report = run(decode(file.read_bytes()), now=now())
            except ImportRefused as refused:
                for error in refused.errors:
                    click.echo(line(error), err=True)
                click.echo(gettext("Nothing was changed."), err=True)
                raise SystemExit(1) from None
            click.echo(report_line(report))


_command("providers", IMPORTERS["providers"], "Project participants that offer units.")
_command("projects", IMPORTERS["projects"], "Projects and programmes of activities.")
_command("issuances", IMPORTERS["issuances"], "Issuances of the registry, with their serial numbers.")
_command("cancellations", IMPORTERS["cancellations"], "Cancellations that the registry has published.")
_command("holdings", IMPORTERS["holdings"], "What lies in the accounts of project participants.")
_command("statements", IMPORTERS["statements"], "What a registry without an interface states to be held.")
_command("offers", IMPORTERS["offers"], "Offers, put on sale at once.")


@search_group.command("rebuild", help="Write the words of every project anew: after the synonyms have changed.")
def rebuild() -> None:
    """Rebuild the search."""
    click.echo(f"{search_index.rebuild()} projects can be found.")
