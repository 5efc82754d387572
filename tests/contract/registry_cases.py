"""The list of what goes wrong with registries (shared/registries.md, 7.8), and what cannot go wrong with which one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

REGISTRIES = ("ledger", "undp", "batch")

CASES = (
    "answer lost after effect",
    "lost before effect",
    "duplicate delivery",
    "slow: visible only after settle",
    "never visible, then visible",
    "500 after effect",
    "unlisted 400 after effect",
    "truncated JSON",
    "two workers at once",
    "crash at each line of the worker",
    "same reference with other quantity",
    "block split between plan and submit",
    "accept twice",
    "notice before answer",
    "notice for a final line",
    "response file twice",
    "response file out of order",
    "response file with one bad line",
    "serial overlap",
)

_NO_HTTP = "it is asked by a call in our own process: there is no status and no body that could be wrong"
_AT_ONCE = "what it committed can be read at once, from the database that committed it"
_NO_FILES = "it answers by itself: no file comes from it"

IMPOSSIBLE = {
    ("ledger", "500 after effect"): _NO_HTTP,
    ("ledger", "unlisted 400 after effect"): _NO_HTTP,
    ("ledger", "truncated JSON"): _NO_HTTP,
    ("ledger", "slow: visible only after settle"): _AT_ONCE,
    ("ledger", "never visible, then visible"): _AT_ONCE,
    ("ledger", "accept twice"): "nobody accepts anything there: the request is the cancellation",
    ("ledger", "response file twice"): _NO_FILES,
    ("ledger", "response file out of order"): _NO_FILES,
    ("ledger", "response file with one bad line"): _NO_FILES,
    ("undp", "response file twice"): _NO_FILES,
    ("undp", "response file out of order"): _NO_FILES,
    ("undp", "response file with one bad line"): _NO_FILES,
    ("batch", "500 after effect"): _NO_HTTP,
    ("batch", "unlisted 400 after effect"): _NO_HTTP,
    ("batch", "truncated JSON"): "a file that was cut off is a file with a bad line, and refused as a whole",
    ("batch", "block split between plan and submit"): "a line names an issuance; the administrator chooses the numbers",
    ("batch", "accept twice"): "what the administrator accepts is said in a response file, and that may come twice",
}

played: set[tuple[str, str]] = set()


def case(name: str) -> Callable[[Any], Any]:
    """Play a case of the list with every registry that can have it."""
    assert name in CASES, name
    able = [code for code in REGISTRIES if (code, name) not in IMPOSSIBLE]
    played.update((code, name) for code in able)
    return pytest.mark.parametrize("far", able, indirect=True)
