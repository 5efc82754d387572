"""What the books of batches say: for the adapter, for the desk, and for whoever may have an attestation."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, exists, func, select
from sqlalchemy.orm import selectinload, undefer

from app.db import db
from app.kernel.serials import Span
from app.registry.batch.models import (
    AccountStatement,
    Attestation,
    Batch,
    BatchBlock,
    BatchLine,
    RegistryMessage,
)
from app.registry.batch.states import BatchState, LineState
from app.registry.models import Cancellation


@dataclass(frozen=True)
class BatchRow:
    """A batch with the number of its lines, their units (tonnes), and how many were answered."""

    batch: Batch
    lines: int
    units: int
    answered: int


def find_line(reference: str) -> BatchLine | None:
    """The one line of a reference, with its batch and its serial numbers."""
    return db.session.scalar(
        select(BatchLine)
        .where(BatchLine.reference == reference)
        .options(selectinload(BatchLine.batch), selectinload(BatchLine.blocks))
        .execution_options(populate_existing=True)
    )


def processed_lines(account: str, since: datetime) -> Sequence[BatchLine]:
    """Lines of an account that the registry processed at or after an aware instant, oldest first."""
    return db.session.scalars(
        select(BatchLine)
        .where(BatchLine.account == account, BatchLine.state == LineState.PROCESSED, BatchLine.completed_at >= since)
        .order_by(BatchLine.completed_at, BatchLine.id)
        .options(selectinload(BatchLine.batch), selectinload(BatchLine.blocks))
        .execution_options(populate_existing=True)
    ).all()


def newest_statement(registry_code: str, account: str) -> AccountStatement | None:
    """What the registry last stated of an account, with its holdings."""
    return db.session.scalar(
        select(AccountStatement)
        .where(AccountStatement.registry_code == registry_code, AccountStatement.account == account)
        .order_by(AccountStatement.as_of.desc())
        .limit(1)
        .options(selectinload(AccountStatement.holdings))
    )


def cancelled_spans(account: str) -> list[Span]:
    """Every range that the registry says it cancelled out of an account, in order."""
    rows = db.session.execute(
        select(BatchBlock.space, BatchBlock.first, BatchBlock.last)
        .join(BatchLine, BatchLine.id == BatchBlock.line_id)
        .where(BatchLine.account == account)
        .order_by(BatchBlock.space, BatchBlock.first)
    )
    return [Span(space, first, last) for space, first, last in rows]


def batch_rows(limit: int) -> list[BatchRow]:
    """Batches, those that need somebody first, then the newest."""
    return [_row(*row) for row in db.session.execute(_counted().order_by(_IS_SETTLED, Batch.id.desc()).limit(limit))]


def find_batch(code: str) -> BatchRow | None:
    """One batch by its code."""
    row = db.session.execute(_counted().where(Batch.code == code)).one_or_none()
    return None if row is None else _row(*row)


def lines_of(batch_id: int) -> Sequence[BatchLine]:
    """The lines of a batch by their numbers, with those that were taken out at the end."""
    return db.session.scalars(
        select(BatchLine)
        .where(BatchLine.batch_id == batch_id)
        .order_by(BatchLine.state == LineState.WITHDRAWN, BatchLine.number, BatchLine.id)
        .options(selectinload(BatchLine.blocks))
    ).all()


def messages_of(batch_id: int) -> Sequence[RegistryMessage]:
    """The files of a batch, oldest first, without their content."""
    return db.session.scalars(
        select(RegistryMessage).where(RegistryMessage.batch_id == batch_id).order_by(RegistryMessage.id)
    ).all()


def find_message(sha256: str) -> RegistryMessage | None:
    """A file by its hash, with its content."""
    return db.session.scalar(
        select(RegistryMessage).where(RegistryMessage.sha256 == sha256).options(undefer(RegistryMessage.body))
    )


def attestations_of(references: Collection[str]) -> Sequence[RegistryMessage]:
    """The attestations of these cancellations, by our references, oldest first, without their content.

    One that is about others as well is not among them: it would show each buyer who the others are.
    """
    if not references:
        return ()
    lines = exists().where(Attestation.message_id == RegistryMessage.id, BatchLine.id == Attestation.line_id)
    return db.session.scalars(
        select(RegistryMessage)
        .where(
            RegistryMessage.id.in_(
                select(Attestation.message_id)
                .join(BatchLine, BatchLine.id == Attestation.line_id)
                .where(BatchLine.reference.in_(references))
            ),
            ~lines.where(BatchLine.reference.not_in(references)),
        )
        .order_by(RegistryMessage.id)
    ).all()


def is_of_one_buyer(message_id: int) -> bool:
    """Whether all lines that an attestation is about were asked for in one order, or by one holder at once."""
    asked_for = (
        select(Cancellation.order_id, Cancellation.direct_cancellation_id)
        .join(BatchLine, BatchLine.reference == Cancellation.reference)
        .join(Attestation, Attestation.line_id == BatchLine.id)
        .where(Attestation.message_id == message_id)
        .distinct()
        .limit(2)
    )
    return len(db.session.execute(asked_for).all()) == 1


def references_of_order(order_id: int) -> Sequence[str]:
    """The references under which the lines of an order were cancelled."""
    return db.session.scalars(select(Cancellation.reference).where(Cancellation.order_id == order_id)).all()


def find_attestation(references: Collection[str], sha256: str) -> RegistryMessage | None:
    """One of them by its hash, with its content."""
    known = {message.sha256 for message in attestations_of(references)}
    return find_message(sha256) if sha256 in known else None


_IS_ANSWERED = BatchLine.state.in_([LineState.PROCESSED, LineState.NOT_PROCESSED])
_IS_SETTLED = case((Batch.state == BatchState.SETTLED, 1), else_=0)


def _counted():  # type: ignore[no-untyped-def]  # SQLAlchemy's own type is longer than the query
    is_in = BatchLine.state != LineState.WITHDRAWN
    return (
        select(
            Batch,
            func.count(case((is_in, 1))),
            func.coalesce(func.sum(case((is_in, BatchLine.units), else_=0)), 0),
            func.count(case((_IS_ANSWERED, 1))),
        )
        .outerjoin(BatchLine, BatchLine.batch_id == Batch.id)
        .group_by(Batch.id)
    )


def _row(batch: Batch, lines: int, units: int, answered: int) -> BatchRow:
    return BatchRow(batch, int(lines), int(units), int(answered))
