"""The books of the embedded registry, as an auditor would read them."""

from __future__ import annotations

from itertools import pairwise

from flask import Flask
from sqlalchemy import select

from app.db import db, end_reading, transaction
from app.registry.adapters.ledger import LedgerRegistry
from app.registry.ledger import codes
from app.registry.ledger.models import LedgerAccount, LedgerBlock, LedgerIssuance, LedgerTransaction
from app.registry.ports import CancellationRequest, Completed, Lookup, RefusalCode, Refused
from tests.builders import NOW, an_offer

Span = tuple[int, int]


def the_ledger(app: Flask) -> LedgerRegistry:
    """The embedded registry of an application."""
    ledger = app.extensions["tonne.registries"].default
    assert isinstance(ledger, LedgerRegistry)
    return ledger


def an_issuance(*spans: Span, number: int = 1, commitment_period: int = 2) -> None:
    """A project whose seller holds these serial numbers, counted from the start of its issuance."""
    an_offer(number=number, held=0, commitment_period=commitment_period)
    with transaction() as session:
        issuance = session.scalars(select(LedgerIssuance).where(LedgerIssuance.first == number * 1_000_000)).one()
        account = session.scalars(select(LedgerAccount).where(LedgerAccount.identifier == "CDM-100-1")).one()
        for first, last in spans:
            start = issuance.first
            session.add(
                LedgerBlock(
                    account_id=account.id, issuance_id=issuance.id, space="IN", first=start + first, last=start + last
                )
            )


def blocks_in(identifier: str, *, number: int = 1) -> list[Span]:
    """What lies in an account of the issuance of a project, counted from its start, lowest first."""
    rows = db.session.execute(
        select(LedgerBlock.first, LedgerBlock.last)
        .join(LedgerAccount, LedgerAccount.id == LedgerBlock.account_id)
        .join(LedgerIssuance, LedgerIssuance.id == LedgerBlock.issuance_id)
        .where(LedgerAccount.identifier == identifier, LedgerIssuance.first == number * 1_000_000)
        .order_by(LedgerBlock.first)
    ).all()
    end_reading()
    spans = [(row.first - number * 1_000_000, row.last - number * 1_000_000) for row in rows]
    assert all(before[1] < after[0] for before, after in pairwise(spans)), "two blocks share a serial number"
    return spans


def held(*, number: int = 1) -> list[Span]:
    """What the seller still holds."""
    return blocks_in("CDM-100-1", number=number)


def cancelled(*, number: int = 1) -> list[Span]:
    """What lies in the cancellation account."""
    return blocks_in(codes.CANCELLATION_ACCOUNT_IDENTIFIER, number=number)


def entries() -> list[LedgerTransaction]:
    """Every transaction of the ledger, oldest first."""
    db.session.expire_all()
    return list(db.session.scalars(select(LedgerTransaction).order_by(LedgerTransaction.id)))


def submit(app: Flask, request: CancellationRequest) -> list[Span]:
    """Cancel; gives the serial numbers that the registry says it cancelled, counted from the issuance's start."""
    outcome = the_ledger(app).submit(request)
    assert isinstance(outcome, Completed), outcome
    assert outcome.result.units == request.units == sum(block.units for block in outcome.result.blocks)
    start = request.serial_first
    return [(block.first - start, block.last - start) for block in outcome.result.blocks]


def refusal(app: Flask, request: CancellationRequest) -> RefusalCode:
    """Ask for what must be refused; gives why."""
    outcome = the_ledger(app).submit(request)
    assert isinstance(outcome, Refused), outcome
    assert outcome.message
    return outcome.code


def ask_about(app: Flask, request: CancellationRequest) -> Lookup:
    """What the ledger says became of a request."""
    return the_ledger(app).lookup(request, None, NOW)
