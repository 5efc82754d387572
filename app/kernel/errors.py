"""Refusals may be told to a person; faults belong in the log only."""

from __future__ import annotations


class Refusal(Exception):
    """The request cannot be met, and the person who asked may know why.

    `code` is stable and part of the interface; `facts` are plain values. Words are chosen at
    the edge, in the reader's language.
    """

    code = "refused"

    def __init__(self, **facts: object) -> None:
        super().__init__(self.code)
        self.facts = facts

    def __str__(self) -> str:
        return f"{self.code} {self.facts}"


class Fault(Exception):
    """Something of ours is broken. The page stays calm, the log gets the whole truth."""


class Outage(Exception):
    """A system that we depend on does not answer at the moment. The page says when to come back."""
