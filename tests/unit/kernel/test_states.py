"""A state machine does what its table says and nothing else."""

from __future__ import annotations

from enum import StrEnum

import pytest

from app.kernel.errors import Fault, Refusal
from app.kernel.states import IllegalMove, Transitions


class Light(StrEnum):
    RED = "red"
    AMBER = "amber"
    GREEN = "green"


LIGHT = Transitions("light", {Light.RED: {Light.GREEN}, Light.AMBER: {Light.RED}, Light.GREEN: {Light.AMBER}})
ONE_WAY = Transitions("one_way", {Light.RED: {Light.GREEN}, Light.AMBER: {Light.GREEN}, Light.GREEN: set()})


def test_a_move_of_the_table_is_allowed() -> None:
    LIGHT.check(Light.RED, Light.GREEN)

    assert LIGHT.targets(Light.RED) == {Light.GREEN}


def test_any_other_move_is_a_fault_that_names_machine_and_states() -> None:
    with pytest.raises(IllegalMove, match="light: red -> amber") as caught:
        LIGHT.check(Light.RED, Light.AMBER)

    assert isinstance(caught.value, Fault)


def test_the_sources_of_a_state_come_in_table_order() -> None:
    assert ONE_WAY.sources(Light.GREEN) == (Light.RED, Light.AMBER)
    assert ONE_WAY.sources(Light.RED) == ()


def test_a_state_that_leads_nowhere_is_final() -> None:
    assert ONE_WAY.is_final(Light.GREEN)
    assert not ONE_WAY.is_final(Light.RED)


def test_all_moves_can_be_listed() -> None:
    assert ONE_WAY.moves() == {(Light.RED, Light.GREEN), (Light.AMBER, Light.GREEN)}


def test_a_state_outside_the_table_leads_nowhere() -> None:
    partial = Transitions("partial", {Light.RED: {Light.GREEN}})

    assert partial.targets(Light.AMBER) == frozenset()
    with pytest.raises(IllegalMove):
        partial.check(Light.AMBER, Light.RED)


def test_changing_the_table_after_the_fact_changes_no_rule() -> None:
    moves = {Light.RED: {Light.GREEN}}
    machine = Transitions("machine", moves)
    moves[Light.RED].add(Light.AMBER)

    assert machine.targets(Light.RED) == {Light.GREEN}


def test_a_refusal_carries_its_code_and_facts() -> None:
    class UnitsUnavailable(Refusal):
        code = "units_unavailable"

    refusal = UnitsUnavailable(units_left=3)

    assert refusal.facts == {"units_left": 3}
    assert str(refusal) == "units_unavailable {'units_left': 3}"
    assert str(Refusal()) == "refused {}"
