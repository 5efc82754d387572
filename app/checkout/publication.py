"""Whether a beneficiary's name and purpose are public: the buyer's wish, and what a person decided about the words."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import Row, select

from app.checkout.models import Beneficiary
from app.claims.checker import rules_touched
from app.claims.models import WordingReview
from app.claims.states import WordingState
from app.db import db


class Publication(StrEnum):
    """What everybody can read, or could once the certificate is there."""

    PUBLISHED = "published"
    HIDDEN = "hidden"
    HELD_BACK = "held_back"
    WITHHELD = "withheld"


def publication_of(beneficiary: Beneficiary | Row[Any]) -> Publication:
    """How it stands now. The review begins with the certificate; before that, the words themselves tell."""
    if not beneficiary.is_name_public:
        return Publication.HIDDEN
    review = db.session.scalar(select(WordingReview.state).where(WordingReview.beneficiary_id == beneficiary.id))
    if review is WordingState.WITHHELD:
        return Publication.WITHHELD
    waits = review is WordingState.PENDING or (review is None and rules_touched(beneficiary.name, beneficiary.purpose))
    return Publication.HELD_BACK if waits else Publication.PUBLISHED
