"""A registry that is reached through its administrator, by files: how the CDM registry works for third parties.

Why it cancels exactly once: a reference is in one batch, which its unique key holds for ever; a batch is
handed over once, and again only as the very same bytes; a line is answered once. And why an absence is proven
though the registry cannot be asked: a line reaches the registry only inside a package, a package is made only of
a closed batch, and both are rows of our own database, written before anything leaves the house. What is in no
batch was never handed over. Only a restored backup forgets: what the journal says was handed over since is in no
batch and yet not absent, and a person has to look.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from app.catalog.mechanisms import numbering_of
from app.config import Settings
from app.db import end_reading
from app.kernel.clock import Clock
from app.kernel.serials import Span
from app.registry.batch import queries, service
from app.registry.batch.models import BatchLine, StatedHolding
from app.registry.batch.states import BatchState, LineState
from app.registry.forgotten import find_forgotten_package
from app.registry.ledger import codes
from app.registry.ports import (
    Absent,
    Ambiguous,
    CancellationRequest,
    CancellationResult,
    Capabilities,
    Completed,
    Found,
    Holding,
    Lookup,
    NotSent,
    Outcome,
    Pending,
    RefusalCode,
    Refused,
    SerialBlock,
    StatementLine,
)

# Nobody but a response file can change what a look-up says, and that hurries it.
POLL_AFTER = timedelta(hours=1)


class BatchRegistry:
    """Cancels when the administrator does. What it knows is what response files and statements said."""

    name = "batch"
    is_registry_of_record = True

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._clock = clock
        self.display_name = settings.batch_name
        self.promised_within = timedelta(hours=settings.batch_promise_hours)
        self.capabilities = Capabilities(settle=timedelta(0), pending_alarm=self.promised_within)

    def holdings(self, account: str) -> Sequence[Holding]:
        """What the registry last stated, less every serial number it says it cancelled since.

        The numbers decide, not the times: what is cancelled lies in no account, whichever clock was ahead.
        Lines that wait for an answer are promises of ours and stay in.
        """
        statement = queries.newest_statement(self.name, account)
        cancelled = queries.cancelled_spans(account)
        end_reading()
        if statement is None:
            return []
        return [
            _holding(account, stated, piece, statement.as_of)
            for stated in statement.holdings
            for piece in _without(Span(stated.space, stated.first, stated.last), cancelled)
        ]

    def submit(self, request: CancellationRequest) -> Outcome:
        """Put the request into the open batch; a repeat finds its line and changes nothing."""
        if request.units < 1:
            return Refused(RefusalCode.INVALID, "a cancellation needs at least one unit")
        service.put(request, self.name, self._clock.now())
        return self._stand(request)

    def lookup(self, request: CancellationRequest, registry_transaction: str | None, since: datetime) -> Lookup:
        """What the books say of the reference. Being in no batch is proof: the module says why."""
        answer = self._find(request)
        if answer is not None:
            return Found(answer)
        package = find_forgotten_package(request.reference)
        end_reading()
        if package is not None:
            return Ambiguous(f"handed over in batch {package}, which a restored backup forgot")
        return Absent(proven=True, basis="the reference is in no batch, so it was never handed over")

    def advance(self, request: CancellationRequest, registry_transaction: str | None) -> Outcome:
        """Nothing here is ours to do: the answer stands as it is."""
        return self._stand(request)

    def withdraw(self, request: CancellationRequest, registry_transaction: str | None, reason: str) -> Lookup:
        """Close the reference for good while its batch is open. Later only the administrator says what becomes of it.

        Of what a restored backup forgot nothing is taken out: it was handed over.
        """
        is_forgotten = find_forgotten_package(request.reference) is not None
        end_reading()
        if not is_forgotten:
            service.take_out(request, self.name, reason, self._clock.now())
        return self.lookup(request, registry_transaction, self._clock.now())

    def statement(self, account: str, since: datetime) -> Sequence[StatementLine]:
        """Lines that response files say were processed at or after `since`, oldest first."""
        lines = queries.processed_lines(account, since)
        found = [StatementLine(line.reference, self._result(line)) for line in lines]
        end_reading()
        return found

    def _stand(self, request: CancellationRequest) -> Outcome:
        return self._find(request) or NotSent("the reference is in no batch", POLL_AFTER)

    def _find(self, request: CancellationRequest) -> Completed | Pending | Refused | None:
        line = queries.find_line(request.reference)
        answer = None if line is None else self._answer(line, request)
        end_reading()
        return answer

    def _answer(self, line: BatchLine, request: CancellationRequest) -> Completed | Pending | Refused:
        if line.fingerprint != request.fingerprint:
            return Refused(RefusalCode.KEY_REUSED, "the reference was used for another request")
        if line.state is LineState.PROCESSED:
            return Completed(self._result(line))
        if line.state is LineState.NOT_PROCESSED:
            return Refused(RefusalCode.RULES, line.reason)
        if line.state is LineState.WITHDRAWN:
            return Refused(RefusalCode.WITHDRAWN, f"taken out of batch {line.batch.code} before it was handed over")
        return Pending(None, POLL_AFTER, _where(line))

    def _result(self, line: BatchLine) -> CancellationResult:
        return CancellationResult(
            registry_transaction=line.registry_transaction or "",
            units=line.units,
            blocks=tuple(
                SerialBlock(
                    space=f"{self.name}:{block.space}",
                    first=block.first,
                    last=block.last,
                    text_first=_printed(line, block.space, block.first),
                    text_last=_printed(line, block.space, block.last),
                )
                for block in line.blocks
            ),
            completed_at=line.completed_at or line.added_at,
            evidence={"batch": line.batch.code, "line": line.number, "message": line.answer_id},
        )


def _printed(line: BatchLine, space: str, serial: int) -> str:
    """One serial number as certificates print it."""
    return codes.serial_text(
        numbering_of(line.unit_type),
        space=space,
        project_reference=line.project_reference,
        serial=serial,
        commitment_period=line.commitment_period,
        vintage_year=line.vintage_year,
    )


def _where(line: BatchLine) -> str:
    """Where a line stands that was not answered, in the words of the books."""
    batch = line.batch
    if batch.state is BatchState.OPEN:
        return f"in batch {batch.code}, which is open"
    if batch.exported_at is None:
        return f"line {line.number} of batch {batch.code}, which is closed"
    if batch.acknowledgement:
        return f"line {line.number} of batch {batch.code}, acknowledged as {batch.acknowledgement}"
    return f"line {line.number} of batch {batch.code}, handed over on {batch.exported_at:%Y-%m-%d}"


def _holding(account: str, stated: StatedHolding, piece: Span, as_of: datetime) -> Holding:
    return Holding(
        account=account,
        project_reference=stated.project_reference,
        unit_type=stated.unit_type,
        commitment_period=stated.commitment_period,
        space=piece.space,
        serial_first=piece.first,
        serial_last=piece.last,
        available=piece.units,
        as_of=as_of,
        vintage_year=stated.vintage_year,
    )


def _without(span: Span, taken: Sequence[Span]) -> list[Span]:
    """What is left of a span when others, given in order, are taken away."""
    left, first = [], span.first
    for other in taken:
        if span.common(other) == 0:
            continue
        if other.first > first:
            left.append(Span(span.space, first, other.first - 1))
        first = max(first, other.last + 1)
    if first <= span.last:
        left.append(Span(span.space, first, span.last))
    return left
