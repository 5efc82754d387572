"""What goes wrong with the next calls: scripted one by one, or like weather."""

from __future__ import annotations

import random
from collections import deque

# What happened there, and what the client sees of it.
KNOWN = frozenset(
    {
        "",  # nothing is wrong
        "lose_before",  # nothing; the connection ends without an answer
        "lose_after",  # it happened; the same
        "late",  # nothing yet; the same. It happens when `UndpStandIn.deliver_late` is called
        "slow",  # it happened; the answer comes too late
        "error_before",  # nothing; 500
        "error_after",  # it happened; 500
        "odd_400_before",  # nothing; 400 with a text on no list
        "odd_400_after",  # it happened; the same
        "odd_400_unlogged",  # it happened, but the log was not written; the same
        "truncate",  # it happened; half of the answer
        "html",  # it happened; a page of an interested proxy
        "other_receipt",  # it happened; an answer about something else
        "busy",  # nothing; 429
        "away",  # nothing; 503
        "signed_out",  # nothing; 401
    }
)


class Faults:
    """One fault for each next call of a kind: `writes`, `reads` or `sign_in`. Empty: all is well."""

    def __init__(self) -> None:
        self._scripts: dict[str, deque[str]] = {"writes": deque(), "reads": deque(), "sign_in": deque()}
        self._chances: dict[str, dict[str, float]] = {}
        self._random = random.Random(0)  # noqa: S311 - a seed, not a secret

    def script(self, *names: str, on: str = "writes") -> None:
        """These happen to the next calls of that kind, one each."""
        assert set(names) <= KNOWN
        self._scripts[on].extend(names)

    def weather(self, seed: int, *, on: str = "writes", **chances: float) -> None:
        """From now on each call of that kind meets a fault with these chances, the same for the same seed."""
        assert set(chances) <= KNOWN
        self._random = random.Random(seed)  # noqa: S311 - a seed, not a secret
        self._chances[on] = chances

    def calm(self) -> None:
        """All is well again."""
        self._chances.clear()
        for script in self._scripts.values():
            script.clear()

    def take(self, kind: str) -> str:
        """What happens to this call."""
        if self._scripts[kind]:
            return self._scripts[kind].popleft()
        roll = self._random.random()
        for name, chance in self._chances.get(kind, {}).items():
            roll -= chance
            if roll < 0:
                return name
        return ""
