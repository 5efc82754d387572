"""What a refusal says of the units: whether they may go on being sold."""

from __future__ import annotations

from sqlalchemy import select

from app.db import db
from app.registry.models import Cancellation
from app.registry.ports import NOT_ABOUT_UNITS, RefusalCode
from app.registry.states import CancellationState

# One buyer may write what a registry does not take. So many in a row, with nothing cancelled in between, mean that it
# takes nothing any more, and everybody else would pay for what cannot be cancelled.
IN_A_ROW = 3
_UNFIT = frozenset({RefusalCode.INVALID, RefusalCode.BENEFICIARY})


def are_units_doubted(code: str | None, account: str, issuance_id: int) -> bool:
    """Whether a refusal, which is on record already, takes the units of an issuance on an account off sale."""
    return code not in NOT_ABOUT_UNITS or (code in _UNFIT and _is_everybody_refused(account, issuance_id))


def _is_everybody_refused(account: str, issuance_id: int) -> bool:
    decided = select(Cancellation.id).where(Cancellation.account == account, Cancellation.issuance_id == issuance_id)
    refused = decided.where(Cancellation.state == CancellationState.REFUSED).add_columns(Cancellation.refusal_code)
    last = db.session.execute(refused.order_by(Cancellation.id.desc()).limit(IN_A_ROW)).all()
    if len(last) < IN_A_ROW or any(each.refusal_code not in _UNFIT for each in last):
        return False
    confirmed_since = decided.where(
        Cancellation.state == CancellationState.CONFIRMED, Cancellation.id > min(each.id for each in last)
    )
    return db.session.scalar(confirmed_since.limit(1)) is None
