"""Writing the journal: whatever the tables have and its last lines do not."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import BigInteger, bindparam, cast, func, literal, select, union_all

from app.certificates.models import Certificate, CertificateCounter
from app.complaints.models import ComplaintCounter
from app.db import StateEvent, db, end_reading, read_ids, transaction, write
from app.jobs import hold
from app.jobs.models import RestorationHold
from app.reconciliation.journal import OVERTAKEN, Journal, Line
from app.registry.batch.models import Batch, BatchLine
from app.registry.batch.states import BatchState
from app.registry.ledger.history.books import IMPORTED
from app.registry.ledger.models import LedgerAccount, LedgerIssuance, LedgerTransaction, LedgerTransactionBlock

log = logging.getLogger(__name__)

BEGUN, LEDGER, CERTIFICATE, COMPLAINT, PACKAGE = "begun", "ledger", "certificate", "complaint", "package"
HELD = "held"  # never written down
# What counts the numbers that must never be given twice, by the kind of their lines.
COUNTERS: Mapping[str, type[CertificateCounter | ComplaintCounter]] = {
    CERTIFICATE: CertificateCounter,
    COMPLAINT: ComplaintCounter,
}
MOST = 1_000  # things written down in one go
YEAR = 10**9  # more certificates than any year has

_ISSUANCE = (
    "mechanism_code", "project_reference", "unit_type", "commitment_period", "vintage_year", "party", "space",
    "first", "last", "fee_currency", "fee_due", "fee_paid",
)  # fmt: skip
_TRANSACTION = (
    "id", "identifier", "reference", "fingerprint", "type_code", "state_code", "supplementary_code",
    "mechanism_code", "origin", "channel", "commitment_period", "vintage_year", "units", "refusal_code",
    "refusal_message",
)  # fmt: skip

# Said once: the worker asks after every round.
_ENTRY = select(LedgerTransaction.id).where(
    LedgerTransaction.id == bindparam("number"), LedgerTransaction.identifier == bindparam("identifier")
)
_LAST = {kind: select(counts.last).where(counts.year == bindparam("year")) for kind, counts in COUNTERS.items()}
_ENTRIES = (
    select(LedgerTransaction.id.label("number"), LedgerTransaction.identifier.label("name"))
    .where(LedgerTransaction.id > bindparam("entries_since"), LedgerTransaction.origin != IMPORTED)
    .order_by(LedgerTransaction.id)
    .limit(bindparam("most"))
    .subquery()
)
# Not by the row's id: a restored database gives the ids of forgotten certificates again, the numbers never.
_number = cast(Certificate.year, BigInteger) * YEAR + Certificate.sequence
_NUMBERS = (
    select(_number.label("number"))
    .where(_number > bindparam("numbers_since"))
    .order_by(Certificate.year, Certificate.sequence)
    .limit(bindparam("most"))
    .subquery()
)
# They are given one after the other, so the last one stands for all before it.
_complaint = cast(ComplaintCounter.year, BigInteger) * YEAR + ComplaintCounter.last
# Whatever may have to be written down, in one question.
_NEWS = union_all(
    select(literal(HELD).label("kind"), RestorationHold.id.label("number"), literal("").label("name")).where(
        RestorationHold.lifted_at.is_(None)
    ),
    select(literal(LEDGER), _ENTRIES.c.number, _ENTRIES.c.name),
    select(literal(CERTIFICATE), _NUMBERS.c.number, literal("")),
    select(literal(COMPLAINT), _complaint, literal("")).where(_complaint >= bindparam("complaints_since")),
    select(literal(PACKAGE), Batch.id, Batch.code).where(
        Batch.state != BatchState.OPEN, Batch.closed_at >= bindparam("closed_since")
    ),
)


@dataclass(frozen=True)
class _News:
    """What the database has, by kind: numbers with their names; and what the journal has of it."""

    found: Mapping[str, Mapping[int, str]]
    known: Mapping[str, Collection[Any]]

    def new(self, kind: str) -> list[int]:
        """The numbers of what is not written down yet, lowest first."""
        return sorted(self.found[kind].keys() - set(self.known[kind]))[:MOST]


def catch_up(journal: Journal, now: datetime) -> int:
    """Write down what was done since the last line; gives the number of lines. Repeats do no harm.

    Nothing is written while a restored database has not learned from the journal what it forgot. A database that
    is older than its journal came back from a backup by a way that we know nothing of: that puts the hold up.
    """
    news = _look(journal)
    if news.found[HELD]:
        standing = hold.find_standing()
        if standing is not None and standing.replayed_at is None:
            end_reading()
            return 0
    elif _may_be_ahead(journal, news) and is_ahead(journal):
        put_up(is_journal_kept=True, now=now)
        return 0
    # The first line says that there is a journal, even where nothing was done yet.
    begun = [] if journal.is_there else [{"kind": BEGUN}]
    facts = [*begun, *_transactions(news.new(LEDGER)), *_numbers(news), *_packages(news)]
    if facts:
        end_reading()
        journal.append([{**each, "at": now.isoformat()} for each in facts])
    return len(facts)


def unwritten(journal: Journal, before: datetime) -> tuple[int, int]:
    """How many transactions of the ledger, and certificates, of before an instant (aware) the journal lacks.

    Raises JournalBroken.
    """
    news = _look(journal)
    entries = select(func.count()).where(
        LedgerTransaction.id.in_(news.new(LEDGER)), LedgerTransaction.completed_at < before
    )
    numbers = select(func.count()).where(_number.in_(news.new(CERTIFICATE)), Certificate.issued_at < before)
    return db.session.scalar(entries) or 0, db.session.scalar(numbers) or 0


def _look(journal: Journal) -> _News:
    entries_since, entries = _known(journal, LEDGER)
    numbers_since, numbers = _known(journal, CERTIFICATE)
    complaint = _newest(journal, COMPLAINT)
    last_complaint = 0 if complaint is None else complaint["id"]
    closed_since, packages = _known_packages(journal)
    asked = {
        "entries_since": entries_since,
        "numbers_since": numbers_since,
        "complaints_since": last_complaint,
        "closed_since": closed_since,
        "most": MOST + max(len(entries), len(numbers)),
    }
    found: dict[str, dict[int, str]] = {kind: {} for kind in (HELD, LEDGER, CERTIFICATE, COMPLAINT, PACKAGE)}
    for row in write(_NEWS, asked):
        found[row.kind][row.number] = row.name
    known = {LEDGER: entries, CERTIFICATE: numbers, COMPLAINT: {last_complaint}, PACKAGE: packages}
    return _News(found, known)


def _may_be_ahead(journal: Journal, news: _News) -> bool:
    """False where the newest things of the journal were just seen in the database."""
    entry = _newest(journal, LEDGER)
    is_entry_there = entry is None or news.found[LEDGER].get(entry["id"]) == entry["identifier"]
    numbers = ((_newest(journal, kind), news.found[kind]) for kind in COUNTERS)
    return not (is_entry_there and all(newest is None or newest["id"] in found for newest, found in numbers))


def is_ahead(journal: Journal) -> bool:
    """Whether the journal knows of a transaction of the ledger, or a number, that the database does not."""
    transactions = _newest(journal, LEDGER)
    is_transaction_lost = transactions is not None and not read_ids(
        _ENTRY, number=transactions["id"], identifier=transactions["identifier"]
    )
    return is_transaction_lost or any(
        newest is not None and newest["sequence"] > max(read_ids(last, year=newest["year"]), default=0)
        for newest, last in ((_newest(journal, kind), last) for kind, last in _LAST.items())
    )


def put_up(*, is_journal_kept: bool, now: datetime, backup_made_at: datetime | None = None) -> None:
    """Put the restoration hold up. Without `backup_made_at` the newest thing in the database says how old it is."""
    with transaction() as session:
        newest = backup_made_at or session.scalar(select(func.max(StateEvent.at))) or now
        session.add(RestorationHold(backup_made_at=newest, restored_at=now, is_journal_kept=is_journal_kept))
    log.error("restoration hold put up", extra={"facts": {"backup_made_at": newest.isoformat()}})


def _newest(journal: Journal, kind: str) -> Line | None:
    """The line of a kind with the highest number."""
    return max(journal.highest_of(kind), key=itemgetter("id"), default=None)


def _known(journal: Journal, kind: str) -> tuple[int, Collection[int]]:
    """From which number on something may be missing, and which from there on are written down."""
    since = _since(journal, kind)
    return since, {line["id"] for line in journal.highest_of(kind) if line["id"] > since}


def _since(journal: Journal, kind: str) -> int:
    newest = _newest(journal, kind)
    return 0 if newest is None else max(0, newest["id"] - OVERTAKEN)


def _transactions(ids: Sequence[int]) -> Iterable[Mapping[str, Any]]:
    if not ids:
        return
    accounts = {account.id: account for account in db.session.scalars(select(LedgerAccount))}
    blocks = _blocks(ids)
    for entry in db.session.scalars(
        select(LedgerTransaction).where(LedgerTransaction.id.in_(ids)).order_by(LedgerTransaction.id)
    ):
        yield {
            "kind": LEDGER,
            **{name: getattr(entry, name) for name in _TRANSACTION},
            "source": _account(accounts, entry.from_account_id),
            "target": _account(accounts, entry.to_account_id),
            "completed_at": entry.completed_at.isoformat(),
            "blocks": blocks.get(entry.id, []),
        }


def _account(accounts: Mapping[int, LedgerAccount], account_id: int | None) -> dict[str, Any] | None:
    if account_id is None:
        return None
    account = accounts[account_id]
    return {"identifier": account.identifier, "type_code": account.type_code, "holder": account.holder}


def _blocks(ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = {}
    for block, issuance in db.session.execute(
        select(LedgerTransactionBlock, LedgerIssuance)
        .join(LedgerIssuance, LedgerIssuance.id == LedgerTransactionBlock.issuance_id)
        .where(LedgerTransactionBlock.transaction_id.in_(ids))
        .order_by(LedgerTransactionBlock.id)
    ):
        about = {name: getattr(issuance, name) for name in _ISSUANCE}
        found.setdefault(block.transaction_id, []).append(
            {"space": block.space, "first": block.first, "last": block.last, "issuance": about}
        )
    return found


def _numbers(news: _News) -> Iterable[Mapping[str, Any]]:
    for kind in COUNTERS:
        for number in news.new(kind):
            yield {"kind": kind, "id": number, "year": number // YEAR, "sequence": number % YEAR}


def _known_packages(journal: Journal) -> tuple[datetime, Collection[str]]:
    """Since when packages may be missing, and the codes of those that are written down."""
    since = datetime.fromtimestamp(_since(journal, PACKAGE), UTC)
    return since, {line["code"] for line in journal.highest_of(PACKAGE)}


def _packages(news: _News) -> Iterable[Mapping[str, Any]]:
    """Batches by the time they were closed at; two of one second are told apart by their codes."""
    ids = [id_ for id_, code in news.found[PACKAGE].items() if code not in news.known[PACKAGE]]
    if not ids:
        return
    batches = db.session.scalars(select(Batch).where(Batch.id.in_(ids)).order_by(Batch.closed_at, Batch.id).limit(MOST))
    for batch in batches.all():
        references = db.session.scalars(
            select(BatchLine.reference)
            .where(BatchLine.batch_id == batch.id, BatchLine.number.is_not(None))
            .order_by(BatchLine.number)
        )
        yield {
            "kind": PACKAGE,
            "id": int((batch.closed_at or batch.opened_at).timestamp()),
            "code": batch.code,
            "registry": batch.registry_code,
            "references": list(references),
        }
