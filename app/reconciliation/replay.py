"""After a restore: what the journal knows and the database forgot, entered again under the same names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, update

from app.db import db, insert_once, transaction
from app.jobs import hold
from app.jobs.models import RestorationHold
from app.kernel.serials import Span
from app.reconciliation.errors import JournalBroken
from app.reconciliation.journal import Journal, Line
from app.reconciliation.journalling import COUNTERS, LEDGER, PACKAGE, is_ahead
from app.registry.batch.models import Batch, BatchLine
from app.registry.batch.states import BatchState
from app.registry.ledger import books, codes
from app.registry.ledger.models import (
    LedgerAccount,
    LedgerBlock,
    LedgerIssuance,
    LedgerTransaction,
    LedgerTransactionBlock,
)
from app.registry.models import Cancellation, ForgottenSubmission

_COLUMNS = (
    "id", "identifier", "reference", "fingerprint", "type_code", "state_code", "supplementary_code",
    "mechanism_code", "origin", "channel", "commitment_period", "vintage_year", "units", "refusal_code",
    "refusal_message",
)  # fmt: skip


@dataclass
class Replayed:
    """How many things the database had forgotten."""

    transactions: int = 0
    units: int = 0
    numbers: int = 0
    packages: int = 0


def replay(journal: Journal, now: datetime) -> Replayed:
    """Enter all of it in one transaction, and note in the hold that stands that it is done.

    Transactions keep their numbers, references and serial numbers. No number of a certificate or a complaint is given
    again. Raises JournalBroken where the journal and the restored books cannot both be true; nothing is changed then.
    """
    done = Replayed()
    with transaction() as session:
        books.lock()
        there = dict(session.execute(select(LedgerTransaction.id, LedgerTransaction.identifier)).all())
        for line in journal.lines():
            if line["kind"] == LEDGER:
                _transaction(line, there, done)
            elif line["kind"] in COUNTERS:
                done.numbers += _number(line)
            elif line["kind"] == PACKAGE:
                done.packages += _package(line, now)
        _continue_numbers()
        session.execute(
            update(RestorationHold)
            .where(RestorationHold.lifted_at.is_(None), RestorationHold.replayed_at.is_(None))
            .values(replayed_at=now)
        )
    return done


def is_needed(journal: Journal) -> bool:
    """Whether a hold stands that was not told yet what the journal knows, or is told something new."""
    standing = hold.find_standing()
    return standing is not None and (standing.replayed_at is None or is_ahead(journal))


def _transaction(line: Line, there: dict[int, str | None], done: Replayed) -> None:
    number = line["id"]
    if number in there:
        if there[number] != line["identifier"]:
            raise JournalBroken(f"the database has another transaction than {line['identifier']} under its number")
        return
    source, target = _place(line["source"]), _place(line["target"])
    if target is None:
        raise JournalBroken(f"{line['identifier']} leads nowhere")
    names = db.session.execute(
        select(Cancellation.beneficiary_name, Cancellation.purpose).where(Cancellation.reference == line["reference"])
    ).one_or_none()
    db.session.execute(
        insert(LedgerTransaction),
        {
            **{name: line[name] for name in _COLUMNS},
            "from_account_id": None if source is None else source.id,
            "to_account_id": target.id,
            "completed_at": datetime.fromisoformat(line["completed_at"]),
            # The journal holds no names; where the order is there, so are they.
            "beneficiary_name": names.beneficiary_name if names else "",
            "purpose": names.purpose if names else "",
        },
    )
    there[number] = line["identifier"]
    for block in line["blocks"]:
        _move(line, block, source, target)
    done.transactions += 1
    done.units += line["units"] if line["state_code"] == codes.COMPLETED else 0


def _place(account: Mapping[str, Any] | None) -> books.Place | None:
    if account is None:
        return None
    insert_once(LedgerAccount, **account)
    found = db.session.scalars(select(LedgerAccount).where(LedgerAccount.identifier == account["identifier"])).one()
    return books.Place(found.id, found.type_code)


def _move(line: Line, block: Mapping[str, Any], source: books.Place | None, target: books.Place) -> None:
    span = Span(block["space"], block["first"], block["last"])
    issuance_id = _issuance(line, block["issuance"])
    db.session.execute(
        insert(LedgerTransactionBlock),
        {"transaction_id": line["id"], "issuance_id": issuance_id, **span._asdict()},
    )
    if source is None:
        books.put(issuance_id, span, target.id)
        return
    lying = db.session.execute(
        select(LedgerBlock.id, LedgerBlock.issuance_id, LedgerBlock.first, LedgerBlock.last)
        .where(
            LedgerBlock.account_id == source.id,
            LedgerBlock.space == span.space,
            LedgerBlock.first <= span.last,
            LedgerBlock.last >= span.first,
        )
        .order_by(LedgerBlock.first)
    ).all()
    parts = [
        (
            books.Held(each.id, source.id, each.issuance_id, Span(span.space, each.first, each.last)),
            Span(span.space, max(each.first, span.first), min(each.last, span.last)),
        )
        for each in lying
    ]
    if sum(part.units for _held, part in parts) != span.units:
        raise JournalBroken(f"the serial numbers of {line['identifier']} do not lie where it took them from")
    for held, part in parts:
        books.move(held, part, target)


def _issuance(line: Line, about: Mapping[str, Any]) -> int:
    by_serial = select(LedgerIssuance.id).where(
        LedgerIssuance.space == about["space"], LedgerIssuance.first == about["first"]
    )
    found = db.session.scalar(by_serial)
    if found is None:
        issued_in = line["id"] if line["type_code"] == codes.ISSUANCE else None
        db.session.execute(insert(LedgerIssuance), {**about, "issued_in_id": issued_in})
        found = db.session.scalars(by_serial).one()
    return found


def _number(line: Line) -> int:
    """How many numbers of certificates or complaints the database would have given again."""
    counts, year, sequence = COUNTERS[line["kind"]], line["year"], line["sequence"]
    insert_once(counts, year=year, last=0)
    last = db.session.scalars(select(counts.last).where(counts.year == year)).one()
    if last >= sequence:
        return 0
    db.session.execute(update(counts).where(counts.year == year).values(last=sequence))
    return int(sequence - last)


def _package(line: Line, now: datetime) -> int:
    """1 for a package whose making the database forgot: what was in it was handed over, whatever the books say."""
    batch = db.session.scalar(select(Batch).where(Batch.code == line["code"]))
    if batch is not None and batch.state is not BatchState.OPEN:
        return 0
    references = line["references"]
    there = dict(
        db.session.execute(select(BatchLine.reference, BatchLine.id).where(BatchLine.reference.in_(references))).all()
    )
    for number, reference in enumerate(references, 1):
        if reference in there:
            db.session.execute(update(BatchLine).where(BatchLine.id == there[reference]).values(number=number))
        else:
            insert_once(ForgottenSubmission, reference=reference, registry_code=line["registry"], package=line["code"])
    if batch is not None:
        # It was handed over with these lines, and is not handed over again with others.
        batch.state, batch.closed_at, batch.exported_at = BatchState.EXPORTED, now, now
        db.session.flush()
    return 1


def _continue_numbers() -> None:
    """The next transaction has a higher number than all that were entered with theirs."""
    if db.session.get_bind().dialect.name == "postgresql":
        highest = select(func.coalesce(func.max(LedgerTransaction.id), 0) + 1).scalar_subquery()
        db.session.execute(select(func.setval(func.pg_get_serial_sequence("ledger_transaction", "id"), highest, False)))
