"""What the platform sold and what holders cancelled directly from 18 September 2016 to 22 September 2017, once more.

`make test` plays every twentieth transaction; `make chaos` plays all 740 purchases and all 342 direct cancellations, on
both databases.
"""

from __future__ import annotations

import os
from collections import Counter
from itertools import pairwise
from typing import cast

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.certificates.models import Certificate
from app.checkout.models import Order
from app.checkout.states import OrderState
from app.db import db
from app.direct.models import DirectCancellation
from app.direct.states import DirectState
from app.fulfilment.process import Collaborators
from app.kernel.clock import FixedClock
from app.kernel.serials import Span
from app.registry.ledger.models import LedgerBlock
from app.registry.models import Cancellation, CancelledBlock
from app.registry.ports import Registries
from app.registry.states import CancellationState
from tests.service.registry.history import FROM, Event, Replay, account_of, events, instant, rows_of, span_of

STEP = 1 if "CHAOS_CANCELLATIONS" in os.environ else 20
Kind = tuple[str, str]


def test_the_lists_have_what_the_report_counts() -> None:
    platform, direct = events("platform"), events("registry")
    assert (len(platform), sum(len(e.blocks) for e in platform), units_of(platform)) == (740, 749, 95_561)
    assert len({block["registry_project_id"] for event in platform for block in event.blocks}) == 46
    assert (len(direct), units_of(direct)) == (342, 9_747_672)


@pytest.mark.chaos
@pytest.mark.timeout(900)
def test_what_was_sold_and_cancelled_then_is_sold_and_cancelled_again_to_the_unit(
    world: Collaborators, context: Flask, clock: FixedClock
) -> None:
    clock.advance(instant(FROM) - clock.now())
    sold, cancelled = events("platform")[::STEP], events("registry")[::STEP]
    # The ledger itself, as the shop has it: the script of the tests' registry keeps every request in memory.
    real = cast(Registries, context.extensions["tonne.registries"])
    replay = Replay(world.__class__(**{**vars(world), "registries": real}))
    replay.play([*sold, *cancelled])

    assert states_of(Order) == {OrderState.FULFILLED: len(sold)}
    assert states_of(DirectCancellation) == {DirectState.FULFILLED: sum(len(event.blocks) for event in cancelled)}
    assert states_of(Cancellation) == {CancellationState.CONFIRMED: len(lines_of(sold)) + len(lines_of(cancelled))}
    assert cancelled_units("order_id") == kinds_of(sold)
    assert cancelled_units("direct_cancellation_id") == kinds_of(cancelled)
    # A certificate names one project of one order, or one direct cancellation.
    of_orders = sum(len({block["registry_project_id"] for block in event.blocks}) for event in sold)
    of_directs = sum(len(event.blocks) for event in cancelled)
    assert db.session.scalar(select(func.count()).select_from(Certificate)) == of_orders + of_directs
    assert_no_overlap()
    assert_balance_closes(replay)


def units_of(transactions: list[Event]) -> int:
    return sum(int(block["units"]) for event in transactions for block in event.blocks)


def lines_of(transactions: list[Event]) -> list[dict[str, str]]:
    """The blocks, of which two of one issuance in one transaction are one line."""
    return [block for event in transactions for block in event.blocks]


def kinds_of(transactions: list[Event]) -> Counter[Kind]:
    """Units by project and commitment period, as the registry's list has them."""
    units: Counter[Kind] = Counter()
    for block in lines_of(transactions):
        units[block["registry_project_id"], block["commitment_period"]] += int(block["units"])
    return units


def cancelled_units(cause: str) -> Counter[Kind]:
    """Units by project and commitment period, by the serial numbers that our registry cancelled."""
    length = func.sum(CancelledBlock.last - CancelledBlock.first + 1)
    rows = db.session.execute(
        select(Cancellation.project_reference, Cancellation.commitment_period, length)
        .join(CancelledBlock, CancelledBlock.cancellation_id == Cancellation.id)
        .where(getattr(Cancellation, cause).is_not(None))
        .group_by(Cancellation.project_reference, Cancellation.commitment_period)
    )
    return Counter({(project, str(period)): int(units) for project, period, units in rows})


def states_of(row: type[Order | DirectCancellation | Cancellation]) -> dict[object, int]:
    """How many are in which state."""
    return dict(db.session.execute(select(row.state, func.count()).group_by(row.state)).all())


def assert_no_overlap() -> None:
    """No serial number was cancelled twice, and none lies in two accounts."""
    for table in (CancelledBlock, LedgerBlock):
        spans = [Span(*row) for row in db.session.execute(select(table.space, table.first, table.last)).all()]
        for before, after in pairwise(sorted(spans)):
            assert before.common(after) == 0, (before, after)


def assert_balance_closes(replay: Replay) -> None:
    """Of each issuance: issued = share for adaptation + cancelled before or elsewhere + held + cancelled here."""
    held: Counter[Span] = Counter()
    cancelled: Counter[Span] = Counter()
    issued = [
        row for row in rows_of("replayed_issuances.csv") if instant(row["completed_at"]) <= replay.world.clock.now()
    ]
    spans = {span_of(row): row for row in issued}
    for holding in (h for row in {account_of(row) for row in issued} for h in replay.world.registries.holdings(row)):
        block = Span(holding.space, holding.serial_first, holding.serial_last)
        held[next(span for span in spans if block.within(span))] += block.units
    for row in db.session.scalars(select(CancelledBlock)):
        block = Span(row.space.rpartition(":")[2], row.first, row.last)
        cancelled[next(span for span in spans if block.within(span))] += block.units
    for span, row in spans.items():
        elsewhere = sum(gone.units for gone in replay.cancelled_elsewhere(row))
        assert span.units == replay.share(row) + elsewhere + held[span] + cancelled[span], row
