"""How soon registries are expected to cancel: each has its own promise, and what is later than that is told."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import BindParameter, ColumnElement, and_, or_

from app.registry.models import Cancellation
from app.registry.ports import Registries, RegistryAdapter
from app.registry.states import CancellationState


def longest_of(codes: Iterable[str | None], registries: Registries) -> timedelta:
    """What is promised of units together: the longest of their registries' promises.

    `codes` are those of the registries that keep their accounts, None for an account that nobody assigned.
    """
    known = set(codes)
    if not known or not all(map(registries.has, known)):
        # Of a registry that is not connected any more nothing is known, but what it cancelled stays on record.
        return registries.longest_promise
    return max((registries.default if code is None else registries.of(code)).promised_within for code in known)


def later_than_promised(registry: RegistryAdapter, at: datetime) -> ColumnElement[bool]:
    """SQL: a cancellation of a registry that was planned longer before `at` (aware) than the registry promises."""
    return planned_by(registry.name, late_if_planned_by(registry, at))


def later_than_any_promise(registries: Registries, at: datetime) -> ColumnElement[bool]:
    """SQL: a cancellation that is later than its registry promises at an instant (aware).

    Of a registry that is not connected any more, later than all that are.
    """
    codes = [registry.name for registry in registries]
    elsewhere = Cancellation.registry_code.not_in(codes) & (Cancellation.created_at <= at - registries.longest_promise)
    return or_(*(later_than_promised(registry, at) for registry in registries), elsewhere)


def late_if_planned_by(registry: RegistryAdapter, at: datetime) -> datetime:
    """What was planned by this instant and is not done at `at` (both aware) is later than the registry promises."""
    return at - registry.promised_within


def planned_by(code: str | BindParameter[str], instant: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """SQL: a cancellation of the registry `code` that was planned by `instant` (aware); both may be parameters."""
    return (Cancellation.registry_code == code) & (Cancellation.created_at <= instant)


def waits_too_long(order_id: int, registries: Registries, at: datetime) -> ColumnElement[bool]:
    """SQL: a cancellation of an order that is later than promised at `at` (aware), and that nobody asked back yet."""
    return and_(
        Cancellation.order_id == order_id,
        Cancellation.state.in_([CancellationState.PLANNED, CancellationState.WAITING, CancellationState.UNKNOWN]),
        Cancellation.withdrawal_wanted_at.is_(None),
        later_than_any_promise(registries, at),
    )
