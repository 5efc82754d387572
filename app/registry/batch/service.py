"""What becomes of a batch until the administrator has it, and what is noted about it afterwards."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import func, select

from app.audit.service import Actor, Subject, note_act
from app.db import advance, db, insert_once, one_at_a_time, record, transaction
from app.jobs import hold
from app.kernel.references import batch_code
from app.kernel.text import clean_line
from app.registry.batch import files, messages
from app.registry.batch.errors import (
    AcknowledgementMissing,
    BatchEmpty,
    BatchHeldBack,
    BatchMovedOn,
    NoSuchLine,
    NotAPdf,
)
from app.registry.batch.models import Attestation, Batch, BatchLine, RegistryMessage
from app.registry.batch.queries import is_of_one_buyer
from app.registry.batch.states import BATCH, BATCH_LINE, BatchState, LineState
from app.registry.ports import CancellationRequest

LONGEST_ACKNOWLEDGEMENT = 120  # characters
LARGEST_ATTESTATION = 10_000_000  # bytes


def only_writer(registry_code: str) -> None:
    """Make everybody else who changes batches of a registry wait until the caller's transaction has ended."""
    one_at_a_time(f"batch:{registry_code}")


def put(request: CancellationRequest, registry_code: str, now: datetime) -> None:
    """Put a request into the open batch of its registry, unless its reference is in a batch already.

    A reference is in one batch for ever, also where the registry did not process it: a sender that slept
    through the refusal and the refund must find the refusal, not a second chance.
    """
    with transaction() as session:
        only_writer(registry_code)
        if session.scalar(select(BatchLine.id).where(BatchLine.reference == request.reference)) is None:
            _add_line(request, registry_code, now)


def take_out(request: CancellationRequest, registry_code: str, reason: str, now: datetime) -> bool:
    """Take a request out of a batch that is still open; True if it is out now by this call.

    Its batch was never handed over, so nobody but us has ever seen the line: that it never takes effect is certain.
    One that is in no batch gets its line all the same: whoever still carries the request comes too late.
    """
    with transaction() as session:
        only_writer(registry_code)
        found = session.execute(
            select(BatchLine.id, Batch.state)
            .join(Batch, Batch.id == BatchLine.batch_id)
            .where(BatchLine.reference == request.reference)
        ).one_or_none()
        if found is not None and found.state is not BatchState.OPEN:
            return False
        line_id = _add_line(request, registry_code, now) if found is None else found.id
        return advance(BatchLine, line_id, BATCH_LINE, LineState.WITHDRAWN, at=now, reason=clean_line(reason)[:300])


def _add_line(request: CancellationRequest, registry_code: str, now: datetime) -> int:
    line = BatchLine(
        batch_id=_open_batch(registry_code, now),
        reference=request.reference,
        fingerprint=request.fingerprint,
        account=request.account,
        project_reference=request.project_reference,
        unit_type=request.unit_type,
        commitment_period=request.commitment_period,
        vintage_year=request.vintage_year,
        space=request.space,
        serial_first=request.serial_first,
        serial_last=request.serial_last,
        units=request.units,
        beneficiary_name=request.beneficiary_name,
        purpose=request.purpose,
        added_at=now,
        state=LineState.PENDING,
    )
    db.session.add(line)
    db.session.flush()
    record(BATCH_LINE.machine, line.id, None, LineState.PENDING, at=now)
    return line.id


def close(batch_id: int, actor: Actor, *, acquiring_account: str, is_demonstration: bool, now: datetime) -> None:
    """Freeze what a batch holds: its lines are numbered, and the file of them and its hash are kept.

    Raises BatchEmpty, BatchMovedOn unless it is open, or BatchHeldBack while a restoration hold stands.
    """
    with transaction() as session:
        _require_no_hold()
        batch = session.get_one(Batch, batch_id)
        only_writer(batch.registry_code)
        session.refresh(batch)
        lines = list(
            session.scalars(
                select(BatchLine)
                .where(BatchLine.batch_id == batch_id, BatchLine.state == LineState.PENDING)
                .order_by(BatchLine.account, BatchLine.project_reference, BatchLine.id)
            )
        )
        if batch.state is not BatchState.OPEN:
            raise BatchMovedOn(state=batch.state.value)
        if not lines:
            raise BatchEmpty
        subject = Subject("batch", batch.id, batch.code)
        for number, line in enumerate(lines, 1):
            line.number = number
        session.flush()
        body = files.lines_csv(
            batch.code, lines, acquiring_account=acquiring_account, is_demonstration=is_demonstration
        )
        units = sum(line.units for line in lines)
        # The journal goes on from the batch that was closed last: none is closed before it, whatever a clock says.
        last = session.scalar(select(func.max(Batch.closed_at)))
        advance(
            Batch,
            batch_id,
            BATCH,
            BatchState.CLOSED,
            at=now,
            closed_at=max(now, last or now),
            lines=len(lines),
            units=units,
            lines_sha256=files.sha256(body),
        )
        messages.keep(
            body,
            registry_code=batch.registry_code,
            direction="out",
            kind="lines",
            name=f"{batch.code}-{files.LINES_NAME}",
            media_type=messages.CSV,
            now=now,
            batch_id=batch_id,
        )
        facts = {"count": len(lines), "units": units, "sha256": files.sha256(body)}
        note_act(actor, "batch_closed", subject, at=now, facts=facts)


def acknowledge(batch_id: int, actor: Actor, *, reference: str, now: datetime) -> None:
    """Note that the administrator has the batch, under their own `reference` for it.

    Raises AcknowledgementMissing, or BatchMovedOn unless it was exported and is not answered.
    """
    kept = clean_line(reference)
    if not 0 < len(kept) <= LONGEST_ACKNOWLEDGEMENT:
        raise AcknowledgementMissing
    with transaction() as session:
        batch = session.get_one(Batch, batch_id)
        subject = Subject("batch", batch.id, batch.code)
        moved = advance(
            Batch, batch_id, BATCH, BatchState.ACKNOWLEDGED, at=now, acknowledged_at=now, acknowledgement=kept
        )
        if not moved:
            raise BatchMovedOn(state=batch.state.value)
        note_act(actor, "batch_acknowledged", subject, at=now, facts={"reference": kept})


def note_download(message_id: int, actor: Actor, now: datetime) -> None:
    """Note who took a file of a registry out of the house.

    Raises BatchHeldBack for a package while a restoration hold stands: who has it hands it over.
    """
    with transaction() as session:
        message = session.get_one(RegistryMessage, message_id)
        if message.kind == "package":
            _require_no_hold()
        # A statement, and a response that is not applied yet, are of no batch.
        kind, id_ = ("registry_message", message_id) if message.batch_id is None else ("batch", message.batch_id)
        subject = Subject(kind, id_, message.name)
        note_act(actor, "registry_file_taken", subject, at=now)


def attest(batch_id: int, numbers: Collection[int], content: bytes, actor: Actor, *, now: datetime) -> bool:
    """Archive an attestation of cancellation for lines of a batch, by their numbers; True if a buyer is offered it.

    It is told by its first bytes and never opened here. The same file for further lines adds those. One about lines
    of several buyers is kept and offered to none of them. Raises NotAPdf, or NoSuchLine unless every line is there
    and was processed.
    """
    _require_pdf(content)
    with transaction() as session:
        batch = session.get_one(Batch, batch_id)
        lines = list(
            session.scalars(
                select(BatchLine.id).where(
                    BatchLine.batch_id == batch_id,
                    BatchLine.number.in_(numbers),
                    BatchLine.state == LineState.PROCESSED,
                )
            )
        )
        if not lines or len(lines) != len(set(numbers)):
            raise NoSuchLine
        fingerprint = files.sha256(content)
        message = messages.keep(
            content,
            registry_code=batch.registry_code,
            direction="in",
            kind="attestation",
            # Its own name may say anything; this one says what it is.
            name=f"attestation-{batch.code}-{fingerprint[:8]}.pdf",
            media_type=messages.PDF,
            now=now,
            applied_at=now,
            batch_id=batch_id,
        )
        for line_id in lines:
            insert_once(Attestation, line_id=line_id, message_id=message.id)
        session.flush()
        is_offered = is_of_one_buyer(message.id)
        facts = {"count": len(lines), "sha256": fingerprint}
        note_act(actor, "attestation_archived", Subject("batch", batch.id, batch.code), at=now, facts=facts)
    return is_offered


def _require_no_hold() -> None:
    if hold.stands():
        raise BatchHeldBack


def _require_pdf(content: bytes) -> None:
    if not content:
        raise NotAPdf(problem="empty")
    if len(content) > LARGEST_ATTESTATION:
        raise NotAPdf(problem="too_large")
    if not content.startswith(b"%PDF-"):
        raise NotAPdf(problem="wrong_type")


def _open_batch(registry_code: str, now: datetime) -> int:
    """The id of the registry's open batch, which the caller has locked; a new one where there is none."""
    session = db.session()
    found = session.scalar(select(Batch.id).where(Batch.registry_code == registry_code, Batch.state == BatchState.OPEN))
    if found is not None:
        return found
    batch = Batch(registry_code=registry_code, code=batch_code(), state=BatchState.OPEN, opened_at=now)
    session.add(batch)
    session.flush()
    record(BATCH.machine, batch.id, None, BatchState.OPEN, at=now)
    return batch.id
