"""The questions people ask, and which file answers each in which language."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from app.content.document import Document, Source, read, read_sources

TEXTS = Path(__file__).parent / "texts"

# In the order in which a newcomer asks.
NAMES = (
    "how-it-works",
    "legitimate",
    "where-the-money-goes",
    "what-you-own",
    "can-it-be-undone",
    "refunds",
    "what-you-may-say",
    "claims",
    "accessibility",
)


@cache
def find(language: str, name: str) -> Document | None:
    """The page called `name` in `language`, or None if there is none. Read once, kept in memory."""
    return read(TEXTS / language / f"{name}.md", language, known_sources()) if name in NAMES else None


@cache
def known_sources() -> Mapping[str, Source]:
    """Every source that a page may rest on, by its name."""
    return read_sources(TEXTS / "sources.toml")


def everything(language: str) -> list[tuple[str, Document]]:
    """Name and page of each, in the order of the index."""
    return [(name, page) for name in NAMES if (page := find(language, name))]
