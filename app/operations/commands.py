"""The keeper's command. It speaks English, like every command."""

from __future__ import annotations

import json
from collections import Counter

import click
from flask import current_app
from flask.cli import with_appcontext

from app import current
from app.fulfilment.process import collaborators
from app.operations.doctor import examine
from app.operations.findings import Finding, worst
from app.operations.patient import Patient


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
