"""What does not add up in a registry's result."""

from __future__ import annotations

from sqlalchemy import ColumnElement, String, and_, bindparam, select, union_all

from app.db import write
from app.registry.models import CancelledBlock, StrayBlock, StrayCancellation
from app.registry.ports import CancellationResult
from app.registry.service.question import Question, read_question


def what_is_wrong(cancellation_id: int, result: CancellationResult) -> str | None:
    """What does not add up between a result, what was asked for and what is on record; None when all of it does."""
    return contradiction(read_question(cancellation_id), result)


def contradiction(question: Question, result: CancellationResult) -> str | None:
    """The same where the question was read before."""
    return result.contradiction(question.request) or _recorded_before(question, result)


def _recorded_before(question: Question, result: CancellationResult) -> str | None:
    """What is wrong when a serial number of the result belongs to another cancellation; None if none does."""
    for block in result.blocks:
        taken = write(
            _RECORDED,
            {
                "space": block.space,
                "first": block.first,
                "last": block.last,
                "cancellation_id": question.cancellation_id,
                "reference": question.request.reference,
            },
        ).scalar()
        if taken is not None:
            return f"serial numbers from {taken} on are on record as cancelled before"
    return None


def _shares(block: type[CancelledBlock] | type[StrayBlock]) -> ColumnElement[bool]:
    within = (block.first <= bindparam("last"), block.last >= bindparam("first"))
    return and_(block.space == bindparam("space"), *within)


# Serial numbers of another cancellation, or of a stray one that nobody here asked for.
_RECORDED = union_all(
    select(CancelledBlock.text_first).where(
        _shares(CancelledBlock), CancelledBlock.cancellation_id != bindparam("cancellation_id")
    ),
    select(StrayBlock.text_first)
    .join(StrayCancellation, StrayCancellation.id == StrayBlock.stray_id)
    .where(_shares(StrayBlock), StrayCancellation.reference.is_distinct_from(bindparam("reference", type_=String))),
).limit(1)
