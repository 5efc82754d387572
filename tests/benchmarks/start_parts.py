"""Where a start goes: `. instance/development.env && python -m tests.benchmarks.start_parts` [list].

Loads the product, or what it needs for the list, draws the list, and prints the computing time of each kind of work
without that of the kinds within it. Looking costs something too, about a tenth: compare rows, and take totals from
`make bench-start`. Run it twice: the first time templates are compiled.
"""

from __future__ import annotations

import dataclasses
import enum
import gc
import importlib.machinery as machinery
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

OURS, OTHERS = "modules of ours", "modules of others"


class Account:
    """Computing time by kind of work."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.times: Counter[str] = Counter()
        self._open = ["all else"]
        self._since = time.thread_time()

    def watch(self, owner: Any, name: str, kind: str | Callable[..., str]) -> None:
        """Book what a function takes under a kind, or under that which its arguments tell."""
        found = next(vars(one)[name] for one in getattr(owner, "__mro__", (owner,)) if name in vars(one))
        work = getattr(found, "__func__", found)

        def watched(*arguments: Any, **named: Any) -> Any:
            booked = kind if isinstance(kind, str) else kind(*arguments)
            self.times[booked] += 1
            self.turn()
            self._open.append(booked)
            try:
                return work(*arguments, **named)
            finally:
                self.turn()
                self._open.pop()

        setattr(owner, name, type(found)(watched) if found is not work else watched)

    def turn(self) -> None:
        """Book what was taken since the last turn."""
        now = time.thread_time()
        self.seconds[self._open[-1]] += now - self._since
        self._since = now


def main(what: str = "") -> int:
    """Measure and print."""
    gc.disable()
    account = Account()
    account.watch(machinery.PathFinder, "find_spec", lambda _finder, name, *_rest: _whose(name))
    account.watch(machinery.SourceFileLoader, "get_code", lambda _loader, name: _whose(name))
    account.watch(machinery.SourceFileLoader, "exec_module", lambda _loader, module: _whose(module.__name__))
    account.watch(machinery.ExtensionFileLoader, "create_module", OTHERS)
    account.watch(dataclasses, "_process_class", lambda made, *_rest: f"data classes in {_whose(made.__module__)}")
    account.watch(enum.EnumType, "__new__", "enums")
    account.watch(re, "_compile", "regular expressions")
    from jinja2 import Environment  # noqa: PLC0415 - watched
    from sqlalchemy.orm import decl_base  # noqa: PLC0415 - watched
    from sqlalchemy.sql.compiler import SQLCompiler  # noqa: PLC0415 - watched
    from werkzeug.routing import Map  # noqa: PLC0415 - watched

    account.watch(decl_base._ORMClassConfigurator, "_as_declarative", "mapped classes")  # noqa: SLF001 - as all of this
    account.watch(sys.modules["sqlalchemy.orm.mapper"], "_configure_registries", "configuring mappers")
    account.watch(SQLCompiler, "__init__", "compiling statements")
    account.watch(Map, "add", "routes")
    account.watch(Environment, "compile", "compiling templates")
    from app.front import make_front  # noqa: PLC0415 - watched

    if what == "list":
        from app.opening import Opening  # noqa: PLC0415 - watched

        # Its other rooms are never made: the page is not closed.
        application: Any = Opening(_front(make_front), sys.exit, bool, 3600)
    else:
        from app.factory import create_app  # noqa: PLC0415 - watched

        application = create_app(with_commands=False)
    from werkzeug.test import Client  # noqa: PLC0415 - no part of a start

    account.watch(type(application), "__call__", "drawing the page")
    assert Client(application).get("/en/").status_code == 200
    account.turn()
    for kind, seconds in sorted(account.seconds.items(), key=lambda row: -row[1]):
        print(f"{seconds * 1000:6.0f} ms  {account.times[kind] or '':5}  {kind}")
    return 0


def _front(make_front: Callable[..., Any]) -> Any:
    from app.config import Settings  # noqa: PLC0415 - watched
    from app.kernel.clock import clock_from  # noqa: PLC0415 - watched

    settings = Settings.from_environment()
    return make_front(settings, clock_from(settings.clock_start), keeps_connections=False)


def _whose(module: str) -> str:
    return OURS if module.partition(".")[0] == "app" else OTHERS


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
