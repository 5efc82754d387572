"""Commands for the published books of a registry: load them, and report from them."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import click
from flask import Flask
from flask.cli import AppGroup
from flask_babel import gettext

from app.current import now
from app.kernel.languages import DEFAULT_LANGUAGE
from app.registry.errors import AccountTaken, UnknownHolder
from app.registry.ledger.history.reading import HistoryRefused, Kind, Problem, PublishedFile
from app.registry.ledger.history.service import BooksChanged, HistoryReport, UnknownMechanism, import_history
from app.registry.ports import UnknownRegistry, current_registries
from app.registry.service import assign_account
from app.reporting.statistics.forms import REPORT_FROM, REPORT_TO, Period
from app.reporting.statistics.report import make_report
from app.reporting.statistics.report_files import as_csv, as_json, as_text
from app.reporting.statistics.words import source_kind
from app.web.i18n import in_locale
from app.web.import_errors import line, report_line

registry_group = AppGroup("registry", help="The published books of a registry.")
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_DAY = click.DateTime(["%Y-%m-%d"])


def init_app(app: Flask) -> None:
    """Register the commands on `flask`."""
    app.cli.add_command(registry_group)


@registry_group.command("import", help="Load published issuances and cancellations; what is there changes nothing.")
@click.option("--issuances", type=_FILE, help="CSV of issuances.")
@click.option("--opening", type=_FILE, help="CSV of ranges issued before: an extract's opening balances.")
@click.option("--cancellations", type=_FILE, help="CSV of cancellations.")
@click.option("--channels", type=_FILE, help="CSV of cancellations whose channel is another one.")
@click.option("--mechanism", default="CDM", show_default=True, help="The mechanism that the units are of.")
def import_command(mechanism: str, **given: Path | None) -> None:
    """Load the files, all or nothing of what is wrong with them said."""
    files = [PublishedFile(kind, path.name, path.read_bytes()) for kind in Kind if (path := given[kind.value])]
    if not files:
        raise click.UsageError("Name at least one file: --issuances, --opening, --cancellations or --channels.")
    with in_locale(DEFAULT_LANGUAGE):
        try:
            report = import_history(files, mechanism_code=mechanism, now=now())
        except HistoryRefused as refused:
            for problem in refused.problems:
                click.echo(_problem(problem), err=True)
            click.echo(gettext("Nothing was changed."), err=True)
            raise SystemExit(1) from None
        except UnknownMechanism:
            raise click.ClickException(gettext("There is no mechanism %(value)s.", value=mechanism)) from None
        except BooksChanged:
            raise click.ClickException(
                gettext("Somebody changed the books meanwhile. What was entered is right: run it again for the rest.")
            ) from None
        for text in _said(report):
            click.echo(text)


@registry_group.command("account", help="Note that REGISTRY keeps ACCOUNT for the project participant PROVIDER.")
@click.argument("registry")
@click.argument("account")
@click.argument("provider")
def account_command(registry: str, account: str, provider: str) -> None:
    """Assign an account, or say that it is known."""
    try:
        current_registries().of(registry)
        is_new = assign_account(account, registry, provider)
    except UnknownRegistry:
        raise click.ClickException(f"REGISTRIES does not name {registry}.") from None
    except UnknownHolder:
        raise click.ClickException(f"There is no project participant {provider}.") from None
    except AccountTaken:
        raise click.ClickException(f"{account} is another participant's, or another registry keeps it.") from None
    click.echo(f"{registry} keeps {account} for {provider}." + ("" if is_new else " That was known."))


@registry_group.command("report", help="What the published books say of a period of whole UTC days, both included.")
@click.option("--from", "first", type=_DAY, default=REPORT_FROM.isoformat(), show_default=True)
@click.option("--to", "last", type=_DAY, default=REPORT_TO.isoformat(), show_default=True)
@click.option("--format", "form", type=click.Choice(["text", "json", "csv"]), default="text", show_default=True)
def report_command(first: datetime, last: datetime, form: str) -> None:
    """Print the report."""
    days: tuple[date, date] = (first.date(), last.date())
    if days[0] > days[1]:
        raise click.UsageError("The period ends before it begins.")
    with in_locale(DEFAULT_LANGUAGE):
        report = make_report(Period(*days))
        if form == "text":
            click.echo("\n".join(as_text(report)))
        else:
            click.echo(as_json(report) if form == "json" else as_csv(report), nl=False)


def _said(report: HistoryReport) -> list[str]:
    said = [report_line(report.rows)]
    said += [
        gettext(
            "Kept apart, %(file)s, row %(row)s: %(units)s units of type %(unit_type)s of %(project)s",
            file=source_kind(entry.kind.value),
            row=entry.number,
            units=entry.units,
            unit_type=entry.unit_type,
            project=entry.project,
        )
        for entry in report.kept_apart
    ]
    if report.rows.created:
        said.append(gettext("Make a backup now: the journal does not hold what was imported."))
    return said


def _problem(problem: Problem) -> str:
    return f"{source_kind(problem.file.value)}: {line(problem.error)}"
