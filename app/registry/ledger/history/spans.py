"""What is left of ranges of serial numbers when others are taken out of them."""

from __future__ import annotations

from collections.abc import Iterable

from app.kernel.serials import Span


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same numbers in as few spans as possible, in order."""
    found: list[Span] = []
    for span in sorted(spans):
        if found and found[-1].space == span.space and span.first <= found[-1].last + 1:
            found[-1] = Span(span.space, found[-1].first, max(found[-1].last, span.last))
        else:
            found.append(span)
    return found


def without(spans: Iterable[Span], taken: Iterable[Span]) -> list[Span]:
    """The numbers of `spans` that no taken span has, in order. Spans of either kind do not overlap among themselves."""
    left: list[Span] = []
    cuts = sorted(taken)
    for span in sorted(spans):
        first = span.first
        for cut in cuts:
            if cut.space == span.space and cut.first <= span.last and cut.last >= first:
                if cut.first > first:
                    left.append(Span(span.space, first, cut.first - 1))
                first = cut.last + 1
        if first <= span.last:
            left.append(Span(span.space, first, span.last))
    return left


def units(spans: Iterable[Span]) -> int:
    """How many numbers, and so units (tonnes), spans have together."""
    return sum(span.units for span in spans)
