"""What a file of holdings writes into the books: accounts, issuances that were not known, and the units themselves.

Units that lie in the pending account are forwarded from there. Units that no transaction brought are an opening
balance, and that is entered as a transaction too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app.catalog.models import Issuance, Project, UnitType
from app.db import db
from app.kernel.serials import Span
from app.providers.models import Provider
from app.registry.ledger import books, codes
from app.registry.ledger.books import Held, Moved, Place
from app.registry.ledger.models import LedgerAccount, LedgerBlock, LedgerIssuance
from app.registry.ledger.rules import expires_on
from app.registry.models import RegistryAccount

LEDGER = "ledger"  # the code of this registry


@dataclass(frozen=True)
class Holding:
    """Units of an issuance of the catalogue that are to lie in an account."""

    account: str
    span: Span
    issuance: Issuance
    is_pending: bool


def open_accounts(owners: Mapping[str, Provider]) -> set[str]:
    """Open the accounts that are missing, by identifier; gives those whose owner has another name by now."""
    known = {account.identifier: account for account in db.session.scalars(select(LedgerAccount))}
    renamed: set[str] = set()
    for identifier, provider in owners.items():
        account = known.get(identifier)
        name = provider.legal_name
        if account is None:
            db.session.add(LedgerAccount(identifier=identifier, type_code=codes.HOLDING_ACCOUNT, holder=name))
            db.session.add(
                RegistryAccount(identifier=identifier, registry_code=LEDGER, provider_id=provider.id, holder=name)
            )
        elif account.holder != name:
            account.holder = db.session.get_one(RegistryAccount, identifier).holder = name
            renamed.add(identifier)
    db.session.flush()
    return renamed


def write(holdings: Iterable[Holding], now: datetime) -> None:
    """Bring the units into their accounts: one transaction for each account and period, in the order of the file."""
    accounts = {account.identifier: account for account in db.session.scalars(select(LedgerAccount))}
    holdings = list(holdings)
    issuances = _entered_issuances(holding.issuance for holding in holdings)
    groups: dict[tuple[str, bool, books.Period], list[tuple[LedgerIssuance, Span]]] = {}
    for holding in holdings:
        issuance = issuances[holding.issuance.id]
        key = (holding.account, holding.is_pending, books.period_of(issuance))
        groups.setdefault(key, []).append((issuance, holding.span))
    for (identifier, is_pending, period), parts in groups.items():
        target = Place(accounts[identifier].id, accounts[identifier].type_code)
        source = books.system_account(period.mechanism_code, codes.PENDING_ACCOUNT) if is_pending else None
        books.enter(
            codes.INTERNAL_TRANSFER,
            source,
            target,
            period,
            [Moved(issuance.id, span) for issuance, span in parts],
            at=now,
            origin=books.OPENING if source is None else books.OWN,
        )
        for issuance, span in parts:
            if source is None:
                books.put(issuance.id, span, target.id)
            else:
                books.move(_pending_block(source, span), span, target)
    for mechanism_code in {period.mechanism_code for _account, _is_pending, period in groups}:
        books.system_account(mechanism_code, codes.VOLUNTARY_CANCELLATION_ACCOUNT)


def _pending_block(pending: Place, span: Span) -> Held:
    """The block of the pending account that a span lies in."""
    row = db.session.execute(
        select(LedgerBlock.id, LedgerBlock.issuance_id, LedgerBlock.first, LedgerBlock.last)
        .where(LedgerBlock.account_id == pending.id, LedgerBlock.space == span.space, LedgerBlock.first <= span.first)
        .order_by(LedgerBlock.first.desc())
        .limit(1)
    ).one()
    return Held(row.id, pending.id, row.issuance_id, Span(span.space, row.first, row.last))


def _entered_issuances(wanted: Iterable[Issuance]) -> dict[int, LedgerIssuance]:
    """The ledger's issuance for each of the catalogue's, by the id of the catalogue's; entered where it is missing."""
    known = {(issuance.space, issuance.first): issuance for issuance in db.session.scalars(select(LedgerIssuance))}
    kyoto_codes = dict(db.session.execute(select(UnitType.code, UnitType.kyoto_code)).all())
    found = {}
    for issuance in {issuance.id: issuance for issuance in wanted}.values():
        project = db.session.get_one(Project, issuance.project_id)
        entered = known.get((issuance.space, issuance.serial_first))
        if entered is None:
            entered = LedgerIssuance(
                mechanism_code=project.mechanism_code,
                project_reference=project.reference,
                unit_type=issuance.unit_type,
                commitment_period=issuance.commitment_period,
                vintage_year=issuance.vintage_year,
                party=issuance.originating_party,
                space=issuance.space,
                first=issuance.serial_first,
                last=issuance.serial_last,
                expires_on=expires_on(
                    kyoto_codes[issuance.unit_type], issuance.commitment_period, project.crediting_ends_on
                ),
            )
            db.session.add(entered)
        # A published ledger names some projects by the other of their host Parties; here the catalogue decides.
        entered.project_reference = project.reference
        found[issuance.id] = entered
    db.session.flush()
    return found
