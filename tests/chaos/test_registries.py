"""A thousand cancellations at each registry: 40 % of the answers lost, two workers, both killed again and again.

`CHAOS_CANCELLATIONS` says how many (a few tens in `make test`), `CHAOS_SEED` draws the same storm again; how the
processes interleave is not drawn.
"""

from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4

import pytest

from app.registry.states import CancellationState
from tests.chaos.registry_chaos import Chaos

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1800)]

CANCELLATIONS = int(os.environ.get("CHAOS_CANCELLATIONS", "24"))
SEED = os.environ.get("CHAOS_SEED") or uuid4().hex[:8]
IS_SHORT = CANCELLATIONS < 200
# The embedded ledger on PostgreSQL has a storm of its own in `make test`: whole purchases.
PLACES = [("sqlite", "ledger"), ("postgresql", "undp"), ("postgresql", "batch"), ("postgresql", "ledger")]


@pytest.mark.parametrize(("db_url", "code"), PLACES[:3] if IS_SHORT else PLACES, indirect=["db_url"])
def test_every_reference_takes_effect_once_or_its_money_goes_back(
    db_url: str, code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chaos = Chaos(
        tmp_path,
        db_url,
        code,
        CANCELLATIONS,
        SEED,
        deadly=0.02 if IS_SHORT else 0.004,
        seconds_to_live=1.5 if IS_SHORT else 4,
    )
    report = chaos.play(seconds=60 if IS_SHORT else 1500)
    with capsys.disabled():
        print(f"\n{report}")  # noqa: T201 - what `make chaos` is for
    assert report.broken == []
    assert report.contradictions == {}
    assert len(report.lines) == CANCELLATIONS
    assert [line.said for line in report.lines if line.state is CancellationState.MANUAL] == []
    assert {line.state for line in report.lines} == {CancellationState.CONFIRMED, CancellationState.REFUSED}
    assert report.kills > 0
