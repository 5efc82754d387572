"""A worker that dies at a chosen line of its own code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from types import FrameType, ModuleType
from typing import Any


class PowerCut(BaseException):
    """The machine is gone between two lines. No handler of the product's catches it."""


@contextmanager
def dying_at(line: int, modules: Collection[ModuleType]) -> Iterator[Callable[[], int]]:
    """Raise PowerCut when the `line`-th line of these modules is about to run; 0: never.

    Gives a function that says how many lines ran so far.
    """
    files = {module.__file__ for module in modules}
    ran = 0

    def look(frame: FrameType, event: str, _arg: Any) -> Any:
        nonlocal ran
        if frame.f_code.co_filename not in files:
            return None
        if event == "line":
            ran += 1
            if ran == line:
                raise PowerCut
        return look

    before = sys.gettrace()
    sys.settrace(look)
    try:
        yield lambda: ran
    finally:
        sys.settrace(before)
