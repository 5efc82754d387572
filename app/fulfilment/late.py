"""Buyers whose units are not cancelled within the promised time."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, exists, select

from app.checkout import mails
from app.checkout.models import Order
from app.checkout.order_queries import promise_of
from app.config import Settings
from app.db import read_ids, transaction
from app.kernel.columns import UTCDateTime
from app.notifications.messages.kinds import MailKind
from app.notifications.models import Mail
from app.registry import promises
from app.registry.models import Cancellation
from app.registry.ports import Registries
from app.registry.states import CANCELLATION

_IS_TOLD = exists().where(Mail.order_id == Cancellation.order_id, Mail.kind == MailKind.ORDER_LATE)
_IS_UNTOLD = (
    Cancellation.order_id.is_not(None),
    Cancellation.state.in_(CANCELLATION.unfinished()),
    ~_IS_TOLD,
)
# Said once: the worker asks whenever it is woken.
_PLANNED_BY = bindparam("planned_by", type_=UTCDateTime)
# By the registry that promises least; `_LATE` knows which registry it is.
MAY_BE_LATE = select(Cancellation.id).where(*_IS_UNTOLD, Cancellation.created_at <= _PLANNED_BY)
_LATE = (
    select(Cancellation.order_id)
    .distinct()
    .where(*_IS_UNTOLD, promises.planned_by(bindparam("registry"), _PLANNED_BY))
    .limit(100)
)


_LATE_ELSEWHERE = (
    select(Cancellation.order_id)
    .distinct()
    .where(
        *_IS_UNTOLD,
        Cancellation.registry_code.not_in(bindparam("registries", expanding=True)),
        Cancellation.created_at <= _PLANNED_BY,
    )
    .limit(100)
)


def earliest_late(registries: Registries, now: datetime) -> datetime:
    """What was planned after this instant (aware) is not late at `now` with any of the registries."""
    return max(promises.late_if_planned_by(registry, now) for registry in registries)


def late_orders(registries: Registries, now: datetime) -> list[int]:
    """Orders past what their registry promises of which the buyer was not told yet.

    A registry that is not connected any more promised no more than the slowest that is, for all that is known.
    """
    codes = [registry.name for registry in registries]
    orders = set(read_ids(_LATE_ELSEWHERE, registries=codes, planned_by=now - registries.longest_promise))
    for registry in registries:
        planned_by = promises.late_if_planned_by(registry, now)
        orders.update(read_ids(_LATE, registry=registry.name, planned_by=planned_by))
    return sorted(orders)


def tell(order_id: int, registries: Registries, settings: Settings, now: datetime) -> None:
    """Tell the buyer of an order that it takes longer than was promised."""
    promise = promise_of(order_id, registries)
    with transaction() as session:
        mails.order_late(session.get_one(Order, order_id), settings, promise, now)
