"""What the worker does for batches: it draws the forms of closed ones and sees when answered ones are settled."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from itertools import groupby

from sqlalchemy import exists, select

from app.catalog.models import Project
from app.config import Settings
from app.db import advance, db, end_reading, read_ids, transaction, write
from app.jobs import hold
from app.registry.batch import files, messages
from app.registry.batch.models import Batch, BatchLine, RegistryMessage
from app.registry.batch.ports import FormRenderer, ForwardingLine, ForwardingRequest
from app.registry.batch.states import BATCH, BatchState, LineState
from app.registry.models import Cancellation, RegistryAccount
from app.registry.states import CANCELLATION

_UNFINISHED = exists().where(
    BatchLine.batch_id == Batch.id,
    BatchLine.state != LineState.WITHDRAWN,
    Cancellation.reference == BatchLine.reference,
    Cancellation.state.in_(CANCELLATION.unfinished()),
)
# Said once: the worker asks after every round.
_CLOSED = select(Batch.id).where(Batch.state == BatchState.CLOSED).order_by(Batch.id)
_SETTLED = select(Batch.id).where(Batch.state == BatchState.ANSWERED, ~_UNFINISHED)
_IS_DUE = select(~hold.IS_STANDING & (_CLOSED.exists() | _SETTLED.exists()))


def is_due() -> bool:
    """Whether there is a package to make or a batch to move on, and no restoration hold stands."""
    return bool(write(_IS_DUE).scalar_one())


def pack_due(renderer: FormRenderer, settings: Settings, now: datetime) -> int:
    """Make the package of every closed batch; gives how many were made.

    Drawing takes seconds and one thread, so it is the worker's, and happens outside of transactions.
    """
    made = 0
    for batch_id in read_ids(_CLOSED):
        content = _package(batch_id, renderer, settings)
        made += _store(batch_id, content, now)
    return made


def settle_due(now: datetime) -> int:
    """Move answered batches on whose cancellations all have their outcome; gives how many moved."""
    due = read_ids(_SETTLED)
    if not due:
        return 0
    with transaction():
        return sum(advance(Batch, batch_id, BATCH, BatchState.SETTLED, at=now) for batch_id in due)


def _package(batch_id: int, renderer: FormRenderer, settings: Settings) -> bytes:
    batch = db.session.get_one(Batch, batch_id)
    closed_at = batch.closed_at or batch.opened_at  # a closed batch has the first, says its table
    lines = list(
        db.session.scalars(
            select(BatchLine)
            .where(BatchLine.batch_id == batch_id, BatchLine.number.is_not(None))
            .order_by(BatchLine.number)
        )
    )
    requests = _requests(batch, lines, settings, closed_at)
    contents = {
        files.LINES_NAME: db.session.scalars(
            select(RegistryMessage.body).where(RegistryMessage.sha256 == batch.lines_sha256)
        ).one(),
        files.ANSWERS_NAME: files.answers_csv(batch.code, lines),
    }
    manifest = partial(
        files.manifest_json,
        batch=batch.code,
        registry=settings.batch_name,
        operator=settings.operator_name,
        lines=lines,
        closed_at=closed_at,
        is_demonstration=settings.is_demonstration,
    )
    db.session.expunge_all()
    end_reading()
    for request in requests:
        contents[f"forwarding-request-{request.account}.pdf"] = renderer.forwarding_request(request)
    contents[files.MANIFEST_NAME] = manifest(files=dict(contents))
    return files.package(contents, closed_at)


def _store(batch_id: int, content: bytes, now: datetime) -> bool:
    with transaction() as session:
        if not advance(Batch, batch_id, BATCH, BatchState.EXPORTED, at=now, exported_at=now):
            return False
        batch = session.get_one(Batch, batch_id)
        messages.keep(
            content,
            registry_code=batch.registry_code,
            direction="out",
            kind="package",
            name=f"{batch.code}.zip",
            media_type=messages.ZIP,
            now=now,
            batch_id=batch_id,
        )
    return True


def _requests(batch: Batch, lines: list[BatchLine], settings: Settings, closed_at: datetime) -> list[ForwardingRequest]:
    """One for each account: its holder signs for their own units only."""
    accounts = {line.account for line in lines}
    holders = dict(
        db.session.execute(
            select(RegistryAccount.identifier, RegistryAccount.holder).where(RegistryAccount.identifier.in_(accounts))
        ).all()
    )
    references = {line.project_reference for line in lines}
    titles = dict(
        db.session.execute(select(Project.reference, Project.title).where(Project.reference.in_(references))).all()
    )
    return [
        ForwardingRequest(
            batch=batch.code,
            registry_name=settings.batch_name,
            operator_name=settings.operator_name,
            account=account,
            holder=holders.get(account, ""),
            acquiring_account=settings.batch_acquiring_account,
            closed_at=closed_at,
            lines=[_form_line(line, titles.get(line.project_reference, "")) for line in own],
            lines_sha256=batch.lines_sha256,
            is_demonstration=settings.is_demonstration,
        )
        for account, own in groupby(lines, key=lambda line: line.account)
    ]


def _form_line(line: BatchLine, title: str) -> ForwardingLine:
    period = line.vintage_year if line.commitment_period is None else line.commitment_period
    return ForwardingLine(
        number=line.number or 0,
        reference=line.reference,
        project_reference=line.project_reference,
        project_title=title,
        unit_type=line.unit_type,
        period=str(period),
        serial_first=line.serial_first,
        serial_last=line.serial_last,
        space=line.space,
        units=line.units,
        beneficiary_name=line.beneficiary_name,
        purpose=line.purpose,
    )
