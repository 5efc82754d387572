"""The operator's commands for the embedded registry. They speak English, like every command."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

import click
from flask import Flask
from flask.cli import AppGroup

from app.current import now
from app.kernel.csvtable import CellRefused, amount, minor_units
from app.kernel.errors import Refusal
from app.kernel.money import Money
from app.registry.ledger import codes, queries, service
from app.registry.ledger.errors import ForwardingUnfit, IssuanceUnfit, PaymentUnfit
from app.registry.ledger.queries import IssuanceView, TransactionRow
from app.registry.ledger.service import Issue

ledger_group = AppGroup("ledger", help="The embedded registry: issue, take the share of proceeds, forward, look.")

T = TypeVar("T")

_PROBLEMS = {
    "nothing_due": "nothing is due for this issuance",
    "currency": "the share of proceeds is due in another currency",
    "amount": "the amount must be above zero",
    "payer": "say who paid, in at most 200 characters",
    "reference": "give the bank's reference, in at most 80 characters",
    "reused": "this reference stands for another payment",
    "too_much": "it is more than is due",
    "account": "there is no such holding account",
    "units": "give a whole number above zero",
    "not_released": "not so many units are released",
}


def init_app(app: Flask) -> None:
    """Register the commands on `flask`."""
    app.cli.add_command(ledger_group)


@ledger_group.command("issue", help="Issue UNITS of PROJECT into the pending account, less the mechanism's shares.")
@click.argument("project")
@click.argument("units", type=click.IntRange(min=1))
@click.option("--unit-type", default="CER", show_default=True)
@click.option("--party", help="Host Party; that of the project's reference unless given.")
@click.option("--period", type=int, help="Commitment period.")
@click.option("--vintage", type=int, help="Calendar year of the reductions, where the mechanism has no periods.")
def issue_command(
    project: str, units: int, unit_type: str, party: str | None, period: int | None, vintage: int | None
) -> None:
    """Issue, and say which serial numbers, and what is due."""
    reference = project.upper()
    wish = Issue(
        project_reference=reference,
        unit_type=unit_type,
        party=(party or reference[:2]).upper(),
        units=units,
        commitment_period=period,
        vintage_year=vintage,
    )
    issued = _do(lambda: service.issue(wish, now=now()))
    span, levies = issued.span, issued.levies
    click.echo(f"Issuance {issued.issuance_id}: {span.space} {span.first} to {span.last}, {issued.entry.identifier}.")
    for share in levies.shares:
        click.echo(f"  {share.code}: {share.units} units to account type {share.account_type}")
    click.echo(f"  Share of proceeds due: {_amount(levies.fee) if levies.fee else 'none'}")


@ledger_group.command("pay", help="Book a payment of the share of proceeds of ISSUANCE, such as 3250.00.")
@click.argument("issuance", type=int)
@click.argument("paid")
@click.option("--payer", required=True, help="Who paid.")
@click.option("--reference", required=True, help="The bank's reference: it stands for this one payment.")
def pay_command(issuance: int, paid: str, payer: str, reference: str) -> None:
    """Book, and say what is released."""
    currency = _view(issuance).fee_due.currency
    try:
        money = Money(minor_units(amount(paid), currency), currency)
    except CellRefused:
        raise click.ClickException(f"{paid} is no amount in {currency}. Nothing was changed.") from None
    _do(lambda: service.pay_share_of_proceeds(issuance, money, payer=payer, reference=reference, now=now()))
    view = _view(issuance)
    click.echo(f"Paid {_amount(view.fee_paid)} of {_amount(view.fee_due)}; {view.pending.releasable} units may go.")


@ledger_group.command("forward", help="Forward exactly UNITS of ISSUANCE to the holding account ACCOUNT.")
@click.argument("issuance", type=int)
@click.argument("account")
@click.argument("units", type=int)
def forward_command(issuance: int, account: str, units: int) -> None:
    """Forward, and say under which transaction."""
    _view(issuance)
    entry = _do(lambda: service.forward(issuance, account, units, now=now()))
    click.echo(f"{entry.identifier}: {units} units forwarded to {account}.")


@ledger_group.command("accounts", help="Every account with what lies in it.")
def accounts_command() -> None:
    """Print identifier, units, type and holder."""
    for row in queries.accounts():
        name = codes.ACCOUNT_TYPES[row.type_code].name
        click.echo(f"{row.identifier:<16} {row.units:>14} units in {row.blocks} blocks  {name}; {row.holder}")


@ledger_group.command("show", help="One issuance by its number, or those of a project by its reference.")
@click.argument("what")
def show_command(what: str) -> None:
    """Print what is due, paid and released, where the units lie, and the transactions."""
    if not what.isdigit():
        found = queries.issuances_of(what.upper())
        for it in found:
            click.echo(f"{it.id}: {it.unit_type} {it.space} {it.first} to {it.last}, {it.units} units")
        if not found:
            raise click.ClickException(f"The ledger has no issuance of {what.upper()}.")
        return
    view = _view(int(what))
    it = view.issuance
    click.echo(f"{it.project_reference} {it.unit_type} {it.space} {it.first} to {it.last}, {it.units} units")
    click.echo(f"Paid {_amount(view.fee_paid)} of {_amount(view.fee_due)}; {view.pending.releasable} units may go.")
    for block in view.blocks:
        click.echo(f"  {block.span.first} to {block.span.last}: {block.span.units} in {block.account}")
    for line in _lines(view.transactions):
        click.echo(line)


@ledger_group.command("codes", help="The codes of the exchange standard that the ledger knows.")
def codes_command() -> None:
    """Print accounts, units, periods, transactions and states, with what may follow each state."""
    click.echo("Accounts")
    for account in codes.ACCOUNT_TYPES.values():
        click.echo(f"  {account.code:>3}  {account.name} ({account.use})")
    click.echo("Units")
    for unit in codes.UNIT_KINDS.values():
        click.echo(f"  {unit.code:>3}  {unit.name}")
    click.echo("Commitment periods")
    for period in codes.COMMITMENT_PERIODS.values():
        click.echo(f"  {period.code:>3}  {period.starts_on} to {period.ends_on}")
    click.echo("Transactions")
    for kind in codes.TRANSACTION_TYPES.values():
        click.echo(f"  {kind.code:>3}  {kind.name}" + ("" if kind.ways else " (not carried out here)"))
        for code, name in kind.supplementary.items():
            click.echo(f"       {code:>3}  {name}")
    click.echo("States")
    for state in codes.STATES.values():
        after = ", ".join(str(code) for code in sorted(state.following)) or "final"
        click.echo(f"  {state.code:>3}  {state.name}: {after}" + (" (local)" if state.is_local else ""))


def _lines(rows: Iterable[TransactionRow]) -> Iterable[str]:
    for row in rows:
        kind, state = codes.TRANSACTION_TYPES[row.type_code], codes.STATES[row.state_code]
        at = row.completed_at.isoformat(timespec="seconds")
        way = f"{row.source or 'outside'} to {row.target}"
        yield f"  {row.identifier} {at} {kind.name} ({row.type_code}), {state.name}: {row.units} units, {way}"


def _view(issuance_id: int) -> IssuanceView:
    view = queries.find_issuance(issuance_id)
    if view is None:
        raise click.ClickException(f"The ledger has no issuance {issuance_id}.")
    return view


def _amount(money: Money) -> str:
    return f"{money.currency} {money.decimal}"


def _do(act: Callable[[], T]) -> T:
    try:
        return act()
    except IssuanceUnfit as refusal:
        raise click.ClickException(f"The {refusal.facts['field']} does not fit. Nothing was changed.") from None
    except (PaymentUnfit, ForwardingUnfit) as refusal:
        raise click.ClickException(_sentence(refusal)) from None


def _sentence(refusal: Refusal) -> str:
    words = _PROBLEMS[str(refusal.facts["problem"])]
    most = next((f": at most {value}" for name, value in refusal.facts.items() if name in {"open", "units"}), "")
    return f"Nothing was changed, because {words}{most}."
