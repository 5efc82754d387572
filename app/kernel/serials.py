"""Ranges of serial numbers. Two of one number space must never share a number."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class Span(NamedTuple):
    """Consecutive numbers of one space (an originating Party's counter), both ends included."""

    space: str
    first: int
    last: int

    @property
    def units(self) -> int:
        """How many numbers, and so units (tonnes), the span has."""
        return self.last - self.first + 1

    def within(self, other: Span) -> bool:
        """Whether every number of this span is one of the other's."""
        return self.space == other.space and other.first <= self.first and self.last <= other.last

    def without(self, parts: Iterable[Span]) -> list[Span]:
        """What is left of this span when parts of it, no two of which overlap, are taken out; lowest first."""
        left, first = [], self.first
        for part in sorted(parts):
            if first < part.first:
                left.append(Span(self.space, first, part.first - 1))
            first = part.last + 1
        return [*left, Span(self.space, first, self.last)] if first <= self.last else left

    def common(self, other: Span) -> int:
        """How many numbers the two share."""
        if self.space != other.space:
            return 0
        return max(0, min(self.last, other.last) - max(self.first, other.first) + 1)


def overlaps(known: Iterable[Span], new: Iterable[tuple[Span, T]]) -> list[tuple[T, Span]]:
    """The new things whose numbers are taken, each with one span that has them.

    `known` spans are taken to be in order among themselves. Of two new ones that overlap the
    one that begins later is named.
    """
    blocks: list[tuple[Span, T | None]] = [(span, None) for span in known]
    blocks += new
    found: list[tuple[T, Span]] = []
    widest: tuple[Span, T | None] | None = None
    for block in sorted(blocks, key=lambda item: item[0]):
        span, thing = block
        if widest is not None and span.common(widest[0]):
            if thing is not None:
                found.append((thing, widest[0]))
            elif widest[1] is not None:
                found.append((widest[1], span))
        if widest is None or span.space != widest[0].space or span.last > widest[0].last:
            widest = block
    return found
