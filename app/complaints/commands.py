"""The operator's commands for complaints. They speak English, like every command."""

from __future__ import annotations

from typing import TextIO

import click
from flask import Flask
from flask.cli import AppGroup

from app import jobs
from app.complaints import queries, service
from app.complaints.errors import ComplaintClosed, NoSuchComplaint, ReplyUnfit
from app.complaints.states import OUTCOMES, ComplaintState
from app.current import now, settings
from app.kernel.errors import Refusal

complaints_group = AppGroup("complaints", help="Read complaints and answer them.")


def init_app(app: Flask) -> None:
    """Register the commands on `flask`."""
    app.cli.add_command(complaints_group)


@complaints_group.command("list", help="Complaints that wait for an answer, the most urgent first.")
def list_command() -> None:
    """Print number, last day of an answer in time, language, and what each is about; no personal data."""
    found = queries.waiting(now().date())
    for complaint in found:
        late = "  LATE" if complaint.is_late else ""
        about = f"  about {complaint.about}" if complaint.about else ""
        click.echo(f"{complaint.number}  answer by {complaint.due_on}  {complaint.locale}{about}{late}")
    if not found:
        click.echo("No complaint waits for an answer.")


@complaints_group.command("show", help="One complaint whole, with personal data.")
@click.argument("number")
def show_command(number: str) -> None:
    """Print everything about one complaint."""
    complaint = queries.find_by_number(number.upper(), now().date())
    if complaint is None:
        raise click.ClickException(f"There is no complaint {number}.")
    rows = [
        ("Number", complaint.number),
        ("State", complaint.state.value + (", late" if complaint.is_late else "")),
        ("Received", complaint.received_at.isoformat(timespec="seconds")),
        ("Answer by", complaint.due_on.isoformat()),
        ("Language", complaint.locale),
        ("From", complaint.email),
        ("About", complaint.about or "-"),
    ]
    for label, value in rows:
        click.echo(f"{label + ':':<11} {value}")
    parts = [("What went wrong", complaint.problem), ("What would put it right", complaint.wish)]
    for label, text in [*parts, ("Our answer", complaint.reply)]:
        if text:
            click.echo(f"\n{label}:\n{text}")


@complaints_group.command("answer", help="Close a complaint with the reply in FILE (- reads it from the keyboard).")
@click.argument("number")
@click.argument("file", type=click.File("r", encoding="utf-8"))
@click.option("--outcome", required=True, type=click.Choice([outcome.value for outcome in OUTCOMES]))
def answer_command(number: str, file: TextIO, outcome: str) -> None:
    """Close a complaint; the reply is mailed and shown on its page."""
    try:
        service.answer(number.upper(), ComplaintState(outcome), file.read(), settings(), now())
    except UnicodeDecodeError:
        raise click.ClickException("The reply is not UTF-8 text. Nothing was changed.") from None
    except Refusal as refusal:
        raise click.ClickException(_reason(refusal)) from None
    jobs.wake()
    click.echo(f"Complaint {number.upper()} is closed as {outcome}; the answer is on its way.")


def _reason(refusal: Refusal) -> str:
    sentences = {
        NoSuchComplaint.code: "There is no complaint {number}.",
        ComplaintClosed.code: "Complaint {number} was closed before, as {state}. Nothing was changed.",
        ReplyUnfit.code: "The reply must have 1 to {longest} characters. Nothing was changed.",
    }
    return sentences[refusal.code].format(**refusal.facts)
