"""Time is an aware UTC instant, and a test can set it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from app.kernel.clock import FixedClock, ShiftedClock, SystemClock, clock_from


def test_the_machines_clock_speaks_utc() -> None:
    before = datetime.now(UTC)
    now = SystemClock().now()

    assert before <= now <= datetime.now(UTC)
    assert now.utcoffset() == timedelta(0)


def test_a_shifted_clock_is_another_day_and_keeps_going() -> None:
    clock = ShiftedClock(timedelta(days=-30))

    before = datetime.now(UTC)
    shifted = clock.now()

    assert before <= shifted + timedelta(days=30) <= datetime.now(UTC)
    assert clock.now().utcoffset() == timedelta(0)


def test_a_clock_that_starts_on_a_day_runs_on_from_there() -> None:
    start = datetime(2026, 12, 31, 13, tzinfo=UTC)
    clock = clock_from(start)

    first = clock.now()
    assert start <= first < start + timedelta(seconds=10)
    assert clock.now() >= first
    assert isinstance(clock_from(None), SystemClock)


def test_a_fixed_clock_stands_still_until_it_is_moved() -> None:
    clock = FixedClock(datetime(2026, 11, 22, 11, 30, tzinfo=timezone(timedelta(hours=1))))

    assert clock.now() == clock.now() == datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
    assert clock.now().utcoffset() == timedelta(0)

    clock.advance(timedelta(minutes=31))

    assert clock.now() == datetime(2026, 11, 22, 11, 1, tzinfo=UTC)


def test_a_clock_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        FixedClock(datetime(2026, 11, 22, 10, 30))  # noqa: DTZ001 - the fault under test
