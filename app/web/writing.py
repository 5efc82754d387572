"""How templates become Python: as Jinja has it, but for the two things that a page does hundreds of times.

What is shown is escaped by one short function, and a sentence without values is looked up in the dictionary of the
language in force. Jinja's own way takes seven calls for the one and twenty for the other.
"""

from __future__ import annotations

from typing import Any

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from markupsafe import Markup, _escape_inner, escape  # type: ignore[attr-defined]  # the part of `escape` that escapes

# Of what is written here. Code that another edition wrote is not taken from the disk.
EDITION = "2"


def shown(value: Any) -> str:
    """`value` as text of a page: what `escape` says, without being made a `Markup` that nobody asks for."""
    kind = type(value)
    if kind is Markup:
        return value
    return _escape_inner(value) if kind is str else escape(value)


class Writer(CodeGenerator):
    """Writes the code of one template."""

    def visit_Template(self, node: nodes.Template, frame: Frame | None = None) -> None:  # noqa: N802 - Jinja's name
        """Make what is written below known in the template's module."""
        self.writeline("from app.web.i18n import words")
        self.writeline("from app.web.writing import shown")
        super().visit_Template(node, frame)

    def visit_Call(self, node: nodes.Call, frame: Frame, forward_caller: bool = False) -> None:  # noqa: N802 - as above
        """Write `_("…")` as a look into the dictionary, every other call as Jinja does."""
        sentence = _sentence(node)
        if sentence is not None and _is_escaped(frame):
            self.write(f"words()[{sentence!r}]")
        else:
            super().visit_Call(node, frame, forward_caller=forward_caller)

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo) -> None:
        if not _is_escaped(frame):
            super()._output_child_pre(node, frame, finalize)
        elif _sentence(node) is not None:
            self.write("(")  # it is a `Markup` already
        else:
            self.write("shown(")


def _is_escaped(frame: Frame) -> bool:
    return bool(frame.eval_ctx.autoescape) and not frame.eval_ctx.volatile


def _sentence(node: nodes.Node) -> str | None:
    """What `_("…")` says where nothing is to be filled in; None for everything else."""
    match node:
        case nodes.Call(
            node=nodes.Name(name="_"), args=[nodes.Const(value=str(text))], kwargs=[], dyn_args=None, dyn_kwargs=None
        ):
            return text
    return None
