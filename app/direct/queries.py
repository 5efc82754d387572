"""Direct cancellations as pages and other packages ask for them. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import func, select, tuple_

from app.db import db
from app.direct.models import DirectCancellation
from app.direct.states import DirectState
from app.offers.pools import Pool


def promised_units(pools: Sequence[Pool]) -> Mapping[Pool, int]:
    """Units (tonnes) of pools that direct cancellations have taken or are to take: all but the refused ones."""
    rows = db.session.execute(
        select(DirectCancellation.account, DirectCancellation.issuance_id, func.sum(DirectCancellation.units))
        .where(
            tuple_(DirectCancellation.account, DirectCancellation.issuance_id).in_(pools),
            DirectCancellation.state != DirectState.REFUSED,
        )
        .group_by(DirectCancellation.account, DirectCancellation.issuance_id)
    ).all()
    return {(account, issuance_id): int(units) for account, issuance_id, units in rows}
