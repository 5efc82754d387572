"""Why a sanctions list cannot be imported, or a likeness not decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.kernel.errors import Refusal


@dataclass(frozen=True)
class ListProblem:
    """What is wrong in a file: `place` is a row (`row 7`), an entry (`entry 4711`) or the `file`, `code` says what."""

    place: str
    code: str


class ListRefused(Refusal):
    """The file is no edition of the list that it was said to be; nothing was changed. `problems` names each."""

    code = "list_refused"

    def __init__(self, problems: Sequence[ListProblem]) -> None:
        super().__init__(problems=len(problems))
        self.problems = tuple(problems)


class UnknownMatch(Refusal):
    """There is no likeness with this number."""

    code = "unknown_match"


class MatchDecided(Refusal):
    """The likeness was decided before, as `state`."""

    code = "match_decided"
