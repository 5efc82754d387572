"""The embedded registry behind the port: one transaction on its own tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, update

from app.catalog.models import UnitType
from app.config import Settings
from app.db import db, end_reading, transaction
from app.kernel import checkpoints
from app.kernel.clock import Clock
from app.registry.ledger import codes
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


class LedgerRegistry:
    """Cancels in this database. Absence is authoritative, because the reference is unique here."""

    name = "ledger"

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._clock = clock
        self.is_registry_of_record = bool(settings.registry_of_record_name)
        self.display_name = settings.registry_of_record_name or "Tonne embedded ledger"
        self.promised_within = timedelta(minutes=settings.ledger_promise_minutes)
        self.capabilities = Capabilities(settle=timedelta(0), pending_alarm=self.promised_within, can_withdraw=False)

    def holdings(self, account: str) -> Sequence[Holding]:
        """Blocks that lie in an account, lowest serial first; the quantity is in units (tonnes)."""
        rows = db.session.execute(
            select(LedgerBlock, LedgerIssuance)
            .join(LedgerAccount, LedgerAccount.id == LedgerBlock.account_id)
            .join(LedgerIssuance, LedgerIssuance.id == LedgerBlock.issuance_id)
            .where(LedgerAccount.identifier == account)
            .order_by(LedgerBlock.space, LedgerBlock.first)
        ).all()
        now = self._clock.now()
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
        with transaction():
            # Every write to one account waits here; on SQLite the whole transaction already does.
            account = db.session.scalar(
                select(LedgerAccount).where(LedgerAccount.identifier == request.account).with_for_update()
            )
            earlier = self._find(request)
            if earlier is not None:
                return earlier
            outcome = self._decide(request, account)
            checkpoints.reached("ledger.inside_commit")
        checkpoints.reached("ledger.after_commit")
        return outcome

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
        """Nothing is ever pending here, so nothing can be taken back."""
        return self.lookup(request, registry_transaction, self._clock.now())

    def statement(self, account: str, since: datetime) -> Sequence[StatementLine]:
        """The cancellations from an account completed at or after `since` (aware), oldest first."""
        entries = db.session.scalars(
            select(LedgerTransaction)
            .join(LedgerAccount, LedgerAccount.id == LedgerTransaction.from_account_id)
            .where(
                LedgerAccount.identifier == account,
                LedgerTransaction.type_code == codes.CANCELLATION,
                LedgerTransaction.state_code == codes.COMPLETED,
                LedgerTransaction.completed_at >= since,
            )
            .order_by(LedgerTransaction.completed_at, LedgerTransaction.id)
        ).all()
        lines = [StatementLine(entry.reference, self._result(entry)) for entry in entries]
        end_reading()
        return lines

    def _find(self, request: CancellationRequest) -> Completed | Refused | None:
        entry = db.session.scalar(select(LedgerTransaction).where(LedgerTransaction.reference == request.reference))
        if entry is None:
            return None
        if entry.fingerprint != request.fingerprint:
            return Refused(RefusalCode.KEY_REUSED, "the reference was used for another request")
        if entry.state_code == codes.TERMINATED:
            return Refused(RefusalCode(entry.refusal_code or RefusalCode.RULES), entry.refusal_message)
        return Completed(self._result(entry))

    def _decide(self, request: CancellationRequest, account: LedgerAccount | None) -> Completed | Refused:
        if request.units < 1:
            return self._refuse(request, Refused(RefusalCode.INVALID, "a cancellation needs at least one unit"))
        if account is None or account.type_code != codes.HOLDING_ACCOUNT:
            return self._refuse(request, Refused(RefusalCode.NOT_OWNER, "there is no such holding account"))
        available = sum(block.last - block.first + 1 for block in self._blocks(request, account))
        if available < request.units:
            message = f"the account holds {available} units of this issuance"
            return self._refuse(request, Refused(RefusalCode.INSUFFICIENT, message))
        return self._cancel(request, account)

    def _blocks(self, request: CancellationRequest, account: LedgerAccount) -> Sequence[LedgerBlock]:
        return db.session.scalars(
            select(LedgerBlock)
            .join(LedgerIssuance, LedgerIssuance.id == LedgerBlock.issuance_id)
            .where(
                LedgerBlock.account_id == account.id,
                LedgerIssuance.space == request.space,
                LedgerIssuance.first == request.serial_first,
                LedgerIssuance.last == request.serial_last,
                LedgerIssuance.unit_type == request.unit_type,
                LedgerIssuance.commitment_period.is_not_distinct_from(request.commitment_period),
                LedgerIssuance.vintage_year.is_not_distinct_from(request.vintage_year),
                LedgerIssuance.project_reference == request.project_reference,
            )
            .order_by(LedgerBlock.first)
        ).all()

    def _cancel(self, request: CancellationRequest, account: LedgerAccount) -> Completed:
        target = db.session.scalars(
            select(LedgerAccount).where(LedgerAccount.identifier == codes.CANCELLATION_ACCOUNT_IDENTIFIER)
        ).one()
        entry = self._enter(request, account.id, target.id, codes.COMPLETED)
        left = request.units
        for block in self._blocks(request, account):
            if left == 0:
                break
            taken = min(left, block.last - block.first + 1)
            self._move(block, taken, target.id)
            db.session.add(
                LedgerTransactionBlock(
                    transaction_id=entry.id,
                    issuance_id=block.issuance_id,
                    space=block.space,
                    first=block.first,
                    last=block.first + taken - 1,
                )
            )
            left -= taken
        db.session.flush()
        db.session.refresh(entry)
        return Completed(self._result(entry))

    def _move(self, block: LedgerBlock, taken: int, target_id: int) -> None:
        """Move the lowest `taken` units of a block; what stays keeps its higher serial numbers."""
        if taken == block.last - block.first + 1:
            change = update(LedgerBlock).values(account_id=target_id)
        else:
            change = update(LedgerBlock).values(first=block.first + taken)
        db.session.execute(change.where(LedgerBlock.id == block.id).execution_options(synchronize_session=False))
        if taken != block.last - block.first + 1:
            db.session.add(
                LedgerBlock(
                    account_id=target_id,
                    issuance_id=block.issuance_id,
                    space=block.space,
                    first=block.first,
                    last=block.first + taken - 1,
                )
            )
            db.session.flush()

    def _refuse(self, request: CancellationRequest, refusal: Refused) -> Refused:
        target = db.session.scalars(
            select(LedgerAccount).where(LedgerAccount.identifier == codes.CANCELLATION_ACCOUNT_IDENTIFIER)
        ).one()
        entry = self._enter(request, None, target.id, codes.TERMINATED)
        entry.refusal_code = refusal.code.value
        entry.refusal_message = refusal.message
        return refusal

    def _enter(
        self, request: CancellationRequest, source_id: int | None, target_id: int, state: int
    ) -> LedgerTransaction:
        entry = LedgerTransaction(
            reference=request.reference,
            fingerprint=request.fingerprint,
            type_code=codes.CANCELLATION,
            state_code=state,
            from_account_id=source_id,
            to_account_id=target_id,
            mechanism_code=db.session.get_one(UnitType, request.unit_type).mechanism_code,
            commitment_period=request.commitment_period,
            vintage_year=request.vintage_year,
            units=request.units,
            beneficiary_name=request.beneficiary_name,
            purpose=request.purpose,
            completed_at=self._clock.now(),
        )
        db.session.add(entry)
        db.session.flush()
        entry.identifier = codes.transaction_identifier(entry.id)
        return entry

    def _result(self, entry: LedgerTransaction) -> CancellationResult:
        rows = db.session.execute(
            select(LedgerTransactionBlock, LedgerIssuance, UnitType)
            .join(LedgerIssuance, LedgerIssuance.id == LedgerTransactionBlock.issuance_id)
            .join(UnitType, UnitType.code == LedgerIssuance.unit_type)
            .where(LedgerTransactionBlock.transaction_id == entry.id)
            .order_by(LedgerTransactionBlock.first)
        ).all()
        blocks = []
        for block, issuance, unit_type in rows:
            first, last = (
                codes.serial_text(
                    party=block.space,
                    kyoto_code=unit_type.kyoto_code or 0,
                    serial=serial,
                    commitment_period=issuance.commitment_period or 0,
                    unit_type=issuance.unit_type,
                    project_number=int(issuance.project_reference.split("-")[-1]),
                )
                for serial in (block.first, block.last)
            )
            blocks.append(
                SerialBlock(
                    space=f"{self.name}:{block.space}",
                    first=block.first,
                    last=block.last,
                    text_first=first,
                    text_last=last,
                )
            )
        return CancellationResult(
            registry_transaction=entry.identifier or "",
            units=entry.units,
            blocks=tuple(blocks),
            completed_at=entry.completed_at,
            evidence={"ledger_transaction": entry.id, "state_code": entry.state_code},
        )
