"""Hints between web and worker: where they lie, what they start, and that losing one does no harm."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask, current_app
from huey import Huey, MemoryHuey, PostgresHuey, SqliteHuey

from app import jobs
from app.config import Settings
from app.db import end_reading
from app.fulfilment.process import Collaborators
from tests.builders import a_paid_order, an_offer, certificates_of
from tests.conftest import AppMaker, environment


@pytest.fixture
def make_served(make_app: AppMaker) -> Iterator[AppMaker]:
    """Applications with a queue that other processes see, as outside of tests."""
    made: list[Flask] = []

    def make(**changes: str) -> Flask:
        made.append(make_app(ENVIRONMENT="development", **changes))
        return made[-1]

    yield make
    for app in made:
        jobs.current_huey(app).storage.close()


def run_next(queue: Huey) -> None:
    """What a worker does with the oldest hint."""
    task = queue.dequeue()
    assert task is not None
    queue.execute(task)


def test_the_queue_lies_beside_the_database(make_served: AppMaker, tmp_path: Path, db_url: str) -> None:
    queue = jobs.current_huey(make_served())

    if db_url.startswith("sqlite"):
        assert isinstance(queue, SqliteHuey)
        assert (tmp_path / "jobs.sqlite").is_file()
    else:
        assert isinstance(queue, PostgresHuey)
        assert not list(tmp_path.glob("jobs*"))


def test_under_test_the_queue_is_in_memory(db_url: str, tmp_path: Path) -> None:
    queue = jobs.make_huey(Settings.from_environment(environment(tmp_path, db_url)))

    assert isinstance(queue, MemoryHuey)
    assert not list(tmp_path.glob("jobs*"))


def test_a_hint_of_one_process_is_heard_by_another_one_once(make_served: AppMaker) -> None:
    web, worker = make_served(), make_served()
    with web.app_context():
        jobs.wake()

    queue = jobs.current_huey(worker)
    assert queue.pending_count() == 1
    run_next(queue)
    assert queue.dequeue() is None


def test_hints_do_not_pile_up_while_workers_are_busy(make_served: AppMaker) -> None:
    app = make_served()
    with app.app_context():
        for _ in range(3 * jobs.ENOUGH_HINTS):
            jobs.wake()
    queue = jobs.current_huey(app)
    assert queue.pending_count() == jobs.ENOUGH_HINTS

    run_next(queue)
    with app.app_context():
        jobs.wake()
    assert queue.pending_count() == jobs.ENOUGH_HINTS


def test_a_wake_up_does_what_is_due(world: Collaborators, context: Flask) -> None:
    context.extensions.update({"tonne.gateway": world.gateway, "tonne.renderer": world.renderer})
    order_id = a_paid_order(world, {an_offer(): 2})
    assert certificates_of(order_id) == []
    end_reading()

    jobs.wake()
    run_next(jobs.current_huey(context))

    assert [certificate.number for certificate in certificates_of(order_id)] == ["TN1/2026"]


def test_every_minute_what_is_due_is_done_anyway(app: Flask) -> None:
    done: list[Flask] = []
    jobs.init_app(app)
    jobs.on_wake(app, lambda: done.append(current_app._get_current_object()))  # type: ignore[attr-defined]  # noqa: SLF001
    queue = jobs.current_huey(app)

    for minute in range(3):
        (sweep,) = queue.read_periodic(datetime(2026, 11, 22, 10, minute, tzinfo=UTC))
        queue.execute(sweep)

    assert done == [app] * 3


def test_a_wake_up_that_nobody_can_hear_is_lost_and_the_request_goes_on(
    make_served: AppMaker, tmp_path: Path, caplog: pytest.LogCaptureFixture, db_url: str
) -> None:
    app = make_served()
    queue = jobs.current_huey(app)
    if db_url.startswith("sqlite"):
        queue.storage.close()
        (tmp_path / "jobs.sqlite").write_bytes(b"this is no database" * 100)
        for name in ("jobs.sqlite-wal", "jobs.sqlite-shm"):
            with suppress(FileNotFoundError):
                (tmp_path / name).unlink()
    else:
        app.extensions["tonne.wake"] = lambda: queue.storage.sql("drop table never_there", (), commit=True)

    with app.app_context():
        jobs.wake()

    (record,) = [record for record in caplog.records if record.name == "app.jobs"]
    assert (record.message, record.levelname) == ("wake-up lost", "WARNING")


def test_a_hint_that_waited_while_the_work_began_is_not_worked_again(app: Flask) -> None:
    done: list[int] = []
    jobs.init_app(app)
    queue = jobs.current_huey(app)

    def work() -> None:
        done.append(queue.pending_count())
        if len(done) == 1:
            jobs.wake()  # while it works: this one may be about something that was looked for already

    jobs.on_wake(app, work)
    with app.app_context():
        for _ in range(3):
            jobs.wake()
    while queue.pending_count():
        run_next(queue)

    assert done == [2, 0], "one hint is worked, two waited, and one came later"


def test_hints_are_heeded_again_when_the_work_failed(app: Flask) -> None:
    done: list[str] = []
    jobs.init_app(app)
    queue = jobs.current_huey(app)

    def work() -> None:
        done.append("tried")
        if len(done) == 1:
            raise OSError("the database is away")

    jobs.on_wake(app, work)
    with app.app_context():
        jobs.wake()
        jobs.wake()
    run_next(queue)
    run_next(queue)

    assert done == ["tried", "tried"]
