"""The registry administrator of tests: what is issued, paid and forwarded, and where every unit lies."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from sqlalchemy import select

from app.catalog.importer import import_projects
from app.catalog.mechanisms import ensure_mechanisms
from app.db import db, end_reading, transaction
from app.kernel.money import Money
from app.providers.importer import import_providers
from app.providers.models import Provider
from app.registry.ledger import service
from app.registry.ledger.models import LedgerAccount, LedgerBlock, LedgerIssuance, LedgerTransaction
from app.registry.ledger.service import Issue, Issued
from tests.builders import a_holding_account
from tests.service.worlds import PROJECTS, PROVIDERS

AT = datetime(2016, 5, 1, 9, 30, tzinfo=UTC)
PENDING, FUND, CANCELLED, HOLDER = "CDM-110-1", "CDM-910-1", "CDM-230-1", "CDM-100-1"


def open_registry() -> None:
    """Three projects, of Mongolia, of Malawi (least developed) and of Ghana with Kenya; one participant's account."""
    ensure_mechanisms()
    import_providers(PROVIDERS, now=AT)
    import_projects(PROJECTS, now=AT)
    with transaction() as session:
        a_holding_account(HOLDER, session.scalars(select(Provider).where(Provider.code == "wind")).one())


def issue(units: int, *, project: str = "MN-5977", party: str = "", at: datetime = AT, **changes: Any) -> Issued:
    """Issue CERs of the second commitment period."""
    facts: dict[str, Any] = {"unit_type": "CER", "commitment_period": 2} | changes
    return service.issue(Issue(project_reference=project, party=party or project[:2], units=units, **facts), now=at)


def pay(issued: Issued, cents: int, *, reference: str = "BANK-1", payer: str = "Wind Ltd", at: datetime = AT) -> int:
    """Pay US cents of the share of proceeds."""
    return service.pay_share_of_proceeds(
        issued.issuance_id, Money(cents, "USD"), payer=payer, reference=reference, now=at
    )


def forward(issued: Issued, units: int, *, account: str = HOLDER, at: datetime = AT) -> str:
    """Forward units from the pending account; gives the number of the transaction."""
    return service.forward(issued.issuance_id, account, units, now=at).identifier


def lying(account: str) -> list[tuple[str, int, int]]:
    """The blocks of an account: space, first and last number, in order. No two of them share one."""
    rows = db.session.execute(
        select(LedgerBlock.space, LedgerBlock.first, LedgerBlock.last)
        .join(LedgerAccount, LedgerAccount.id == LedgerBlock.account_id)
        .where(LedgerAccount.identifier == account)
        .order_by(LedgerBlock.space, LedgerBlock.first)
    ).all()
    end_reading()
    return [(row.space, row.first, row.last) for row in rows]


def units_in(account: str) -> int:
    """How many units lie in an account."""
    return sum(last - first + 1 for _space, first, last in lying(account))


def the_issuance(issued: Issued) -> LedgerIssuance:
    """The ledger's issuance as the database has it now."""
    db.session.expire_all()
    return db.session.get_one(LedgerIssuance, issued.issuance_id)


def transactions() -> list[tuple[int, str | None, str, int, tuple[tuple[int, int], ...]]]:
    """Every transaction: type, from, to, units, and the serial numbers it moved, oldest first."""
    db.session.expire_all()
    names = dict(db.session.execute(select(LedgerAccount.id, LedgerAccount.identifier)).all())
    entries = db.session.scalars(select(LedgerTransaction).order_by(LedgerTransaction.id)).all()
    return [
        (
            entry.type_code,
            names.get(entry.from_account_id or 0),
            names[entry.to_account_id],
            entry.units,
            tuple((block.first, block.last) for block in entry.blocks),
        )
        for entry in entries
    ]


def audit() -> None:
    """What is always true: every unit issued lies in exactly one account, and balances are sums of transactions."""
    db.session.expire_all()
    issuances = db.session.scalars(select(LedgerIssuance)).all()
    blocks = db.session.scalars(select(LedgerBlock).order_by(LedgerBlock.space, LedgerBlock.first)).all()
    for before, after in pairwise(blocks):
        assert (before.space, before.last) < (after.space, after.first), "two blocks share a serial number"
    for issuance in issuances:
        inside = [block for block in blocks if block.issuance_id == issuance.id]
        assert sum(block.last - block.first + 1 for block in inside) == issuance.units
        assert all(issuance.first <= block.first <= block.last <= issuance.last for block in inside)
        assert {block.space for block in inside} == {issuance.space}
    balances: Counter[int] = Counter()
    for block in blocks:
        balances[block.account_id] += block.last - block.first + 1
    booked: Counter[int] = Counter()
    for entry in db.session.scalars(select(LedgerTransaction)):
        moved = sum(block.last - block.first + 1 for block in entry.blocks)
        assert moved == (entry.units if entry.state_code == 4 else 0)
        booked[entry.to_account_id] += moved
        if entry.from_account_id is not None:
            booked[entry.from_account_id] -= moved
    assert {account: units for account, units in booked.items() if units} == dict(balances)
