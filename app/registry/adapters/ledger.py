"""The embedded registry behind the port: one transaction on its own tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, Integer, Row, Table, bindparam, or_, select

from app.catalog.mechanisms import numbering_of
from app.catalog.models import UnitType
from app.catalog.number_forms import Numbering
from app.config import Settings
from app.db import db, end_reading, transaction, write
from app.kernel import checkpoints
from app.kernel.clock import Clock
from app.kernel.serials import Span
from app.registry.ledger import books, codes
from app.registry.ledger.books import Draft, Entry, Held, Moved, Period, Place
from app.registry.ledger.errors import ReferenceUsed
from app.registry.ledger.models import (
    LedgerAccount,
    LedgerBlock,
    LedgerIssuance,
    LedgerTransaction,
    LedgerTransactionBlock,
)
from app.registry.ports import (
    Absent,
    CancellationRequest,
    CancellationResult,
    Capabilities,
    Completed,
    Found,
    Holding,
    Lookup,
    Outcome,
    RefusalCode,
    Refused,
    SerialBlock,
    StatementLine,
    Unknown,
)

_ACCOUNTS = cast(Table, LedgerAccount.__table__)
_TRANSACTIONS = cast(Table, LedgerTransaction.__table__)
_BLOCKS = cast(Table, LedgerBlock.__table__)
_ISSUED = cast(Table, LedgerIssuance.__table__)

# Said once: a cancellation asks all of these, and half of the cost of a query is saying it.
_ACCOUNT = (
    select(_ACCOUNTS.c.id, _ACCOUNTS.c.type_code)
    .where(_ACCOUNTS.c.identifier == bindparam("identifier"))
    .with_for_update()
)
_ENTRY = select(_TRANSACTIONS).where(_TRANSACTIONS.c.reference == bindparam("reference"))
_OF_REQUEST = (
    "space",
    "serial_first",
    "serial_last",
    "unit_type",
    "commitment_period",
    "vintage_year",
    "project_reference",
)
# Serial numbers that transactions moved, with the issuances that they are of.
_MOVED: Any = (
    select(
        *(LedgerTransactionBlock.transaction_id, LedgerTransactionBlock.space),
        *(LedgerTransactionBlock.first, LedgerTransactionBlock.last, LedgerIssuance),
    )
    .join(LedgerIssuance, LedgerIssuance.id == LedgerTransactionBlock.issuance_id)
    .order_by(LedgerTransactionBlock.first)
)
_PARTS = (
    select(_BLOCKS.c.id, _BLOCKS.c.issuance_id, _BLOCKS.c.first, _BLOCKS.c.last)
    .join(_ISSUED, _ISSUED.c.id == _BLOCKS.c.issuance_id)
    .where(
        _BLOCKS.c.account_id == bindparam("account_id"),
        _ISSUED.c.space == bindparam("space"),
        _ISSUED.c.first == bindparam("serial_first"),
        _ISSUED.c.last == bindparam("serial_last"),
        _ISSUED.c.unit_type == bindparam("unit_type"),
        _ISSUED.c.commitment_period.is_not_distinct_from(bindparam("commitment_period", type_=Integer)),
        _ISSUED.c.vintage_year.is_not_distinct_from(bindparam("vintage_year", type_=Integer)),
        _ISSUED.c.project_reference == bindparam("project_reference"),
        or_(_ISSUED.c.expires_on.is_(None), _ISSUED.c.expires_on >= bindparam("today")),
    )
    .order_by(_BLOCKS.c.first)
)


@dataclass(frozen=True)
class _Way:
    """Where cancelled units of a unit type go."""

    mechanism_code: str
    account: Place


@dataclass(frozen=True)
class _Decision:
    """What is entered for a request, the parts of blocks it takes (none: it is refused), and what is answered then."""

    draft: Draft
    answer: Callable[[Entry], Completed | Refused]
    target: Place
    taken: Sequence[tuple[Held, Span]] = ()


# By account and issuance: what can be taken of it still.
_Shelves = dict[tuple[Any, ...], list[tuple[Held, Span]]]


class LedgerRegistry:
    """Cancels in this database. Absence is authoritative, because the reference is unique here."""

    name = "ledger"

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._clock = clock
        self.is_registry_of_record = bool(settings.registry_of_record_name)
        self.display_name = settings.registry_of_record_name or "Tonne embedded ledger"
        self.promised_within = timedelta(minutes=settings.ledger_promise_minutes)
        self.capabilities = Capabilities(settle=timedelta(0), pending_alarm=self.promised_within)
        # Neither changes once units of a type were issued, so that a cancellation need not read them again.
        self._ways: dict[str, _Way] = {}
        self._numberings: dict[str, Numbering] = {}

    def holdings(self, account: str) -> Sequence[Holding]:
        """Blocks that lie in an account, lowest serial first; the quantity is in units (tonnes).

        Temporary units after their last day are no longer anything that could be offered or cancelled.
        """
        now = self._clock.now()
        rows = db.session.execute(
            select(LedgerBlock, LedgerIssuance)
            .join(LedgerAccount, LedgerAccount.id == LedgerBlock.account_id)
            .join(LedgerIssuance, LedgerIssuance.id == LedgerBlock.issuance_id)
            .where(LedgerAccount.identifier == account, self._is_valid())
            .order_by(LedgerBlock.space, LedgerBlock.first)
        ).all()
        return [
            Holding(
                account=account,
                project_reference=issuance.project_reference,
                unit_type=issuance.unit_type,
                commitment_period=issuance.commitment_period,
                vintage_year=issuance.vintage_year,
                space=block.space,
                serial_first=block.first,
                serial_last=block.last,
                available=block.last - block.first + 1,
                as_of=now,
            )
            for block, issuance in rows
        ]

    def submit(self, request: CancellationRequest) -> Outcome:
        """Cancel, or find that this reference was answered before; a repeat has no second effect."""
        return self.submit_all([request])[0]

    def submit_all(self, requests: Sequence[CancellationRequest]) -> Sequence[Outcome]:
        """The same for several requests, in one transaction and in one statement for each thing to be written."""
        for unit_type in {request.unit_type for request in requests} - self._ways.keys():
            self._find_way(unit_type)
        try:
            return self._cancel(requests)
        except ReferenceUsed:
            # Nothing of it was done. One at a time: what was entered before stands, the others are new.
            return [self._find(request) or self._cancel([request])[0] for request in requests]

    def lookup(self, request: CancellationRequest, registry_transaction: str | None, since: datetime) -> Lookup:
        """Whether the reference is in the ledger. Not being there is proof, not a guess."""
        answer = self._find(request)
        end_reading()
        if answer is None:
            return Absent(proven=True, basis="the reference is unique in the ledger and not in it")
        return Found(answer)

    def advance(self, request: CancellationRequest, registry_transaction: str | None) -> Outcome:
        """Nothing is ever left to do here: what stands in the ledger is final."""
        return self._find(request) or Unknown("the reference is not in the ledger")

    def withdraw(self, request: CancellationRequest, registry_transaction: str | None, reason: str) -> Lookup:
        """Close the reference for good, unless it was answered: whoever still carries the request comes too late."""
        way = self._ways.get(request.unit_type) or self._find_way(request.unit_type)
        with transaction():
            self._wait_for(request.account)
            answer = self._find(request)
            if answer is None:
                refusal = self._refuse(request, way, RefusalCode.WITHDRAWN, reason)
                (entry,) = books.enter_all([refusal.draft])
                answer = refusal.answer(entry)
        return Found(answer)

    def statement(self, account: str, since: datetime) -> Sequence[StatementLine]:
        """The cancellations from an account completed at or after `since` (aware), oldest first."""
        of_account = (
            LedgerAccount.identifier == account,
            LedgerTransaction.type_code == codes.CANCELLATION,
            LedgerTransaction.state_code == codes.COMPLETED,
            LedgerTransaction.completed_at >= since,
        )
        entries = db.session.execute(
            select(*_TRANSACTIONS.c)
            .join(LedgerAccount, LedgerAccount.id == LedgerTransaction.from_account_id)
            .where(*of_account)
            .order_by(LedgerTransaction.completed_at, LedgerTransaction.id)
        ).all()
        # Two questions, however many cancellations there are.
        blocks: dict[int, list[SerialBlock]] = {entry.id: [] for entry in entries}
        for moved in db.session.execute(
            _MOVED.join(LedgerTransaction, LedgerTransaction.id == LedgerTransactionBlock.transaction_id)
            .join(LedgerAccount, LedgerAccount.id == LedgerTransaction.from_account_id)
            .where(*of_account)
        ):
            blocks.setdefault(moved.transaction_id, []).append(self._printed_of(moved))
        end_reading()
        return [StatementLine(entry.reference, _result_of(entry, blocks[entry.id])) for entry in entries]

    def _wait_for(self, identifier: str) -> Place | None:
        """Every write to one account waits here; on SQLite the whole transaction already does."""
        account = write(_ACCOUNT, {"identifier": identifier}).one_or_none()
        return Place(account.id, account.type_code) if account else None

    def _find_way(self, unit_type: str) -> _Way:
        """Where units of a type go; the account is opened and committed before anybody counts on it."""
        with transaction():
            mechanism_code = db.session.get_one(UnitType, unit_type).mechanism_code
            account = books.system_account(mechanism_code, codes.VOLUNTARY_CANCELLATION_ACCOUNT)
        self._ways[unit_type] = _Way(mechanism_code, account)
        return self._ways[unit_type]

    def _find(self, request: CancellationRequest) -> Completed | Refused | None:
        entry = write(_ENTRY, {"reference": request.reference}).one_or_none()
        if entry is None:
            return None
        if entry.fingerprint != request.fingerprint:
            return Refused(RefusalCode.KEY_REUSED, "the reference was used for another request")
        if entry.state_code == codes.TERMINATED:
            return Refused(RefusalCode(entry.refusal_code or RefusalCode.RULES), entry.refusal_message)
        return Completed(self._result(entry))

    def _cancel(self, requests: Sequence[CancellationRequest]) -> list[Completed | Refused]:
        """Decide about new requests, each from what those before it left. Raises ReferenceUsed, having done nothing."""
        with transaction():
            # In one order, so that two who wait for the same accounts do not wait for each other.
            accounts = {name: self._wait_for(name) for name in sorted({request.account for request in requests})}
            shelves: _Shelves = {}
            decisions = [self._decide(request, accounts[request.account], shelves) for request in requests]
            entries = books.enter_all([decision.draft for decision in decisions])
            books.move_all((*part, decision.target) for decision in decisions for part in decision.taken)
            checkpoints.reached("ledger.inside_commit")
        checkpoints.reached("ledger.after_commit")
        return [decision.answer(entry) for decision, entry in zip(decisions, entries, strict=True)]

    def _decide(self, request: CancellationRequest, account: Place | None, shelves: _Shelves) -> _Decision:
        way = self._ways[request.unit_type]
        if request.units < 1:
            return self._refuse(request, way, RefusalCode.INVALID, "a cancellation needs at least one unit")
        if account is None or not codes.is_holding(account.type_code):
            return self._refuse(request, way, RefusalCode.NOT_OWNER, "there is no such holding account")
        asked = {"account_id": account.id, **{name: getattr(request, name) for name in _OF_REQUEST}}
        shelf = tuple(asked.values())
        if shelf not in shelves:
            shelves[shelf] = self._parts(asked)
        available = sum(span.units for _block, span in shelves[shelf])
        if available < request.units:
            message = f"the account holds {available} units of this issuance that can be cancelled"
            return self._refuse(request, way, RefusalCode.INSUFFICIENT, message)
        taken = books.lowest(shelves[shelf], request.units)
        shelves[shelf] = books.without_lowest(shelves[shelf], request.units)
        return self._take(request, account, way, taken)

    def _parts(self, asked: Mapping[str, Any]) -> list[tuple[Held, Span]]:
        """The blocks of an issuance that lie in an account and can be cancelled, lowest first."""
        rows = write(_PARTS, {**asked, "today": self._clock.now().date()}).all()
        spans = [Span(asked["space"], row.first, row.last) for row in rows]
        return [
            (Held(row.id, asked["account_id"], row.issuance_id, span), span)
            for row, span in zip(rows, spans, strict=True)
        ]

    def _is_valid(self) -> ColumnElement[bool]:
        today = self._clock.now().date()
        return or_(LedgerIssuance.expires_on.is_(None), LedgerIssuance.expires_on >= today)

    def _take(
        self, request: CancellationRequest, account: Place, way: _Way, taken: Sequence[tuple[Held, Span]]
    ) -> _Decision:
        now = self._clock.now()
        draft = books.completed(
            codes.CANCELLATION,
            account,
            way.account,
            self._period(request, way),
            [Moved(block.issuance_id, span) for block, span in taken],
            at=now,
            **self._words(request),
        )
        blocks = [self._printed(span, request) for _block, span in taken]
        return _Decision(
            draft,
            lambda entry: Completed(_result(entry.id, entry.identifier, request.units, blocks, now)),
            way.account,
            taken,
        )

    def _refuse(self, request: CancellationRequest, way: _Way, code: RefusalCode, message: str) -> _Decision:
        draft = books.terminated(
            codes.CANCELLATION,
            way.account,
            self._period(request, way),
            units=request.units,
            at=self._clock.now(),
            refusal_code=code.value,
            refusal_message=message,
            **self._words(request),
        )
        return _Decision(draft, lambda _entry: Refused(code, message), way.account)

    def _period(self, request: CancellationRequest, way: _Way) -> Period:
        return Period(way.mechanism_code, request.commitment_period, request.vintage_year)

    def _words(self, request: CancellationRequest) -> dict[str, Any]:
        return {
            "reference": request.reference,
            "fingerprint": request.fingerprint,
            "channel": request.channel,
            "beneficiary_name": request.beneficiary_name,
            "purpose": request.purpose,
        }

    def _result(self, entry: Row[Any]) -> CancellationResult:
        rows = db.session.execute(_MOVED.where(LedgerTransactionBlock.transaction_id == entry.id)).all()
        return _result_of(entry, [self._printed_of(moved) for moved in rows])

    def _printed_of(self, moved: Row[Any]) -> SerialBlock:
        return self._printed(Span(moved.space, moved.first, moved.last), moved.LedgerIssuance)

    def _printed(self, span: Span, of: CancellationRequest | LedgerIssuance) -> SerialBlock:
        """Serial numbers of an issuance as they are printed; a request for it says the same of it."""
        numbering = self._numberings.get(of.unit_type)
        if numbering is None:
            numbering = self._numberings[of.unit_type] = numbering_of(of.unit_type)
        first, last = (
            codes.serial_text(
                numbering,
                space=span.space,
                project_reference=of.project_reference,
                serial=serial,
                commitment_period=of.commitment_period,
                vintage_year=of.vintage_year,
            )
            for serial in (span.first, span.last)
        )
        return SerialBlock(f"{self.name}:{span.space}", span.first, span.last, first, last)


def _result_of(entry: Row[Any], blocks: Sequence[SerialBlock]) -> CancellationResult:
    return _result(entry.id, entry.identifier or "", entry.units, blocks, entry.completed_at)


def _result(
    entry_id: int, identifier: str, units: int, blocks: Sequence[SerialBlock], completed_at: datetime
) -> CancellationResult:
    return CancellationResult(
        registry_transaction=identifier,
        units=units,
        blocks=tuple(blocks),
        completed_at=completed_at,
        evidence={"ledger_transaction": entry_id, "state_code": codes.COMPLETED},
    )
