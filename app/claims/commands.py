"""The operator's desk for risky wordings, on the command line."""

from __future__ import annotations

import click
from flask import Flask
from flask.cli import AppGroup

from app.claims import service
from app.claims.errors import AlreadyDecided, UnknownReview
from app.claims.queries import ReviewRow, reviews
from app.claims.states import WordingState
from app.current import now

claims = AppGroup("claims", help="Decide about wordings that are held back from public pages.")


def init_app(app: Flask) -> None:
    """Register the commands on `flask`."""
    app.cli.add_command(claims)


@claims.command("list")
@click.option("--all", "everything", is_flag=True, help="Also those that are decided.")
def list_reviews(everything: bool) -> None:
    """Wordings that wait for a decision, the oldest first."""
    found = reviews(only_pending=not everything)
    for review in found:
        click.echo(_described(review))
    click.echo(f"{len(found)} in the list.")


@claims.command("release")
@click.argument("review", type=int)
@click.option("--by", required=True, help="Who decides.")
@click.option("--reason", required=True, help="Why it may be public.")
def release(review: int, by: str, reason: str) -> None:
    """Let a wording stand on public pages."""
    _decide(review, WordingState.RELEASED, by, reason)


@claims.command("withhold")
@click.argument("review", type=int)
@click.option("--by", required=True, help="Who decides.")
@click.option("--reason", required=True, help="Why it stays off public pages.")
def withhold(review: int, by: str, reason: str) -> None:
    """Keep a wording off public pages; the buyer's own certificate keeps it."""
    _decide(review, WordingState.WITHHELD, by, reason)


def _decide(review: int, to: WordingState, by: str, reason: str) -> None:
    try:
        service.decide(review, to, by=by.strip()[:120], reason=reason.strip()[:500], now=now())
    except UnknownReview:
        raise click.ClickException(f"There is no review {review}.") from None
    except AlreadyDecided:
        raise click.ClickException(f"Review {review} is {to.value} already.") from None
    click.echo(f"Review {review} is {to.value}.")


def _described(review: ReviewRow) -> str:
    lines = [f"{review.id}  {review.state.value}  {', '.join(review.rules)}  {', '.join(review.certificates)}"]
    lines += [f"    name: {review.name}"] if review.name else []
    lines += [f"    purpose: {review.purpose}"] if review.purpose else []
    if review.decided_at is not None:
        lines.append(f"    {review.decided_at:%Y-%m-%d %H:%M} UTC, {review.decided_by}: {review.reason}")
    return "\n".join(lines)
