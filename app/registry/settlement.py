"""The outcome of a cancellation that its registry cannot tell us: stated by one operator, agreed by another.

What they state goes the way that a registry's own answer goes, so it has to add up with what was asked
for, no serial number may be on record already, and certificates or refunds follow by themselves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from app.audit.errors import NoLongerPossible
from app.audit.models import Proposal
from app.audit.service import Actor, Subject, cleaned_reason, on_agreement, propose, required_reason
from app.catalog import number_forms
from app.catalog.mechanisms import numbering_of
from app.db import db
from app.kernel.serials import Span
from app.kernel.text import clean_line
from app.providers.independence import require_outsider_of
from app.registry.accounts import find_account_provider
from app.registry.errors import CancellationNotStuck, OutcomeUnfit
from app.registry.models import Cancellation
from app.registry.ports import CancellationResult, Completed, RefusalCode, Refused, SerialBlock
from app.registry.service import record_stated, request_of, what_is_wrong
from app.registry.states import CancellationState

SETTLE_CANCELLATION = "settle_cancellation"
# An unknown outcome is looked up by itself; after this it is a matter for people too.
LONG = timedelta(hours=1)
# The registry's clock may differ from ours, never by so much.
CLOCKS_APART = timedelta(days=1)
TRANSACTION_LENGTH = 60
MOST_BLOCKS = 200

_PRINTED = re.compile(r"(?=[A-Z.:/-]*[0-9])[A-Z0-9][A-Z0-9.:/-]*[A-Z0-9]")


def init_app() -> None:
    """Say what carries out a stated outcome."""
    on_agreement(SETTLE_CANCELLATION, _settle)


def is_stuck(cancellation: Cancellation, now: datetime) -> bool:
    """Whether people may state what became of it: it needs one, or has been unknown for long."""
    sent_at = cancellation.first_sent_at or cancellation.created_at
    return cancellation.state is CancellationState.MANUAL or (
        cancellation.state is CancellationState.UNKNOWN and now - sent_at >= LONG
    )


def propose_confirmed(
    cancellation_id: int,
    actor: Actor,
    *,
    registry_transaction: str,
    completed_at: datetime,
    serials: str,
    evidence: str,
    now: datetime,
) -> int:
    """Propose that the registry did cancel; gives the proposal's id.

    `serials` are ranges as the registry prints them, one a line, `completed_at` is aware, `evidence` says
    how one knows. Raises CancellationNotStuck, OwnOrganisation, OutcomeUnfit, and what `propose` raises.
    """
    cancellation = _stuck(cancellation_id, actor, now)
    transaction = clean_line(registry_transaction)
    if not 0 < len(transaction) <= TRANSACTION_LENGTH:
        raise OutcomeUnfit(field="registry_transaction")
    sent_at = cancellation.first_sent_at or cancellation.created_at
    if not sent_at - CLOCKS_APART <= completed_at <= now:
        raise OutcomeUnfit(field="completed_at")
    facts = {
        "outcome": "confirmed",
        "registry_transaction": transaction,
        "completed_at": completed_at.astimezone(UTC).isoformat(),
        "serials": [list(pair) for pair in _ranges(serials)],
        "evidence": required_reason(evidence),
    }
    problem = what_is_wrong(cancellation_id, _result(cancellation, facts))
    if problem is not None:
        raise OutcomeUnfit(field="serials", problem=problem)
    return propose(actor, SETTLE_CANCELLATION, _subject(cancellation), reason=evidence, facts=facts, now=now)


def propose_refused(cancellation_id: int, actor: Actor, *, evidence: str, now: datetime) -> int:
    """Propose that the registry certainly did not cancel and never will; gives the proposal's id.

    `evidence` is the proof. Raises CancellationNotStuck, OwnOrganisation, and what `propose` raises.
    """
    cancellation = _stuck(cancellation_id, actor, now)
    facts = {"outcome": "refused", "evidence": cleaned_reason(evidence)}
    return propose(actor, SETTLE_CANCELLATION, _subject(cancellation), reason=evidence, facts=facts, now=now)


def _stuck(cancellation_id: int, actor: Actor, now: datetime) -> Cancellation:
    cancellation = db.session.get_one(Cancellation, cancellation_id)
    if not is_stuck(cancellation, now):
        raise CancellationNotStuck(state=cancellation.state.value)
    _require_outsider(cancellation, actor.person_id)
    return cancellation


def _require_outsider(cancellation: Cancellation, person_id: int | None) -> None:
    """Nobody states what became of units of an organisation of their own. Raises OwnOrganisation."""
    holder_id = find_account_provider(cancellation.account)
    if holder_id is not None:
        require_outsider_of(holder_id, person_id)


def _ranges(serials: str) -> list[tuple[str, str]]:
    """First and last serial number of each line, as printed; a line with one text is a range of one, or a block."""
    found = []
    for line in clean_serials(serials):
        numbers = _PRINTED.findall(line)
        if len(numbers) not in {1, 2}:
            raise OutcomeUnfit(field="serials")
        found.append((numbers[0], numbers[-1]))
    if not 0 < len(found) <= MOST_BLOCKS:
        raise OutcomeUnfit(field="serials")
    return found


def clean_serials(text: str) -> list[str]:
    """The lines of what was typed, without empty ones, in capitals."""
    return [line for line in (clean_line(part).upper() for part in text.splitlines()) if line]


def _result(cancellation: Cancellation, facts: Mapping[str, object]) -> CancellationResult:
    """What was stated, in the form of a registry's own answer."""
    blocks = []
    ranges: list[list[str]] = facts["serials"]  # type: ignore[assignment]  # as written by propose_confirmed
    for text_first, text_last in ranges:
        first, last = _read(cancellation.unit_type, text_first), _read(cancellation.unit_type, text_last)
        if first.space != last.space or first.first > last.last:
            raise OutcomeUnfit(field="serials")
        space = f"{cancellation.registry_code}:{first.space}"
        blocks.append(SerialBlock(space, first.first, last.last, text_first, text_last))
    if {block.space for block in blocks} != {f"{cancellation.registry_code}:{request_of(cancellation).space}"}:
        raise OutcomeUnfit(field="serials", problem="the serial numbers are of another Party")
    return CancellationResult(
        registry_transaction=str(facts["registry_transaction"]),
        units=sum(block.units for block in blocks),
        blocks=tuple(blocks),
        completed_at=datetime.fromisoformat(str(facts["completed_at"])),
        evidence={"stated": str(facts["evidence"])},
    )


def _read(unit_type: str, text: str) -> Span:
    """What a printed serial number, or a block printed as one text, stands for. Raises OutcomeUnfit."""
    numbering = numbering_of(unit_type)
    found = number_forms.read_block(numbering.serial_form, text)
    if found is None:
        raise OutcomeUnfit(field="serials")
    return Span(number_forms.fill(numbering.space_form, found), int(found["serial"]), int(found["last"]))


def _settle(proposal: Proposal, now: datetime) -> None:
    """Both operators say so: it counts as the registry's answer."""
    # Whoever looks it up at this moment waits, and then finds it settled.
    cancellation = db.session.get_one(Cancellation, proposal.subject_id, with_for_update=True, populate_existing=True)
    if not is_stuck(cancellation, now):
        raise NoLongerPossible
    _require_outsider(cancellation, proposal.decided_by)
    if proposal.facts["outcome"] == "refused":
        outcome: Completed | Refused = Refused(RefusalCode.RULES, str(proposal.facts["evidence"]))
    else:
        result = _result(cancellation, proposal.facts)
        problem = what_is_wrong(cancellation.id, result)
        if problem is not None:
            raise OutcomeUnfit(field="serials", problem=problem)
        outcome = Completed(result)
    record_stated(cancellation.id, outcome, now)


def _subject(cancellation: Cancellation) -> Subject:
    return Subject("cancellation", cancellation.id, cancellation.reference)
