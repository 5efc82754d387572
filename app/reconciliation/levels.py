"""Comparing one registry account: totals first, then blocks, then transactions (`shared/registries.md` 7.7)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, func, select

from app.db import db, end_reading, write
from app.direct.models import DirectCancellation
from app.offers.models import Offer
from app.offers.pools import Pool, Supply, promised, read_supply, serials_of
from app.offers.states import OfferState
from app.reconciliation.models import ReconciledAccount, ReconciliationFinding, ReconciliationRun
from app.reconciliation.states import FindingKind, FindingState, RunState
from app.registry.models import Cancellation, CancelledBlock, StrayCancellation
from app.registry.ports import Holding, RegistryAdapter, SerialBlock, StatementLine
from app.registry.states import CancellationState

# What was sent and has no final answer may be done already: it lies there or not.
UNSETTLED = (CancellationState.SENDING, CancellationState.WAITING, CancellationState.UNKNOWN, CancellationState.MANUAL)
# Clocks of registries differ from ours, and a cancellation is planned before it is done.
MARGIN = timedelta(days=2)

_K = FindingKind
# What of our own cancellations is compared with a registry's.
_OURS = (
    *(Cancellation.reference, Cancellation.state, Cancellation.units, Cancellation.issuance_id),
    *(Cancellation.registry_transaction, Cancellation.created_at),
)


@dataclass(frozen=True)
class Difference:
    """One thing on which two books disagree. `pool` is the one whose offers are not to be sold before it is clear."""

    kind: FindingKind
    registry: str = ""
    account: str = ""
    subject: str = ""
    ours: str = ""
    theirs: str = ""
    pool: Pool | None = None
    stray: StatementLine | None = None

    @property
    def key(self) -> str:
        """The hash of all that it says: the same difference, seen again, has the same one."""
        parts = (self.kind.value, self.registry, self.account, self.subject, self.ours, self.theirs)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@dataclass
class Seen:
    """What was seen of one account, in units (tonnes); `level` 0 where its registry did not answer."""

    registry: str
    account: str
    opening: int = 0
    held: int = 0
    confirmed: int = 0
    strays: int = 0
    pending: int = 0
    level: int = 0
    compared: int = 0
    differences: list[Difference] = field(default_factory=list)


@dataclass(frozen=True)
class _Ours:
    """Our own books about one account, read before the registry is asked."""

    strays: int
    opening: int | None  # of the last run that read it


def compare_account(
    adapter: RegistryAdapter, account: str, *, is_thorough: bool, forgotten_since: datetime | None, now: datetime
) -> Seen:
    """Compare one account as deeply as it has to be. Changes nothing; raises what the registry raises.

    `forgotten_since` is from when on a restored database knows nothing. All instants are aware.
    """
    ours = _read_ours(adapter.name, account)
    supply = read_supply([account], adapter.holdings)
    pending = _read_pending(account, supply)
    seen = Seen(adapter.name, account, strays=ours.strays, pending=sum(pending.values()), level=1)
    seen.held = sum(holding.available for holding in supply.held[account])
    seen.confirmed = sum(supply.confirmed.values())
    seen.compared = _count(adapter.name, account)
    gone = seen.confirmed + seen.strays
    seen.opening = seen.held + gone if ours.opening is None else ours.opening
    missing = seen.opening - gone - seen.held
    seen.differences += _short_pools(adapter, seen, supply, pending)
    seen.differences += _waiting_long(adapter, account, now)
    if is_thorough or ours.opening is None or not 0 <= missing <= seen.pending:
        seen.level = 2
        seen.differences += _blocks(adapter, account, supply.held[account])
        seen.level = 3
        found = _transactions(adapter, account, forgotten_since, now)
        seen.differences += found
        seen.strays += sum(each.stray.result.units for each in found if each.stray)
        missing = seen.opening - seen.confirmed - seen.strays - seen.held
    if missing < 0:
        seen.opening -= missing  # Units came in.
    elif missing > seen.pending:
        left = Difference(_K.TOTALS_DIFFER, adapter.name, account, ours=str(seen.held + missing), theirs=str(seen.held))
        if _is_acknowledged(left):
            seen.opening -= missing
        else:
            seen.differences.append(left)
    end_reading()
    return seen


def _read_ours(registry: str, account: str) -> _Ours:
    strays = db.session.scalar(
        select(func.sum(StrayCancellation.units)).where(
            StrayCancellation.registry_code == registry,
            StrayCancellation.account == account,
            # One that was claimed since by an order is counted with what is confirmed.
            StrayCancellation.reference.is_(None)
            | StrayCancellation.reference.not_in(
                select(Cancellation.reference).where(Cancellation.state == CancellationState.CONFIRMED)
            ),
        )
    )
    opening = db.session.scalar(
        select(ReconciledAccount.opening)
        .join(ReconciliationRun, ReconciliationRun.id == ReconciledAccount.run_id)
        .where(
            ReconciledAccount.registry_code == registry,
            ReconciledAccount.account == account,
            ReconciliationRun.state == RunState.FINISHED,
        )
        .order_by(ReconciledAccount.id.desc())
        .limit(1)
    )
    end_reading()
    return _Ours(int(strays or 0), opening)


def _read_pending(account: str, supply: Supply) -> dict[int, int]:
    """Units by issuance that may be gone without being counted as cancelled in `supply`, read after it.

    What is on its way, and what was confirmed since: the shop goes on selling while it is compared.
    """
    rows = db.session.execute(
        select(Cancellation.issuance_id, func.sum(Cancellation.units))
        .where(Cancellation.account == account, Cancellation.state.in_((CancellationState.CONFIRMED, *UNSETTLED)))
        .group_by(Cancellation.issuance_id)
    )
    found = {issuance_id: int(units) - supply.confirmed.get((account, issuance_id), 0) for issuance_id, units in rows}
    end_reading()
    return found


def _count(registry: str, account: str) -> int:
    number = db.session.scalar(
        select(func.count())
        .select_from(Cancellation)
        .where(Cancellation.registry_code == registry, Cancellation.account == account)
    )
    return number or 0


def _is_acknowledged(difference: Difference) -> bool:
    state = db.session.scalar(select(ReconciliationFinding.state).where(ReconciliationFinding.key == difference.key))
    return state is FindingState.ACKNOWLEDGED


# --- 1: what lies there, and what is promised of it ------------------------------------------------------


def _short_pools(adapter: RegistryAdapter, seen: Seen, supply: Supply, pending: Mapping[int, int]) -> list[Difference]:
    """Pools that are short, and still are when the registry is asked once more.

    Units may have come, and an offer of them, after it was asked and before the offers were read.
    """
    short = _pools(seen, supply, pending)
    if short:
        supply = read_supply([seen.account], adapter.holdings)
        short = _pools(seen, supply, _read_pending(seen.account, supply))
    return short


def _pools(seen: Seen, supply: Supply, pending: Mapping[int, int]) -> list[Difference]:
    """Pools of which more is promised than lies there. What is being cancelled may be missing in both books."""
    issuances = {
        *db.session.scalars(
            select(Offer.issuance_id).where(Offer.account == seen.account, Offer.state != OfferState.DRAFT)
        ),
        *db.session.scalars(select(DirectCancellation.issuance_id).where(DirectCancellation.account == seen.account)),
    }
    pools = [(seen.account, issuance_id) for issuance_id in sorted(issuances)]
    promises = promised(pools)
    short = []
    for pool in pools:
        serials = serials_of(pool[1])
        available = supply.available(pool, serials)
        if promises[pool] > available + pending.get(pool[1], 0):
            subject = f"{serials.space} {serials.first}–{serials.last}"
            short.append(
                Difference(
                    _K.POOL_SHORT, seen.registry, seen.account, subject, str(promises[pool]), str(available), pool
                )
            )
    return short


def _waiting_long(adapter: RegistryAdapter, account: str, now: datetime) -> list[Difference]:
    """What was sent longer ago than a registry of this kind ever takes."""
    rows = db.session.scalars(
        select(Cancellation)
        .where(
            Cancellation.registry_code == adapter.name,
            Cancellation.account == account,
            Cancellation.state.in_((CancellationState.PLANNED, *UNSETTLED)),
            func.coalesce(Cancellation.first_sent_at, Cancellation.created_at)
            < now - adapter.capabilities.pending_alarm,
        )
        .order_by(Cancellation.id)
    )
    return [
        Difference(_K.PENDING_LONG, adapter.name, account, each.reference, each.state.value, each.last_message[:200])
        for each in rows
    ]


# --- 2: blocks -----------------------------------------------------------------------------------------------


def _blocks(adapter: RegistryAdapter, account: str, held: Sequence[Holding]) -> list[Difference]:
    """What we know as cancelled and the registry still holds."""
    found = _both(adapter.name, account, held)
    if found:
        # What was cancelled after the registry had been asked does not lie there any more.
        still = {each.subject for each in _both(adapter.name, account, adapter.holdings(account))}
        found = [each for each in found if each.subject in still]
    return found


def _both(registry: str, account: str, held: Sequence[Holding]) -> list[Difference]:
    """What is cancelled in our books and lies among what is held."""
    found = []
    for holding in held:
        rows = db.session.execute(
            select(CancelledBlock, Cancellation.reference, Cancellation.issuance_id)
            .join(Cancellation, Cancellation.id == CancelledBlock.cancellation_id)
            .where(
                CancelledBlock.space == f"{registry}:{holding.space}",
                CancelledBlock.first <= holding.serial_last,
                CancelledBlock.last >= holding.serial_first,
            )
        ).all()
        found += [
            Difference(
                _K.OURS_NOT_THEIRS,
                registry,
                account,
                reference,
                f"{block.text_first} – {block.text_last}",
                f"{holding.space} {holding.serial_first}–{holding.serial_last}",
                (account, issuance_id),
            )
            for block, reference, issuance_id in rows
        ]
    end_reading()
    return found


# --- 3: transactions ---------------------------------------------------------------------------------------


def _transactions(
    adapter: RegistryAdapter, account: str, forgotten_since: datetime | None, now: datetime
) -> list[Difference]:
    # As they are read now: what is confirmed while the registry answers is not in its answer. Columns and no objects,
    # in two questions: after some years there are very many.
    of_account = (Cancellation.registry_code == adapter.name, Cancellation.account == account)
    ours = {each.reference: each for each in write(select(*_OURS).where(*of_account))}
    blocks: dict[str, list[Row[Any]]] = {reference: [] for reference in ours}
    for block in write(
        select(Cancellation.reference, CancelledBlock.space, CancelledBlock.first, CancelledBlock.last)
        .join(Cancellation, Cancellation.id == CancelledBlock.cancellation_id)
        .where(*of_account)
    ):
        blocks.setdefault(block.reference, []).append(block)
    known = set(
        db.session.scalars(
            select(StrayCancellation.registry_transaction).where(
                StrayCancellation.registry_code == adapter.name, StrayCancellation.account == account
            )
        )
    )
    since = min(each.created_at for each in ours.values()) if ours else now
    if forgotten_since is not None:
        since = min(since, forgotten_since)
    end_reading()
    lines = adapter.statement(account, since - MARGIN)
    newer = _planned_meanwhile({line.reference for line in lines if line.reference} - set(ours))
    found: list[Difference] = []
    stated: set[str] = set()
    for line in lines:
        cancellation = ours.get(line.reference or "")
        if cancellation is None:
            if line.result.registry_transaction not in known and line.reference not in newer:
                found.append(_stray(adapter.name, account, line))
            continue
        kind = _contradiction(
            cancellation, _spans(blocks[cancellation.reference]), line, stated, is_strict=forgotten_since is not None
        )
        if kind is not None:
            found.append(
                Difference(
                    kind,
                    adapter.name,
                    account,
                    cancellation.reference,
                    f"{cancellation.state.value}: {cancellation.units}",
                    f"{line.result.registry_transaction}: {line.result.units}",
                    (account, cancellation.issuance_id),
                )
            )
        stated.add(cancellation.reference)
    return found + [
        Difference(
            _K.OURS_NOT_THEIRS,
            adapter.name,
            account,
            reference,
            f"{each.registry_transaction}: {each.units}",
            "",
            (account, each.issuance_id),
        )
        for reference, each in ours.items()
        if each.state is CancellationState.CONFIRMED and reference not in stated
    ]


def _planned_meanwhile(references: set[str]) -> set[str]:
    """Which of these references are ours by now: the shop goes on selling while it is compared."""
    if not references:
        return set()
    return set(db.session.scalars(select(Cancellation.reference).where(Cancellation.reference.in_(references))))


def _stray(registry: str, account: str, line: StatementLine) -> Difference:
    return Difference(
        _K.THEIRS_NOT_OURS,
        registry,
        account,
        (line.reference or line.result.registry_transaction)[:200],
        "",
        f"{line.result.registry_transaction}: {line.result.units}"[:500],
        stray=line,
    )


def _contradiction(
    cancellation: Row[Any],
    blocks: set[tuple[str, int, int]],
    line: StatementLine,
    stated: set[str],
    *,
    is_strict: bool,
) -> FindingKind | None:
    """What is wrong with a line under one of our references.

    What was on its way when our books were read may be done by now, and is looked up by itself; after a restore
    everything was looked up before.
    """
    if cancellation.reference in stated:
        return _K.REFERENCE_TWICE
    if cancellation.state is not CancellationState.CONFIRMED:
        is_final = cancellation.state in (CancellationState.REFUSED, CancellationState.MANUAL)
        return _K.THEIRS_NOT_OURS if is_final or is_strict else None
    is_same = cancellation.units == line.result.units and blocks == _spans(line.result.blocks)
    return None if is_same else _K.CONTENT_DIFFERS


def _spans(blocks: Iterable[SerialBlock | Row[Any]]) -> set[tuple[str, int, int]]:
    """Serial numbers of blocks, neighbours joined, whoever split them."""
    joined: list[tuple[str, int, int]] = []
    for space, first, last in sorted((b.space, b.first, b.last) for b in blocks):
        if joined and joined[-1][0] == space and joined[-1][2] + 1 == first:
            joined[-1] = (space, joined[-1][1], last)
        else:
            joined.append((space, first, last))
    return set(joined)
