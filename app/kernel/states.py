"""State machines as data: one enum, one table of moves."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Generic, TypeVar

from app.kernel.errors import Fault

S = TypeVar("S", bound=StrEnum)


class IllegalMove(Fault):
    """Code asked for a move that its table does not have."""


class Transitions(Generic[S]):
    """The moves that one state machine allows."""

    def __init__(self, machine: str, moves: Mapping[S, frozenset[S] | set[S]]) -> None:
        self.machine = machine
        self._moves = {state: frozenset(targets) for state, targets in moves.items()}

    def targets(self, state: S) -> frozenset[S]:
        """Where `state` may go."""
        return self._moves.get(state, frozenset())

    def sources(self, target: S, likeliest: S | None = None) -> tuple[S, ...]:
        """From where `target` can be reached, in table order; the likeliest state first, if it is among them."""
        found = (state for state, targets in self._moves.items() if target in targets)
        return tuple(sorted(found, key=lambda state: state is not likeliest))

    def is_final(self, state: S) -> bool:
        """Whether nothing can follow `state`."""
        return not self.targets(state)

    def final(self) -> tuple[S, ...]:
        """The states that nothing can follow, in table order."""
        return tuple(state for state in self._moves if self.is_final(state))

    def unfinished(self) -> tuple[S, ...]:
        """The states that something can follow, in table order."""
        return tuple(state for state in self._moves if not self.is_final(state))

    def check(self, source: S, target: S) -> None:
        """Raise IllegalMove unless the table has this move."""
        if target not in self.targets(source):
            raise IllegalMove(f"{self.machine}: {source} -> {target}")

    def moves(self) -> frozenset[tuple[S, S]]:
        """Every (source, target) pair of the table."""
        return frozenset((s, t) for s, targets in self._moves.items() for t in targets)
