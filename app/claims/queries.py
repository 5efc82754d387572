"""What waits for a decision, and the condition under which a wording may be public."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, column, exists, select, table
from sqlalchemy.orm import InstrumentedAttribute

from app.claims.models import WordingReview
from app.claims.states import WordingState
from app.db import db

# Both belong to packages above this one; a reviewer needs the words, and the certificates that carry them.
_BENEFICIARY = table("beneficiary", column("id"), column("name"), column("purpose"))
_CERTIFICATE = table("certificate", column("id"), column("beneficiary_id"), column("number"))


@dataclass(frozen=True)
class ReviewRow:
    """One wording with what an operator needs to decide about it."""

    id: int
    state: WordingState
    rules: tuple[str, ...]
    name: str
    purpose: str
    certificates: tuple[str, ...]
    reason: str
    decided_by: str
    decided_at: datetime | None
    created_at: datetime


def is_held_back(beneficiary_id: InstrumentedAttribute[int]) -> ColumnElement[bool]:
    """SQL: whether the wording of that beneficiary must stay off public pages."""
    return exists().where(WordingReview.beneficiary_id == beneficiary_id, WordingReview.state != WordingState.RELEASED)


def reviews(*, only_pending: bool) -> list[ReviewRow]:
    """Reviews with their texts, the oldest first."""
    query = (
        select(WordingReview, _BENEFICIARY.c.name, _BENEFICIARY.c.purpose)
        .join(_BENEFICIARY, _BENEFICIARY.c.id == WordingReview.beneficiary_id)
        .order_by(WordingReview.id)
    )
    if only_pending:
        query = query.where(WordingReview.state == WordingState.PENDING)
    found = db.session.execute(query).all()
    numbers: dict[int, list[str]] = {}
    for beneficiary_id, number in db.session.execute(
        select(_CERTIFICATE.c.beneficiary_id, _CERTIFICATE.c.number)
        .where(_CERTIFICATE.c.beneficiary_id.in_([review.beneficiary_id for review, _name, _purpose in found]))
        .order_by(_CERTIFICATE.c.id)
    ):
        numbers.setdefault(beneficiary_id, []).append(number)
    return [
        ReviewRow(
            id=review.id,
            state=review.state,
            rules=tuple(review.rules.split(";")),
            name=name,
            purpose=purpose,
            certificates=tuple(numbers.get(review.beneficiary_id, ())),
            reason=review.reason,
            decided_by=review.decided_by,
            decided_at=review.decided_at,
            created_at=review.created_at,
        )
        for review, name, purpose in found
    ]
