"""The keeper’s commands. They speak English, like every command."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from sqlalchemy.exc import SQLAlchemyError

from app import current
from app.fulfilment.process import collaborators
from app.operations import rights
from app.operations.archive import BackupRefused
from app.operations.backup import back_up
from app.operations.doctor import examine
from app.operations.findings import Finding, worst
from app.operations.patient import Patient
from app.operations.restore import restore
from app.operations.seals import reseal
from app.reconciliation.errors import JournalBroken


def init_app(app: Flask) -> None:
    """Register the commands on `flask`."""
    for command in (doctor, reseal_command, grant_command, backup, restore_command):
        app.cli.add_command(command)


@click.command("doctor", help="Look at everything this copy needs, and say what to do.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
@click.option("--online", is_flag=True, help="Also ask PUBLIC_BASE_URL whether it is this copy.")
@click.pass_context
@with_appcontext
def doctor(context: click.Context, as_json: bool, online: bool) -> None:
    """Print one line for each finding; the exit code is 0 when all is well, 1 for warnings, 2 for problems."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - Flask's own way to the object
    findings = examine(Patient(current.settings(), collaborators(app), online=online))
    level = worst(findings)
    if as_json:
        click.echo(json.dumps({"level": level, "findings": [vars(finding) for finding in findings]}, indent=2))
    else:
        for line in _lines(findings):
            click.echo(line)
    context.exit(level.exit_code)


def _lines(findings: list[Finding]) -> list[str]:
    lines = [f"{finding.level:<8} {finding.check:<13} {finding.words}" for finding in findings]
    tally = Counter(finding.level.value for finding in findings)
    return [*lines, "", f"{tally['ok']} ok, {tally['warning']} warnings, {tally['problem']} problems."]


@click.command("reseal", help="Seal everything with the present SECRET_KEY: after it was replaced.")
@with_appcontext
def reseal_command() -> None:
    """Print what was sealed anew; the exit code is 1 when something cannot be opened with any known secret."""
    report = reseal(current.settings().keyring)
    for words in sorted({*report.anew, *report.present, *report.broken}):
        click.echo(
            f"{words}: {report.anew[words]} sealed anew, {report.present[words]} were already, "
            f"{report.broken[words]} cannot be opened"
        )
    if report.broken.total():
        raise click.ClickException("Put the secret they were sealed with into SECRET_KEY_FALLBACKS, and try again.")
    click.echo("Everything is sealed with the present SECRET_KEY: SECRET_KEY_FALLBACKS can be emptied.")


@click.command("grant", help="Let the role ROLE of PostgreSQL do what the services do, and nothing else.")
@click.argument("role")
@with_appcontext
def grant_command(role: str) -> None:
    """To be run as the owner of the tables, after each migration."""
    try:
        rights.grant(role)
    except rights.NoRolesHere:
        raise click.ClickException("SQLite has no roles: only DATABASE_URL of PostgreSQL has.") from None
    except SQLAlchemyError as problem:
        raise click.ClickException(f"{problem.__cause__} Nothing was changed.") from None
    click.echo(f"{role} reads and writes rows, changes no record of what happened, and makes or drops no table.")


@click.command("backup", help="Write database, files and journal to a new directory TARGET, while the shop goes on.")
@click.argument("target", type=click.Path(path_type=Path))
@with_appcontext
def backup(target: Path) -> None:
    """Print what the backup holds; only this user can read it."""
    try:
        manifest = back_up(current.settings(), target.absolute(), current.now())
    except BackupRefused as refused:
        raise click.ClickException(f"{refused} Nothing was written.") from None
    size = sum(int(known["size"]) for known in manifest.files.values())
    click.echo(f"{target}: {len(manifest.files)} files, {size} bytes, {manifest.database}, as of {manifest.made_at}.")


@click.command("restore", help="Put the backup in SOURCE in place, and hold everything irreversible back.")
@click.argument("source", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Lose what is in the database now.")
@with_appcontext
def restore_command(source: Path, replace: bool) -> None:
    """Print what was restored, what the journal knew beyond it, and what to do next."""
    try:
        manifest, done = restore(current.settings(), source.absolute(), current.clock(), is_replacing=replace)
    except BackupRefused as refused:
        raise click.ClickException(f"{refused} Nothing was changed.") from None
    except JournalBroken as broken:
        raise click.ClickException(
            f"Restored, and the hold stands; but the journal cannot be true: {broken}. "
            "Put the right one in its place, then flask reconcile."
        ) from None
    click.echo(f"Restored as of {manifest.made_at}.")
    click.echo(
        f"From the journal: {done.transactions} transactions of the ledger, {done.numbers} numbers of certificates "
        f"and complaints, {done.packages} packages of batches that the backup did not know."
    )
    click.echo("Nothing is sent, certified, charged or refunded before two operators lift the hold.")
    click.echo("Next: flask reconcile; then the desk, Comparison of books.")
