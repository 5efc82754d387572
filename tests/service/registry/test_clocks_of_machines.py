"""Several machines at one database: whose turn it is follows from the database's clock, whatever their own say."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta

import pytest

from app.fulfilment.process import Collaborators, cancel_units
from app.kernel.clock import SystemClock
from app.registry import leases, service
from app.registry.service.question import read_question
from app.registry.states import CancellationState
from tests.builders import ledger_effects, registry_of
from tests.fakes import ClockOfMachine
from tests.service.registry.asking import UNITS, a_planned_cancellation, history_of, state_of

S = CancellationState
A_MOMENT = timedelta(seconds=1)

# A file of SQLite and all who open it are on one machine.
pytestmark = pytest.mark.parametrize("db_url", ["postgresql"], indirect=True)


class PowerCut(BaseException):
    """The machine is gone between two statements."""


def cut_power() -> None:
    raise PowerCut


def machine(world: Collaborators, *, hours_ahead: float = 0) -> Collaborators:
    """The world as a worker on a machine of its own sees it."""
    return replace(world, clock=ClockOfMachine(hours_ahead=hours_ahead))


def pursue(cancellation_id: int, state: CancellationState, at: Collaborators) -> bool:
    return service.pursue(cancellation_id, state, at.registries, at.clock)


@pytest.mark.parametrize(
    ("senders", "others"), [(-3, 0), (0, 3), (-3, 3), (3, 0), (0, -3)], ids=lambda hours: f"{hours:+} h"
)
def test_while_one_worker_asks_a_registry_no_other_writes_to_the_account_or_doubts_what_it_does(
    world: Collaborators, senders: int, others: int
) -> None:
    asked, waiting = a_planned_cancellation(world), a_planned_cancellation(world, number=2)
    other = machine(world, hours_ahead=others)
    did: list[bool] = []

    def meanwhile() -> None:
        did.append(pursue(asked, S.SENDING, other))
        did.append(pursue(waiting, S.PLANNED, other))

    registry_of(world).before_submit = [meanwhile]
    assert pursue(asked, S.PLANNED, machine(world, hours_ahead=senders))

    assert did == [False, False]
    assert history_of(asked) == ["planned", "sending", "confirmed"]
    assert state_of(waiting) is S.PLANNED
    assert pursue(waiting, S.PLANNED, other)
    assert state_of(waiting) is S.CONFIRMED
    assert ledger_effects() == 2 * UNITS


@pytest.mark.parametrize("hours_ahead", [-3, 3], ids=lambda hours: f"{hours:+} h")
def test_a_registry_is_asked_what_became_of_a_request_since_the_instant_at_which_it_really_went_out(
    world: Collaborators, hours_ahead: int
) -> None:
    """With one that is too early, what is only not shown yet would count as proven absent."""
    cancellation_id = a_planned_cancellation(world)

    before = SystemClock().now()
    assert pursue(cancellation_id, S.PLANNED, machine(world, hours_ahead=hours_ahead))

    assert before - A_MOMENT <= read_question(cancellation_id).since <= SystemClock().now() + A_MOMENT


@pytest.mark.parametrize("hours_ahead", [-3, 3], ids=lambda hours: f"{hours:+} h")
def test_a_machine_that_is_alone_goes_on_after_a_lease_however_wrong_its_clock_is(
    world: Collaborators, hours_ahead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "LENGTH", timedelta(milliseconds=50))
    cancellation_id, alone = a_planned_cancellation(world), machine(world, hours_ahead=hours_ahead)
    registry_of(world).before_submit = [cut_power]
    with pytest.raises(PowerCut):
        pursue(cancellation_id, S.PLANNED, alone)

    time.sleep(0.06)
    cancel_units(alone)
    cancel_units(alone)
    assert history_of(cancellation_id) == ["planned", "sending", "unknown", "planned"]
    cancel_units(alone)

    assert state_of(cancellation_id) is S.CONFIRMED
    assert ledger_effects() == UNITS
