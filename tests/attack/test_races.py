"""The same change of state wanted by two at once: one of them makes it, the other is told so calmly.

First every move of every table of moves on real connections, then every form that moves anything, sent twice in
one moment, then two workers that do all that is due. A new machine is found by itself and fails here until it is
raced; a new form or step is raced without a word here.
"""

from __future__ import annotations

import importlib
import pkgutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

import app as product
from app.db import StateEvent, advance, advance_all, db, record, transaction
from app.fulfilment.process import collaborators, run_due
from app.kernel.clock import FixedClock
from app.kernel.states import Transitions
from tests.attack.filling import sent
from tests.attack.target import Target, on_postgresql
from tests.builders import NOW, all_at_once

pytestmark = [pytest.mark.sweep, pytest.mark.xdist_group("attack")]

RACERS_OF_A_KIND = 2


def machines() -> dict[str, Transitions[Any]]:
    """Every table of moves of the product, by the name of its machine."""
    found: dict[str, Transitions[Any]] = {}
    for module in pkgutil.walk_packages(product.__path__, "app."):
        if module.name.endswith(".states") and module.name != "app.kernel.states":
            for value in vars(importlib.import_module(module.name)).values():
                if isinstance(value, Transitions):
                    found[value.machine] = value
    return found


MACHINES = machines()


def forks(events: list[tuple[str, int, str | None, str]]) -> list[str]:
    """Where the history of a thing is no path: it left one state twice, or went on from where it was not."""
    found = []
    stands: dict[tuple[str, int], str] = {}
    for machine, subject, source, to in events:
        before = stands.get((machine, subject))
        if before is not None and before != source:
            found.append(f"{machine} {subject}: {source} -> {to}, but it was {before}")
        stands[machine, subject] = to
    return found


def models() -> dict[str, type[Any]]:
    """The table of each machine: the one whose column `state` has its states."""
    found = {}
    for mapper in db.Model.registry.mappers:
        states = getattr(getattr(mapper.columns.get("state"), "type", None), "enum_class", None)
        for name, machine in MACHINES.items():
            if states is not None and isinstance(next(iter(machine.moves()))[0], states):
                found[name] = mapper.class_
    return found


MODELS = models()
# Where the house has no such act to press or to wait for, another test races the act itself.
RACED_ELSEWHERE = {
    "batch": "test_two_operators_at_the_same_moment_apply_a_file_once",
    "batch_line": "test_senders_at_the_same_moment_share_one_batch_and_put_each_line_in_once",
    "dispute": "test_two_workers_that_hear_of_a_dispute_at_once_write_it_down_once",
}


def goes_with(machine: str, state: str) -> dict[str, Any]:
    """What the table asks of a row in this state."""
    values = {
        "batch": {"closed_at": None if state == "open" else NOW},
        "batch_line": {"registry_transaction": "X" if state == "processed" else None},
        "remedy": {"substitute_order_id": 1 if state == "substituted" else None},
    }
    return values.get(machine, {})


class RunningClock(FixedClock):
    """A clock on which no two acts happen in the same instant."""

    def now(self) -> datetime:
        """One microsecond after it was last asked."""
        self.advance(timedelta(microseconds=1))
        return super().now()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def arena(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    if request.param == "sqlite":
        target: Target = request.getfixturevalue("target")
        stands = target.app.extensions["tonne.clock"]
        target.app.extensions["tonne.clock"] = RunningClock(stands.now())
        yield target
        target.app.extensions["tonne.clock"] = stands
        return
    cluster, template = request.getfixturevalue("cluster"), request.getfixturevalue("postgres_template")
    with on_postgresql(cluster, template, tmp_path_factory.mktemp("races")) as target:
        target.app.extensions["tonne.clock"] = RunningClock(target.app.extensions["tonne.clock"].now())
        yield target


# --- every move -------------------------------------------------------------------------------------


def test_every_machine_has_a_table_whose_rows_are_raced() -> None:
    assert sorted(MODELS) == sorted(MACHINES)


@pytest.mark.parametrize("machine", sorted(MACHINES))
def test_of_many_who_make_the_same_move_at_once_one_makes_it(arena: Target, machine: str) -> None:
    model, moves = MODELS[machine], MACHINES[machine]
    with arena.app.app_context():
        row = db.session.scalars(select(func.min(model.id))).one()
        assert row is not None, f"the house has no {machine} to race for"
        for source, to in sorted(moves.moves()):
            _put_into(model, row, machine, source)
            last = _last_event()
            move = partial(_move, model, row, moves, to, goes_with(machine, to))
            # Several rows are moved by a statement of its own, which sets no other column.
            other = move if goes_with(machine, to) else partial(_move_all, model, row, moves, source, to)
            outcomes = all_at_once(arena.app, [move, other] * RACERS_OF_A_KIND)

            assert sorted(map(str, outcomes)) == ["False"] * (2 * RACERS_OF_A_KIND - 1) + ["True"], (
                source,
                to,
                outcomes,
            )
            assert _events_after(last) == [(machine, row, source.value, to.value)]
    arena.keeper.put_back()


@pytest.mark.parametrize("machine", sorted(MACHINES))
def test_of_those_who_want_different_moves_from_one_state_one_makes_theirs(arena: Target, machine: str) -> None:
    """Paid or expired, cancelled or refused: never both, whoever comes first."""
    model, moves = MODELS[machine], MACHINES[machine]
    with arena.app.app_context():
        row = db.session.scalars(select(func.min(model.id))).one()
        for source in moves.unfinished():
            rivals = sorted(moves.targets(source)) * 2
            _put_into(model, row, machine, source)
            last = _last_event()
            outcomes = all_at_once(
                arena.app, [partial(_move, model, row, moves, to, goes_with(machine, to), (source,)) for to in rivals]
            )

            won = [to for to, outcome in zip(rivals, outcomes, strict=True) if outcome is True]
            assert outcomes.count(False) == len(rivals) - 1, (source, outcomes)
            assert _events_after(last) == [(machine, row, source.value, to.value) for to in won]
            assert db.session.scalars(select(model.state).where(model.id == row)).all() == won
    arena.keeper.put_back()


def _put_into(model: type[Any], row: int, machine: str, state: Any) -> None:
    with transaction() as session:
        session.execute(update(model).where(model.id == row).values(state=state, **goes_with(machine, state)))


def _move(
    model: type[Any], row: int, moves: Transitions[Any], to: Any, values: dict[str, Any], sources: tuple[Any, ...] = ()
) -> bool:
    with transaction():
        return advance(model, row, moves, to, at=NOW, sources=sources, **values)


def _move_all(model: type[Any], row: int, moves: Transitions[Any], source: Any, to: Any) -> bool:
    with transaction():
        return advance_all(model, [row], moves, source, to, at=NOW) == [row]


def test_a_move_that_looks_first_and_then_writes_is_found_out(arena: Target) -> None:
    """The race is real, and `forks` sees it: this is what the product must not do."""
    model, moves = MODELS["proposal"], MACHINES["proposal"]
    both_have_looked = threading.Barrier(2)

    def move_naively(row: int, source: Any, to: Any) -> None:
        is_there = db.session.scalars(select(model.state).where(model.id == row)).one() == source
        db.session.rollback()
        both_have_looked.wait(30)
        with transaction() as session:
            if is_there:
                session.execute(update(model).where(model.id == row).values(state=to))
                record(moves.machine, row, source, to, at=NOW)

    with arena.app.app_context():
        row = db.session.scalars(select(func.min(model.id))).one()
        source, to = min(moves.moves())
        last = _last_event()
        all_at_once(arena.app, [partial(move_naively, row, source, to)] * 2)
        assert forks(_events_after(last)) == [f"proposal {row}: {source} -> {to}, but it was {to}"]
    arena.keeper.put_back()


# --- every act --------------------------------------------------------------------------------------


def test_every_act_wanted_twice_at_once_is_done_once_and_both_get_an_answer(arena: Target) -> None:
    moved: set[str] = set()
    wrong: dict[str, Any] = {}
    for role, form in arena.forms:
        if form.method == "POST":
            asked = sent(role, form, [])
            events, answers = _raced(arena, partial(arena.ask, asked))
            moved |= {machine for machine, *_rest in events}
            statuses = [_status(answer) for answer in answers]
            if forks(events) or max(statuses) >= 500:
                wrong[form.action] = statuses, forks(events), arena.exceptions
    events, answers = _raced(arena, partial(_work, arena))
    moved |= {machine for machine, *_rest in events}
    problems = [answer for answer in answers if isinstance(answer, Exception)]
    if forks(events) or problems:
        wrong["two workers"] = problems, forks(events)

    assert wrong == {}
    assert set(MACHINES) - moved == set(RACED_ELSEWHERE), "race this act too, or say which test does"


def _raced(arena: Target, act: Callable[[], Any]) -> tuple[list[tuple[str, int, str | None, str]], list[Any]]:
    """What an act did when two wanted it at once, and what each was answered; then all is as before."""
    with arena.app.app_context():
        last = _last_event()
        answers = all_at_once(arena.app, [act, act])
        events = _events_after(last)
    arena.keeper.put_back()
    return events, answers


def _status(answer: TestResponse | Exception) -> int:
    return 599 if isinstance(answer, Exception) else answer.status_code


def _work(arena: Target) -> int:
    """Do all that is due, the day after the orders of the house were paid."""
    return run_due(replace(collaborators(arena.app), clock=RunningClock(NOW + timedelta(days=1))))


def _last_event() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.max(StateEvent.id))) or 0


def _events_after(last: int) -> list[tuple[str, int, str | None, str]]:
    db.session.rollback()
    rows = db.session.execute(
        select(StateEvent.machine, StateEvent.subject_id, StateEvent.from_state, StateEvent.to_state)
        .where(StateEvent.id > last)
        .order_by(StateEvent.id)
    )
    return [tuple(row) for row in rows]  # type: ignore[misc]  # as many as are asked for
