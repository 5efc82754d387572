"""The Markdown of our texts: a small, strict part of it, turned into HTML that fits our pages.

Texts carry no HTML. Beyond paragraphs, lists, quotations, tables and links there is:

    ## Heading {#its-id}       each heading names its id, the same in every language
    {{ operator }}             a value, filled in when the page is shown
    {% example %}              a drawn part of the page, alone in its paragraph
    {.life}                    a class of ours for the block that follows

Whatever is not understood raises BadText: a slip of the writer is found by the tests, never by a reader.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

PLACEHOLDER = re.compile(r"\{\{ ([a-z_]+) \}\}")
PART = re.compile(r"\{% ([a-z_]+) %\}")
CLASSES = frozenset({"life", "say", "claims"})

_CLASS = re.compile(r"\{\.([a-z]+)\}")
_HEADING_ID = re.compile(r"\s*\{#([a-z0-9]+(?:-[a-z0-9]+)*)\}$")
_LINK = re.compile(r"https?://[^/\s]+|mailto:[^@\s]+@[^@\s]+$|/(?:[a-z]|$)|#[a-z]")
_STRAY = re.compile(r".{0,30}[{}].{0,30}")


class BadText(ValueError):
    """A text that cannot be shown as it is; says what is wrong with it."""


@dataclass(frozen=True)
class Heading:
    """A heading of the text: its level (2 or 3), the id that links lead to, and its words."""

    level: int
    id: str
    text: str


@dataclass(frozen=True)
class Rendered:
    """A text as HTML in which placeholders and parts are still to be filled in."""

    html: str
    headings: tuple[Heading, ...]
    links: tuple[str, ...]
    placeholders: frozenset[str]
    parts: frozenset[str]


class _Parser(MarkdownIt):
    def validateLink(self, url: str) -> bool:  # noqa: N802 - the library's name
        # The library would print a refused link as it stands; we raise instead, when we come to it.
        return True


def _parser() -> MarkdownIt:
    parser = _Parser("zero", {"html": False})
    return parser.enable(["heading", "list", "blockquote", "table", "emphasis", "link", "escape", "entity", "newline"])


_MARKDOWN = _parser()


def render(text: str, language: str) -> Rendered:
    """Turn a text of ours into HTML; `/about/claims` in it means the page in `language`.

    Raises BadText.
    """
    tokens = _place_blocks(_MARKDOWN.parse(text))
    headings = tuple(_headings(tokens))
    links = tuple(_links(tokens, language))
    _shape_tables(tokens)
    html = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
    if stray := _STRAY.search(PART.sub("", PLACEHOLDER.sub("", html))):
        raise BadText(f"a brace that means nothing: {stray[0]}")
    return Rendered(html, headings, links, frozenset(PLACEHOLDER.findall(html)), frozenset(PART.findall(html)))


def _place_blocks(tokens: Sequence[Token]) -> list[Token]:
    """Put parts in the place of their paragraphs, and classes on the blocks that follow."""
    placed: list[Token] = []
    waiting: str | None = None
    position = 0
    while position < len(tokens):
        token = tokens[position]
        content = tokens[position + 1].content if token.type == "paragraph_open" else ""
        if token.type == "paragraph_open" and PART.fullmatch(content):
            placed.append(Token("html_block", "", 0, content=content + "\n", block=True))
            position += 3
            continue
        if token.type == "paragraph_open" and (found := _CLASS.fullmatch(content)):
            if found[1] not in CLASSES:
                raise BadText(f"there is no class {found[1]}")
            waiting = found[1]
            position += 3
            continue
        if waiting:
            token.attrJoin("class", waiting)
            waiting = None
        placed.append(token)
        position += 1
    if waiting:
        raise BadText(f"nothing follows the class {waiting}")
    return placed


def _headings(tokens: Sequence[Token]) -> Iterator[Heading]:
    before = 1
    seen: set[str] = set()
    for opening, inline in pairwise(tokens):
        if opening.type != "heading_open":
            continue
        level = int(opening.tag[1])
        last = (inline.children or [])[-1:]
        found = _HEADING_ID.search(last[0].content) if last else None
        if not found:
            raise BadText(f"the heading {inline.content!r} has no id")
        last[0].content = last[0].content[: found.start()]
        if level not in {2, 3} or level > before + 1:
            raise BadText(f"the heading {found[1]} is of level {level} after level {before}")
        if found[1] in seen:
            raise BadText(f"two headings are called {found[1]}")
        if PLACEHOLDER.search(inline.content):
            raise BadText(f"the heading {found[1]} has a placeholder")
        seen.add(found[1])
        before = level
        opening.attrSet("id", found[1])
        yield Heading(level, found[1], _words(inline))


def _links(tokens: Sequence[Token], language: str) -> Iterator[str]:
    """Give every link its safe form; yields the address as the writer wrote it."""
    for token in (child for block in tokens for child in block.children or ()):
        if token.type != "link_open":
            continue
        address = str(token.attrs["href"])
        if not _LINK.match(address) or "%7B" in address:
            raise BadText(f"a link to {address!r}")
        if address.startswith("http"):
            token.attrSet("rel", "noopener noreferrer")
        elif address.startswith("/"):
            token.attrSet("href", f"/{language}{address}")
        yield address


def _shape_tables(tokens: Sequence[Token]) -> None:
    """Make tables ours: cards on narrow screens, a heading for each row, no style attributes."""
    names: list[str] = []
    column = 0
    is_head = False
    for position, token in enumerate(tokens):
        if token.type == "table_open":
            token.attrJoin("class", "cards")
            names = []
        elif token.type in {"thead_open", "tbody_open"}:
            is_head = token.type == "thead_open"
        elif token.type == "tr_open":
            column = 0
        elif token.type in {"th_open", "td_open"}:
            if token.attrs.pop("style", None):
                token.attrSet("class", "number")
            if is_head:
                token.attrSet("scope", "col")
                names.append(_words(tokens[position + 1]))
            else:
                token.attrSet("data-label", names[column])
                if column == 0:
                    token.tag = tokens[position + 2].tag = "th"
                    token.attrSet("scope", "row")
            column += 1


def _words(inline: Token) -> str:
    return "".join(child.content for child in inline.children or ()).strip()
