"""Comparing on demand. It speaks English, like every command."""

from __future__ import annotations

import click
from flask import Flask, current_app
from flask.cli import with_appcontext

from app.fulfilment.process import collaborators
from app.jobs import hold
from app.reconciliation import queries, restored, service
from app.reconciliation.errors import JournalBroken

SOME_DIFFER = 1


def init_app(app: Flask) -> None:
    """Register the command on `flask`."""
    app.cli.add_command(reconcile)


@click.command("reconcile", help="Compare our books with every registry's, and payments with certificates.")
@click.option("--quick", is_flag=True, help="Go deeper only where the totals differ.")
@click.pass_context
@with_appcontext
def reconcile(context: click.Context, quick: bool) -> None:
    """Print what was compared and every difference nobody explained; exit code 1 if there is one.

    While a restoration hold stands it learns from the journal and compares what the backup forgot.
    """
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - Flask's own way to the object
    world = collaborators(app)
    try:
        result = restored.compare(world) if hold.stands() else service.compare_now(world, is_thorough=not quick)
    except JournalBroken as broken:
        raise click.ClickException(f"The journal cannot be true: {broken}. Nothing was changed.") from None
    click.echo(f"Accounts compared: {result.accounts}, without an answer: {result.unread}.")
    for finding in queries.open_findings():
        where = " ".join(part for part in (finding.registry_code, finding.account, finding.subject) if part)
        click.echo(f"  {finding.kind}: {where}: ours {finding.ours or '-'}, theirs {finding.theirs or '-'}")
    click.echo(f"Differences: {result.differences or 'none'}.")
    if hold.stands():
        click.echo("The restoration hold stands: two operators lift it at the desk, under Comparison of books.")
    context.exit(SOME_DIFFER if result.differences else 0)
