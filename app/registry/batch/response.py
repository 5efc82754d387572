"""A response file: how it is read and signed, and everything that can be wrong with it. Nothing is changed here."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import select

from app.db import db
from app.kernel.csvtable import (
    CellRefused,
    Column,
    Row,
    RowError,
    Table,
    choice,
    day,
    decode,
    instant,
    read_table,
    repeated,
    text,
    whole_number,
)
from app.kernel.serials import Span, overlaps
from app.registry.batch.models import Batch, BatchBlock, BatchLine
from app.registry.batch.states import BatchState, LineState
from app.registry.models import Cancellation, CancelledBlock

SIGNATURE_PREFIX = "#hmac-sha256="
# The administrator's clock may differ from ours, never by so much.
CLOCKS_APART = timedelta(days=1)
MOST_RANGES = 200

_RANGE = re.compile(r"([1-9][0-9]{0,17})(?: ?[-–] ?([1-9][0-9]{0,17}))?")


def _when(cell: str) -> datetime | date:
    try:
        return day(cell)
    except CellRefused:
        return instant(cell)


def _ranges(cell: str) -> tuple[tuple[int, int], ...]:
    found: list[tuple[int, int]] = []
    for part in cell.split(";"):
        match = _RANGE.fullmatch(part.strip())
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if first > last or len(found) == MOST_RANGES:
            raise CellRefused("wrong_form", example="1000-1499; 1600")
        found.append((first, last))
    return tuple(sorted(found))


COLUMNS = (
    Column("batch", text(24)),
    Column("line", whole_number(1), required=False),
    Column("reference", text(32)),
    Column("outcome", choice("processed", "not_processed"), required=False),
    Column("reason", text(300), required=False, default=""),
    Column("units", whole_number(1), required=False),
    Column("registry_transaction", text(60), required=False),
    Column("completed_at", _when, required=False),
    Column("serial_numbers", _ranges, required=False, default=()),
)
_OF_PROCESSED = ("units", "registry_transaction", "completed_at", "serial_numbers")
_OF_ANSWERED = ("reason", "registry_transaction", "completed_at", "serial_numbers")
_NOT_OF_REFUSED = ("registry_transaction", "completed_at", "serial_numbers")


@dataclass(frozen=True)
class Answer:
    """What the registry says about one line. `completed_at` is aware; the blocks are of the line's number space."""

    line_id: int
    reference: str
    state: LineState
    reason: str
    registry_transaction: str | None
    completed_at: datetime | None
    blocks: tuple[Span, ...]


@dataclass(frozen=True)
class Checked:
    """What a file says that is new, and everything that is wrong with it; nothing is wrong or nothing counts."""

    batch: Batch | None
    answers: Sequence[Answer]
    errors: Sequence[RowError]


def signature_of(raw: bytes, secret: str) -> str:
    """HMAC-SHA256 under the shared secret over every byte after the line of the signature, in hexadecimal."""
    return hmac.new(secret.encode(), _signed_part(raw)[1], hashlib.sha256).hexdigest()


def found_signature(raw: bytes) -> str | None:
    """The signature in the first line of a file; None where there is none."""
    head = _signed_part(raw)[0]
    return head.removeprefix(SIGNATURE_PREFIX).strip().lower() if head else None


def is_signed_by(raw: bytes, signature: str, secret: str) -> bool:
    """Whether the shared secret makes this signature."""
    return hmac.compare_digest(signature.strip().lower().encode(), signature_of(raw, secret).encode())


def _signed_part(raw: bytes) -> tuple[str, bytes]:
    body = raw.removeprefix(b"\xef\xbb\xbf")
    if not body.startswith(SIGNATURE_PREFIX.encode()):
        return "", raw
    head, _newline, rest = body.partition(b"\n")
    return head.decode("ascii", "replace"), rest


def read_response(raw: bytes) -> Table:
    """The rows of a file. Raises ImportRefused when it cannot be read at all."""
    return read_table(decode(_signed_part(raw)[1]), COLUMNS)


def check(table: Table, registry_code: str, now: datetime) -> Checked:
    """Hold a whole file against the batch it answers and against every serial number on record."""
    errors = [*table.errors, *repeated(table.rows, "reference")]
    batch = _batch_of(table.rows, registry_code, errors)
    if batch is None:
        return Checked(None, (), errors)
    lines = {
        line.reference: line
        for line in db.session.scalars(
            select(BatchLine).where(BatchLine.batch_id == batch.id, BatchLine.number.is_not(None))
        )
    }
    answers: list[tuple[Row, Answer]] = []
    for row in table.rows:
        line = lines.get(row["reference"])
        problems = _problems(row, line, batch, now)
        errors += problems
        if line is None or problems or row["outcome"] is None:
            continue
        answer = _answer(row, line, batch)
        if line.state is LineState.PENDING:
            answers.append((row, answer))
        elif answer != _given(line):
            errors.append(row.error("outcome", "answered_otherwise"))
    errors += _taken(answers, registry_code)
    return Checked(batch, [answer for _row, answer in answers], errors)


def _batch_of(rows: Sequence[Row], registry_code: str, errors: list[RowError]) -> Batch | None:
    """The one batch that all rows are about; what is wrong with it is added to `errors`."""
    if not rows:
        return None
    code = rows[0]["batch"]
    errors += [row.error("batch", "other_batch", batch=code) for row in rows if row["batch"] != code]
    batch = db.session.scalar(select(Batch).where(Batch.code == code, Batch.registry_code == registry_code))
    if batch is None:
        errors.append(rows[0].error("batch", "unknown_batch", value=code))
    elif batch.state in {BatchState.OPEN, BatchState.CLOSED}:
        errors.append(rows[0].error("batch", "batch_not_handed_over", value=code))
        return None
    return batch


def _problems(row: Row, line: BatchLine | None, batch: Batch, now: datetime) -> list[RowError]:
    """What is wrong with one row for itself."""
    if line is None:
        return [row.error("reference", "not_in_batch", batch=batch.code)]
    outcome, problems = row["outcome"], []
    if row["line"] not in {None, line.number}:
        problems.append(row.error("line", "wrong_line", number=line.number))
    if row["units"] not in {None, line.units}:
        problems.append(row.error("units", "units_differ", units=line.units))
    if outcome is None:
        problems += [row.error("outcome", "required")] if any(row[name] for name in _OF_ANSWERED) else []
    elif outcome == LineState.NOT_PROCESSED:
        problems += [row.error("reason", "required")] if not row["reason"] else []
        problems += [row.error(name, "only_of_processed") for name in _NOT_OF_REFUSED if row[name]]
    else:
        problems += [row.error(name, "required") for name in _OF_PROCESSED if not row[name]]
        problems += _processed_problems(row, line, batch, now)
    return problems


def _processed_problems(row: Row, line: BatchLine, batch: Batch, now: datetime) -> list[RowError]:
    problems = []
    if row["completed_at"]:
        completed_at = _instant(row["completed_at"], batch)
        if completed_at > now:
            problems.append(row.error("completed_at", "in_the_future"))
        elif completed_at < _handed_over_at(batch) - CLOCKS_APART:
            problems.append(row.error("completed_at", "before_handed_over"))
    blocks = [Span(line.space, first, last) for first, last in row["serial_numbers"]]
    if blocks and sum(block.units for block in blocks) != line.units:
        problems.append(row.error("serial_numbers", "wrong_length", length=sum(block.units for block in blocks)))
    issuance = Span(line.space, line.serial_first, line.serial_last)
    if not all(block.within(issuance) for block in blocks):
        problems.append(row.error("serial_numbers", "outside_issuance", project=line.project_reference))
    return problems


def _answer(row: Row, line: BatchLine, batch: Batch) -> Answer:
    is_processed = row["outcome"] == LineState.PROCESSED
    return Answer(
        line_id=line.id,
        reference=line.reference,
        state=LineState(row["outcome"]),
        reason=row["reason"],
        registry_transaction=row["registry_transaction"],
        completed_at=_instant(row["completed_at"], batch) if is_processed else None,
        blocks=tuple(Span(line.space, first, last) for first, last in row["serial_numbers"]),
    )


def _given(line: BatchLine) -> Answer:
    """What the registry said about a line before."""
    return Answer(
        line_id=line.id,
        reference=line.reference,
        state=line.state,
        reason=line.reason,
        registry_transaction=line.registry_transaction,
        completed_at=line.completed_at,
        blocks=tuple(Span(block.space, block.first, block.last) for block in line.blocks),
    )


def _instant(stated: datetime | date, batch: Batch) -> datetime:
    """When a line was processed. A day alone means the earliest moment of it at which the registry had the batch."""
    if isinstance(stated, datetime):
        return stated
    midnight = datetime.combine(stated, time.min, UTC)
    handed_over_at = _handed_over_at(batch)
    return handed_over_at if handed_over_at.date() == stated else midnight


def _handed_over_at(batch: Batch) -> datetime:
    return batch.exported_at or batch.opened_at  # whatever can be answered has the first


def _taken(answers: Sequence[tuple[Row, Answer]], registry_code: str) -> Iterable[RowError]:
    """Rows whose serial numbers are another row's, or on record as cancelled for another reference."""
    own = {answer.reference for _row, answer in answers}
    spaces = {block.space for _row, answer in answers for block in answer.blocks}
    new = [(block, row) for row, answer in answers for block in answer.blocks]
    return [
        row.error("serial_numbers", "overlap", party=span.space, first=span.first, last=span.last)
        for row, span in overlaps(_on_record(registry_code, spaces, own), new)
    ]


def _on_record(registry_code: str, spaces: set[str], own: set[str]) -> set[Span]:
    """Every range that is known as cancelled in these number spaces, but for the references `own`."""
    answered = select(BatchLine.reference, BatchBlock.space, BatchBlock.first, BatchBlock.last).join(
        BatchBlock, BatchBlock.line_id == BatchLine.id
    )
    confirmed = select(Cancellation.reference, CancelledBlock.space, CancelledBlock.first, CancelledBlock.last).join(
        CancelledBlock, CancelledBlock.cancellation_id == Cancellation.id
    )
    prefix = f"{registry_code}:"
    rows: list[Any] = [
        *db.session.execute(answered.where(BatchBlock.space.in_(spaces))),
        *db.session.execute(confirmed.where(CancelledBlock.space.in_([prefix + space for space in spaces]))),
    ]
    return {
        Span(space.removeprefix(prefix), first, last) for reference, space, first, last in rows if reference not in own
    }


def facts_of(answers: Iterable[Answer]) -> Mapping[str, int]:
    """How many lines a file answers in which way."""
    states = [answer.state for answer in answers]
    return {
        "processed": states.count(LineState.PROCESSED),
        "not_processed": states.count(LineState.NOT_PROCESSED),
    }
