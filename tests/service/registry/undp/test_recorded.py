"""The simulator answers as the original did: recorded exchanges, played again in the order of their recording."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from app.kernel.clock import FixedClock
from tests.undp_standin.replay import BEGAN, Replay, scenarios
from tests.undp_standin.rules import ORPHAN
from tests.undp_standin.shapes import Refuse
from tests.undp_standin.world import AUTHORITY, HOLDER, UndpWorld


@pytest.fixture
def replay() -> Iterator[Replay]:
    """The registry as it was when the recording began."""
    replay = Replay()
    yield replay
    replay.close()


def test_every_recorded_exchange_gets_the_recorded_answer(replay: Replay) -> None:
    recorded = scenarios()
    assert len(recorded) == 15
    assert sum(map(len, recorded.values())) > 300
    differences = {name: found for name, exchanges in recorded.items() if (found := replay.play(exchanges))}
    assert differences == {}


def test_a_request_shows_within_about_a_second_and_never_at_once() -> None:
    clock = FixedClock(BEGAN)
    with UndpWorld(clock) as world:
        block = world.issue()
        lags = []
        for index in range(20):
            clock.advance(timedelta(milliseconds=137 * index % 1000))
            world.ask_by_hand(world.request(f"R-{index}", 1), block, f"[R-{index}/1/1]")
            for step in range(1, 12):
                clock.advance(timedelta(milliseconds=100))
                world.rules.catch_up()
                if len(world.rules.shown) > index:
                    lags.append(step * 100)
                    break
        assert len(lags) == 20
        assert min(lags) <= 200
        assert 800 <= max(lags) <= 1100


def test_a_restarted_replicator_copies_all_it_missed_and_dates_it_anew() -> None:
    clock = FixedClock(BEGAN)
    with UndpWorld(clock, traffic=False) as world:
        block = world.issue()
        world.pause()
        world.ask_by_hand(world.request("R-1", 4), block, "[R-1/1/4]")
        clock.advance(timedelta(seconds=11))
        world.rules.catch_up()
        assert world.rules.shown == {}
        assert world.rules.logs("0003")[0]["data"]["remarks"] == "[R-1/1/4]"
        world.resume()
        clock.advance(timedelta(seconds=1))
        world.rules.catch_up()
        assert world.rules.shown["1"].shown_ms >= round(BEGAN.timestamp() * 1000) + 11_000


@pytest.mark.parametrize("seed", range(12))
def test_two_at_the_same_instant_upon_one_block_seldom_come_out_well(seed: int) -> None:
    clock = FixedClock(BEGAN)
    with UndpWorld(clock, seed=seed, traffic=False) as world, UndpWorld(clock, seed=seed, traffic=False) as same:
        for each in (world, same):
            body = {"blockId": each.issue(), "amount": 10, "retirementType": "Voluntary Cancellations"}
            answers = each.rules.retire([(HOLDER, {**body, "remarks": f"[R-{n}/1/10]"}) for n in (1, 2)])
            assert not any(isinstance(answer, Refuse) for answer in answers)
            each.rules.tick()
        assert world.rules.shown.keys() == same.rules.shown.keys()
        assert world.rules.records.keys() == same.rules.records.keys()
        assert len(world.rules.logs("0003")) == 3  # the issuance, and both of them


def test_an_orphan_shows_for_ever_and_nobody_can_do_anything_about_it() -> None:
    clock = FixedClock(BEGAN)
    with UndpWorld(clock, traffic=False) as world:
        body = {
            "blockId": world.issue(),
            "amount": 1,
            "retirementType": "Voluntary Cancellations",
            "remarks": "[R-1/1/1]",
        }
        world.rules.fates = [ORPHAN, "never"]
        world.rules.retire([(HOLDER, body), (HOLDER, body)])
        world.rules.tick()
        assert list(world.rules.shown) == ["1"]
        (block, _) = world.rules.shown_blocks["CA0NNN-NG-XX-3-1"]
        assert block.available == 999  # of the one that never shows
        for transaction, word in (
            ("1", "project.noTransactionRecord"),
            ("2", "project.creditRetirementRequestNotExists"),
        ):
            with pytest.raises(Refuse, match=word):
                world.rules.act(AUTHORITY, {"transactionId": transaction, "action": "ACCEPT"})
            with pytest.raises(Refuse, match=word):
                world.rules.act(HOLDER, {"transactionId": transaction, "action": "CANCEL", "remarks": "x"})
