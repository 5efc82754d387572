"""What a refusal says of the units: whether they may go on being sold."""

from __future__ import annotations

from sqlalchemy import func, select

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
    of_these = Cancellation.account == account, Cancellation.issuance_id == issuance_id
    # A basket may hold the same units under several offers: what one buyer wrote counts once.
    last = db.session.execute(
        select(
            func.min(Cancellation.id).label("first"),
            func.count().filter(Cancellation.refusal_code.not_in(_UNFIT)).label("others"),
        )
        .where(*of_these, Cancellation.state == CancellationState.REFUSED)
        .group_by(Cancellation.order_id, Cancellation.direct_cancellation_id)
        .order_by(func.max(Cancellation.id).desc())
        .limit(IN_A_ROW)
    ).all()
    if len(last) < IN_A_ROW or any(each.others for each in last):
        return False
    since = min(each.first for each in last)
    confirmed = select(Cancellation.id).where(*of_these, Cancellation.state == CancellationState.CONFIRMED)
    return db.session.scalar(confirmed.where(Cancellation.id > since).limit(1)) is None
