"""A text with its head: read from a file once, filled in whenever it is shown.

The head is TOML between two lines of `+++`: title, description, updated, and the names
of its sources.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any

from markupsafe import Markup, escape

from app.content.markdown import PART, PLACEHOLDER, BadText, Heading, render

_HEAD = re.compile(r"\A\+\+\+\n(.*?)^\+\+\+\n(.*)\Z", re.DOTALL | re.MULTILINE)
_SLOT = re.compile(f"{PLACEHOLDER.pattern}|{PART.pattern}")


@dataclass(frozen=True)
class Source:
    """What a statement rests on. `url` may be empty; `published` is a day, a year, or empty; `language` its title's."""

    title: str
    publisher: str
    url: str = ""
    published: date | str = ""
    language: str = "en"


@dataclass(frozen=True)
class Document:
    """A text of ours in one language; `updated` is the day its content was last gone through."""

    language: str
    title: str
    description: str
    updated: date
    sources: tuple[Source, ...]
    headings: tuple[Heading, ...]
    links: tuple[str, ...]
    placeholders: frozenset[str]
    parts: frozenset[str]
    html: str
    facts: Mapping[str, Any]

    def fill(self, values: Mapping[str, str]) -> Markup:
        """The text as HTML with every placeholder and part filled in; plain strings are escaped.

        Raises KeyError for a value that is not given.
        """
        return Markup(_SLOT.sub(lambda slot: escape(values[slot[1] or slot[2]]), self.html))  # noqa: S704 - each value is escaped here


def read(path: Path, language: str, sources: Mapping[str, Source] = MappingProxyType({})) -> Document:
    """Read a text in `language` from its file; its head names those of `sources` that it rests on.

    Raises BadText, with the name of the file, and OSError.
    """
    try:
        return parse(path.read_text(encoding="utf-8"), language, sources)
    except (BadText, UnicodeDecodeError) as problem:
        raise BadText(f"{path}: {problem}") from problem


def parse(text: str, language: str, sources: Mapping[str, Source] = MappingProxyType({})) -> Document:
    """A text from head and body. What the head has beyond the known is in `facts`. Raises BadText."""
    found = _HEAD.match(text)
    if not found:
        raise BadText("the head between two lines of +++ is missing")
    try:
        head = tomllib.loads(found[1])
        title, description, updated = head.pop("title"), head.pop("description"), head.pop("updated")
        chosen = tuple(sources[name] for name in head.pop("sources", ()))
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as problem:
        raise BadText(f"the head: {problem}") from problem
    if type(updated) is not date:
        raise BadText("the head: updated is not a day")
    body = render(found[2], language)
    return Document(
        language=language,
        title=title,
        description=description,
        updated=updated,
        sources=chosen,
        headings=body.headings,
        links=body.links,
        placeholders=body.placeholders,
        parts=body.parts,
        html=body.html,
        facts=head,
    )


def read_sources(path: Path) -> Mapping[str, Source]:
    """The sources of a TOML file by their names. Raises BadText and OSError."""
    try:
        return {name: Source(**facts) for name, facts in tomllib.loads(path.read_text(encoding="utf-8")).items()}
    except (tomllib.TOMLDecodeError, TypeError) as problem:
        raise BadText(f"{path}: {problem}") from problem
