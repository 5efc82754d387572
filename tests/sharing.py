"""What the thousands of applications of a test run share, because each would make the same anew: most of a short test.

Imported by tests/conftest.py before the first application is made.
"""

from __future__ import annotations

from copy import copy
from functools import cache
from types import CodeType
from typing import Any, ClassVar

from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import Map, RuleFactory

from app.calculator import factors
from app.db import db
from tests.lasting import KeptConnections

CONNECTIONS = KeptConnections()


class _SharedMap(Map):
    """The addresses of an application, put in order when the first of them is asked for.

    Of all applications that have the same addresses, one puts them in order and compiles how links are built.
    """

    _done: ClassVar[dict[tuple[Any, ...], Any]] = {}

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._taken: list[Any] = []

    def add(self, rulefactory: RuleFactory) -> None:
        """Take an address, for later."""
        self._taken += rulefactory.get_rules(self)
        self._remap = True

    def update(self) -> None:
        """Have all addresses in order. Werkzeug calls this before it answers anything."""
        if not self._remap:
            return
        key = tuple(
            (rule.rule, rule.endpoint, frozenset(rule.methods), rule.provide_automatic_options) for rule in self._taken
        )
        if key not in self._done:
            self._done[key] = Map(map(copy, self._taken))
            self._done[key].update()
        done = self._done[key]
        self._matcher, self._rules_by_endpoint = done._matcher, done._rules_by_endpoint  # noqa: SLF001 - of a Map, too
        self._remap = False


class _CompiledTemplates(BytecodeCache):
    """What Jinja compiles of a template."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], CodeType | None] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Take a template that was compiled before; a changed source has another checksum and is compiled."""
        bucket.code = self._kept.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a compiled template."""
        self._kept[bucket.key, bucket.checksum] = bucket.code


COMPILED_TEMPLATES = _CompiledTemplates()


def _compile_each_statement_once() -> None:
    """Let all engines for one kind of database share what SQLAlchemy compiles: it keeps statements by dialect."""
    make_anew = db._make_engine  # noqa: SLF001 - the way that Flask-SQLAlchemy names for changing its engines
    kept: dict[str, Any] = {}

    def make_engine(bind_key: str | None, options: dict[str, Any], app: Flask) -> Any:
        engine: Any = make_anew(bind_key, options | {"query_cache_size": 5_000}, app)
        if engine.name == "postgresql":
            CONNECTIONS.serve(engine)
        first = kept.get(engine.name)
        if first is None or first.dialect.server_version_info is None:  # it never met a database
            kept[engine.name] = engine
        else:
            engine.dialect = engine.pool._dialect = first.dialect  # noqa: SLF001 - nothing public shares them
            engine._compiled_cache = first._compiled_cache  # noqa: SLF001 - as above
        return engine

    db._make_engine = make_engine  # type: ignore[method-assign]  # noqa: SLF001 - as above


Flask.url_map_class = _SharedMap  # type: ignore[assignment]  # Flask gives its arguments by name
factors.read_table = cache(factors.read_table)
_compile_each_statement_once()
