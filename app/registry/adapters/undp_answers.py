"""What an answer of the UNDP registry proves.

It turns every fault into a 400, also one after the effect. Only texts that were recorded from the original and known
to mean "nothing was made" are taken for that; an unknown text is an unknown outcome.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What is known after a call."""

    DONE = "done"
    NOT_SENT = "not_sent"  # no byte of it left, or it was certainly not processed
    INSUFFICIENT = "insufficient"
    GONE = "gone"  # the block is not there or not ours any more: plan again
    INVALID = "invalid"
    FORBIDDEN = "forbidden"
    TOO_EARLY = "too_early"  # not replicated yet, or a wrong identifier
    ALREADY = "already"  # somebody acted upon it: look
    ORPHAN = "orphan"  # its ledger does not know what its list shows
    SIGNED_OUT = "signed_out"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Answer:
    """One answer, or why there is none; `message` is the registry's own word or ours, fit for a log."""

    kind: Kind
    message: str
    body: object = None


_TEXTS = {
    "Not enough credit amount available for the transfer.": Kind.INSUFFICIENT,
    "project.notEnoughCreditAmount": Kind.INSUFFICIENT,
    "The specified credit block does not exist.": Kind.GONE,
    "The sender does not own the credit block.": Kind.GONE,
    "creditTransaction.unauthorized": Kind.FORBIDDEN,
    "Not authorized project participant": Kind.FORBIDDEN,
    "project.notOwnRetirementRequest": Kind.FORBIDDEN,
    "project.creditRetirementRequestNotExists": Kind.TOO_EARLY,
    "project.creditRetirementRequestNotPending": Kind.ALREADY,
    "project.noPendingTransactionRecord": Kind.ALREADY,
    "project.noTransactionRecord": Kind.ORPHAN,
}
_BEGINNINGS = {
    "You do not have permission to ": Kind.FORBIDDEN,
    "Unterminated string in JSON ": Kind.INVALID,
}
LONGEST_MESSAGE = 200


def classify(status: int, body: object) -> Answer:
    """What a complete answer means; `body` is its JSON value, None where it is not JSON."""
    said = body.get("message") if isinstance(body, Mapping) else None
    text = said if isinstance(said, str) else ""
    shown = f"{status} {text}".strip()[:LONGEST_MESSAGE]
    if status in {200, 201} and body is not None:
        return Answer(Kind.DONE, shown, body)
    if status == 401 and text in {"Unauthorized", "jwt expired"}:
        return Answer(Kind.SIGNED_OUT, shown)
    if status == 403 and text == "This action is unauthorised":
        return Answer(Kind.FORBIDDEN, shown)
    if status == 400:
        return Answer(_refusal(said), shown)
    return Answer(Kind.UNKNOWN, shown)


def _refusal(said: object) -> Kind:
    if isinstance(said, list):  # its validation, before anything was done
        return Kind.INVALID
    if not isinstance(said, str):
        return Kind.UNKNOWN
    beginnings = (kind for beginning, kind in _BEGINNINGS.items() if said.startswith(beginning))
    return _TEXTS.get(said) or next(beginnings, Kind.UNKNOWN)
