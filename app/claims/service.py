"""Holding risky wordings back from public pages, and letting a person decide about them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from app.audit.service import Actor, Subject, note_act
from app.claims.checker import rules_touched
from app.claims.errors import AlreadyDecided, UnknownReview
from app.claims.models import WordingReview
from app.claims.states import WORDING, WordingState
from app.db import advance, db, insert_once, record, transaction


def hold_if_risky(*, beneficiary_id: int, name: str, purpose: str, now: datetime) -> bool:
    """Ask for a review of a wording that is to be published, inside the caller's transaction.

    True if it is held back, now or by an earlier certificate of the same beneficiary; a decision
    that was taken stays.
    """
    rules = rules_touched(name, purpose)
    if not rules:
        return False
    is_new = insert_once(
        WordingReview,
        beneficiary_id=beneficiary_id,
        state=WordingState.PENDING,
        rules=";".join(rules),
        reason="",
        decided_by="",
        decided_at=None,
        created_at=now,
    )
    if is_new:
        review_id = db.session.scalars(
            select(WordingReview.id).where(WordingReview.beneficiary_id == beneficiary_id)
        ).one()
        record(WORDING.machine, review_id, None, WordingState.PENDING, at=now)
    return True


def decide(
    review_id: int, to: WordingState, *, by: str, reason: str, now: datetime, actor: Actor | None = None
) -> None:
    """Release a wording to public pages, or withhold it; who decided and why is kept with every decision.

    A person who is signed in is the `actor` and stands in the trail of acts as well. Raises
    UnknownReview, or AlreadyDecided when it has that state.
    """
    with transaction() as session:
        if session.get(WordingReview, review_id) is None:
            raise UnknownReview(review=review_id)
        moved = advance(
            WordingReview,
            review_id,
            WORDING,
            to,
            at=now,
            facts={"by": by, "reason": reason},
            reason=reason,
            decided_by=by,
            decided_at=now,
        )
        if not moved:
            raise AlreadyDecided(review=review_id, state=to.value)
        if actor is not None:
            subject = Subject("wording_review", review_id, str(review_id))
            what = "wording_released" if to is WordingState.RELEASED else "wording_withheld"
            note_act(actor, what, subject, at=now, reason=reason)
