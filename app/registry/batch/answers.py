"""Taking in what an administrator answers: kept, checked whole, applied once.

The file is the truth about its lines, so it needs somebody to vouch for it: the administrator's signature
under the shared secret, or a second operator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select, update

from app.audit.models import Proposal
from app.audit.service import Actor, Subject, note_act, on_agreement, propose, required_reason
from app.db import advance, db, end_reading, transaction
from app.kernel.csvtable import MAXIMUM_BYTES, ImportRefused, RowError
from app.kernel.security_log import Event, Outcome, tell
from app.providers.independence import require_outsider_of
from app.registry.accounts import find_account_provider
from app.registry.batch import messages
from app.registry.batch.errors import SignatureWrong
from app.registry.batch.files import sha256
from app.registry.batch.models import Batch, BatchBlock, BatchLine, RegistryMessage
from app.registry.batch.response import (
    Answer,
    Checked,
    check,
    facts_of,
    found_signature,
    is_signed_by,
    read_response,
)
from app.registry.batch.service import only_writer
from app.registry.batch.states import BATCH, BATCH_LINE, HANDED_OVER, BatchState, LineState
from app.registry.models import Cancellation
from app.registry.states import CancellationState

APPLY_RESPONSE = "apply_batch_response"
# Those that the registry is asked about by itself: it is worth asking at once.
_ASKED_ABOUT = (CancellationState.WAITING, CancellationState.UNKNOWN)


class Fate(StrEnum):
    """What became of a file that was handed in."""

    APPLIED = "applied"
    PROPOSED = "proposed"
    KNOWN = "known"


@dataclass(frozen=True)
class Receipt:
    """What became of a file, and the code of the batch it is about."""

    fate: Fate
    batch: str


def init_app() -> None:
    """Say what carries out a response file that two operators vouch for."""
    on_agreement(APPLY_RESPONSE, _agreed)


def receive(
    raw: bytes, *, name: str, signature: str, reason: str, actor: Actor, registry_code: str, secret: str, now: datetime
) -> Receipt:
    """Take a response file in: apply it where its signature is right, propose it where it has none.

    The signature stands in its first line or is given apart; without a shared secret none can be checked. A
    file that was applied before changes nothing. It is kept also where it is refused. Raises SignatureWrong,
    ImportRefused with every problem, OwnOrganisation, ReasonMissing, and AlreadyProposed.
    """
    if len(raw) > MAXIMUM_BYTES:
        raise ImportRefused([RowError(0, None, "file_too_large", {"maximum": MAXIMUM_BYTES})])
    given = signature or found_signature(raw)
    is_signed = bool(given and secret)
    if given and secret and not is_signed_by(raw, given, secret):
        tell(Event.NOTICE, Outcome.REFUSED, reason="signature of a response file")
        raise SignatureWrong
    with transaction():
        message = messages.keep(
            raw,
            registry_code=registry_code,
            direction="in",
            kind="response",
            name=name,
            media_type=messages.CSV,
            now=now,
        )
        message_id, applied_at, batch_id = message.id, message.applied_at, message.batch_id
    # A statement that somebody takes for a response was applied too, but to no batch.
    if applied_at is not None and batch_id is not None:
        return Receipt(Fate.KNOWN, db.session.get_one(Batch, batch_id).code)
    checked, batch = _require_right(raw, registry_code, now)
    code, facts = batch.code, {**facts_of(checked.answers), "sha256": sha256(raw), "batch": batch.code}
    answered = Subject("batch", batch.id, code)
    _require_outsiders(checked.answers, actor.person_id)
    end_reading()
    if is_signed:
        with transaction() as session:
            only_writer(registry_code)
            if session.get_one(RegistryMessage, message_id).applied_at is None:
                _apply(message_id, now, is_signed=True)
                note_act(actor, "batch_response_applied", answered, at=now, facts=facts)
        return Receipt(Fate.APPLIED, code)
    subject = Subject("registry_message", message_id, f"{code}: {name}")
    propose(actor, APPLY_RESPONSE, subject, reason=required_reason(reason), facts=facts, now=now)
    return Receipt(Fate.PROPOSED, code)


def _agreed(proposal: Proposal, now: datetime) -> None:
    """A second operator vouches for the file: it is checked against what is on record by now, and applied."""
    message = db.session.get_one(RegistryMessage, proposal.subject_id)
    only_writer(message.registry_code)
    db.session.refresh(message)
    if message.applied_at is None:
        answers = _apply(message.id, now, is_signed=False)
        _require_outsiders(answers, proposal.decided_by)


def _require_right(raw: bytes, registry_code: str, now: datetime) -> tuple[Checked, Batch]:
    checked = check(read_response(raw), registry_code, now)
    if checked.errors or checked.batch is None:
        raise ImportRefused(checked.errors)
    return checked, checked.batch


def _require_outsiders(answers: Sequence[Answer], person_id: int | None) -> None:
    """Nobody vouches for what became of units of an organisation of their own. Raises OwnOrganisation."""
    accounts = db.session.scalars(
        select(BatchLine.account).where(BatchLine.id.in_([answer.line_id for answer in answers])).distinct()
    ).all()
    for account in accounts:
        provider_id = find_account_provider(account)
        if provider_id is not None:
            require_outsider_of(provider_id, person_id)


def _apply(message_id: int, now: datetime, *, is_signed: bool) -> Sequence[Answer]:
    """Write down all that a file says, inside the caller's transaction, which is the only writer of the batch."""
    session = db.session()
    message = session.get_one(RegistryMessage, message_id)
    checked, batch = _require_right(message.body, message.registry_code, now)
    batch_id, registry_code = batch.id, batch.registry_code
    for answer in checked.answers:
        _write(answer, message_id, now)
    session.execute(
        update(RegistryMessage)
        .where(RegistryMessage.id == message_id)
        .values(applied_at=now, batch_id=batch_id, is_signed=is_signed)
        .execution_options(synchronize_session=False)
    )
    pending = session.scalar(
        select(BatchLine.id).where(BatchLine.batch_id == batch_id, BatchLine.state == LineState.PENDING).limit(1)
    )
    if pending is None:
        advance(Batch, batch_id, BATCH, BatchState.ANSWERED, at=now, sources=HANDED_OVER)
    session.execute(
        update(Cancellation)
        .where(
            Cancellation.registry_code == registry_code,
            Cancellation.reference.in_([answer.reference for answer in checked.answers]),
            Cancellation.state.in_(_ASKED_ABOUT),
        )
        .values(next_action_at=now)
        .execution_options(synchronize_session=False)
    )
    session.expire_all()
    return checked.answers


def _write(answer: Answer, message_id: int, now: datetime) -> None:
    advance(
        BatchLine,
        answer.line_id,
        BATCH_LINE,
        answer.state,
        at=now,
        reason=answer.reason,
        registry_transaction=answer.registry_transaction,
        completed_at=answer.completed_at,
        answer_id=message_id,
    )
    db.session.add_all(
        BatchBlock(line_id=answer.line_id, space=block.space, first=block.first, last=block.last)
        for block in answer.blocks
    )
