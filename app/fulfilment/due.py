"""What there is to do at all, asked in one question: most rounds of most workers find nothing, or one thing."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import SelectBase, select

from app.certificates import service as certificates
from app.checkout import service as checkout
from app.db import write
from app.direct import service as direct
from app.fulfilment import finishing, late
from app.notifications import service as notifications
from app.payments import disputes, notices
from app.payments import service as payments
from app.registry import service as registry_service
from app.registry.ports import Registries
from app.selling import service as selling

# By the name of the step in `app/fulfilment/process.py` that does it.
QUESTIONS: dict[str, tuple[SelectBase, ...]] = {
    "hear_notices": (notices.UNHEARD,),
    "check_payments": (payments.UNCHECKED,),
    "check_disputes": (disputes.UNCHECKED,),
    "expire_orders": (checkout.UNPAID_TOO_LONG,),
    "keep_offers": selling.SCHEDULED,
    "begin_orders": (finishing.PAID,),
    "begin_direct": (direct.UNBEGUN,),
    "cancel_units": (registry_service.DUE,),
    "send_mails": (notifications.DUE,),
    "finish_orders": (finishing.READY,),
    "finish_direct": (direct.ANSWERED,),
    "tell_late_buyers": (late.MAY_BE_LATE,),
    "lapse_remedies": (checkout.UNDECIDED,),
    "make_refunds": (payments.OWED,),
    "render_documents": (certificates.UNDRAWN,),
}
_LOOK = select(
    *(
        question.exists().label(f"{step}_{number}")
        for step, all_ in QUESTIONS.items()
        for number, question in enumerate(all_)
    )
)


def look(registries: Registries, now: datetime) -> frozenset[str]:
    """The names of the steps that have something to do at `now` (aware)."""
    row = write(_LOOK, {"now": now, "most": 1, "planned_by": late.earliest_late(registries, now)}).one()
    names = (step for step, all_ in QUESTIONS.items() for _question in all_)
    return frozenset(name for name, is_due in zip(names, row, strict=True) if is_due)
