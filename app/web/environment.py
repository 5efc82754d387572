"""Jinja as this application uses it."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from types import FunctionType
from typing import Any

from flask import Flask
from flask.templating import Environment as FlaskEnvironment
from jinja2 import pass_eval_context
from jinja2.runtime import Context as JinjaContext
from jinja2.runtime import Macro

from app.web.writing import Writer

# How Jinja marks a function that asks whether the text around it is escaped.
MARK = "jinja_pass_arg"
_ABOUT_ESCAPING = vars(pass_eval_context(lambda _context: None))[MARK]


class Context(JinjaContext):
    """Jinja's, which calls a function as it is.

    Jinja looks first whether it is an object that can be called, and what that asks for: longer than most words of a
    page take to be found, and a purchase calls a thousand times.
    """

    def call(self, called: Callable[..., Any], /, *arguments: Any, **named: Any) -> Any:
        """What `called` gives; whatever is neither a plain function nor a macro is left to Jinja."""
        kind = type(called)
        wanted = called.__dict__.get(MARK) if kind is FunctionType else _ABOUT_ESCAPING if kind is Macro else MARK
        if wanted is not None and wanted is not _ABOUT_ESCAPING:
            return super().call(called, *arguments, **named)
        if named:  # Jinja's own, for functions that ask for all variables
            named.pop("_block_vars", None)
            named.pop("_loop_vars", None)
        return called(*arguments, **named) if wanted is None else called(self.eval_ctx, *arguments, **named)


class Environment(FlaskEnvironment):
    """Flask's, whose templates have what all of them know in one dictionary.

    Jinja chains two mappings in Python and asks them name by name, whenever a page begins and whenever one template
    takes a macro from another: eighty times for a purchase. What becomes known to all after a template was loaded
    is not seen by it; Jinja's manual asks not to do that anyway.
    """

    context_class = Context
    code_generator_class = Writer

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """What a template knows: `d` before what all know."""
        return {**self.globals, **(d or {})}


def init_app(app: Flask) -> None:
    """Comes before whatever asks for `app.jinja_env`, which makes it."""
    app.jinja_environment = Environment
