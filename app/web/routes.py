"""Rules of addresses whose builders are made when the first link needs them.

werkzeug compiles two functions for each rule, a twentieth of the whole start, and a page links to a few of them.
Should werkzeug one day make them in another way, that way is used, and only the time is lost.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from werkzeug.routing import Rule


class LateRule(Rule):
    """A rule that compiles how its address is built at the first use."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        name = "_build_unknown" if append_unknown else "_build"
        compile_now = super()._compile_builder

        def build(rule: Rule, **values: Any) -> tuple[str, str]:
            # In its own place from now on. Two threads may both come here, to the same end.
            compiled = compile_now(append_unknown).__get__(rule)
            setattr(rule, name, compiled)
            return compiled(**values)

        return build
