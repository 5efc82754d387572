"""Asking the UNDP registry to do something, and what its answer means for a cancellation."""

from __future__ import annotations

from datetime import timedelta

from app.registry.adapters.undp_answers import Answer, Kind
from app.registry.adapters.undp_books import Block, Row
from app.registry.adapters.undp_client import Budget, UndpClient
from app.registry.adapters.undp_judgement import SOONEST, Case
from app.registry.adapters.undp_serials import Mark
from app.registry.ports import Ambiguous, NotSent, Outcome, Pending, RefusalCode, Refused, Unknown

TYPE = "Voluntary Cancellations"
AGAIN = timedelta(seconds=15)
LONGEST_ID = 60


def ask(client: UndpClient, case: Case, number: int, budget: Budget) -> Answer:
    """Ask to retire what is missing, or as much of it as one block has, as the `number`-th part.

    The beneficiary's name goes where only the registry's users see it. The remark is public.
    """
    block = _best_block(case)
    units = min(block.available, case.missing)
    body: dict[str, object] = {
        "blockId": block.serial.block_id,
        "amount": units,
        "retirementType": TYPE,
        "subType": TYPE,  # what the next generation calls it; this one ignores it
        "remarks": str(Mark(case.request.reference, number, case.request.units)),
    }
    if case.request.beneficiary_name:
        body["organizationName"] = case.request.beneficiary_name
    answer = client.write("retireRequest", body, budget)
    if answer.kind is Kind.DONE and not _is_receipt(answer.body, units):
        return Answer(Kind.UNKNOWN, f"a receipt for something else: {answer.message}")
    return answer


def act(client: UndpClient, row: Row, action: str, budget: Budget) -> Answer:
    """ACCEPT or CANCEL a pending request."""
    body = {"transactionId": row.id, "action": action, "remarks": str(row.mark)}
    return client.write("performRetireAction", body, budget)


def first_outcome(answer: Answer) -> Outcome:
    """What became of the first part. A receipt proves nothing but that the request was read."""
    match answer.kind:
        case Kind.DONE:
            return Pending(_receipt_of(answer.body), SOONEST, "asked for, not shown yet")
        case Kind.NOT_SENT | Kind.SIGNED_OUT:
            return NotSent(answer.message, AGAIN)
        case Kind.INSUFFICIENT | Kind.GONE:
            # It is about one block, which others use too. The next attempt plans anew, or finds too little.
            return NotSent(f"to be planned again: {answer.message}", AGAIN)
        case Kind.INVALID:
            return Refused(RefusalCode.INVALID, answer.message)
        case Kind.FORBIDDEN:
            return Refused(RefusalCode.FORBIDDEN, answer.message)
        case _:
            return Unknown(answer.message)


def next_outcome(pending: Pending, answer: Answer, settle: timedelta) -> Pending:
    """What became of a later part: in any case the cancellation is pending.

    After an unknown outcome it is left alone for as long as the part may stay invisible.
    """
    outcome = first_outcome(answer)
    if isinstance(outcome, Pending):
        return outcome
    wait = settle if isinstance(outcome, Unknown) else AGAIN
    return Pending(pending.registry_transaction, wait, f"the next part: {answer.message}")


def orphan(row: Row) -> Ambiguous:
    """A request that nobody can accept, reject or withdraw."""
    return Ambiguous(f"the registry shows request {row.id}, and its ledger does not know it: an orphan")


def _best_block(case: Case) -> Block:
    """The smallest block that has all that is missing, otherwise the largest; the lowest serial numbers of equals."""
    blocks = sorted((block for block in case.blocks if block.available > 0), key=lambda block: block.serial.first)
    enough = [block for block in blocks if block.available >= case.missing]
    if enough:
        return min(enough, key=lambda block: block.available)
    return max(blocks, key=lambda block: block.available)


def _is_receipt(body: object, units: int) -> bool:
    data = body.get("data") if isinstance(body, dict) else None
    return isinstance(data, dict) and bool(data.get("id")) and data.get("amount") == units


def _receipt_of(body: object) -> str | None:
    data = body.get("data", {}) if isinstance(body, dict) else {}
    return str(data.get("id"))[:LONGEST_ID]
