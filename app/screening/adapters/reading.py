"""What the three readers share: safe XML, decoding, and entries that are checked as a whole."""

from __future__ import annotations

from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from app.kernel.text import clean_line
from app.screening.edition import Edition, Entry, EntryKind
from app.screening.errors import ListProblem, ListRefused

LONGEST_REFERENCE = 80
LONGEST_FACT = 300
MOST_PROBLEMS = 50


class Collector:
    """Gathers entries and problems of a file; gives an edition only if there was none of the latter."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._problems: list[ListProblem] = []
        self._seen: set[str] = set()

    def refuse(self, place: str, code: str) -> None:
        """Note what is wrong at a place."""
        self._problems.append(ListProblem(place, code))

    def add(self, place: str, reference: str, kind: EntryKind, names: list[str], facts: dict[str, str]) -> None:
        """Take an entry in; without a reference of its own or without a name it is a problem."""
        reference = clean_line(reference)
        kept = tuple(dict.fromkeys(filter(None, map(clean_line, names))))
        if not reference or len(reference) > LONGEST_REFERENCE:
            self.refuse(place, "reference_missing")
        elif reference in self._seen:
            self.refuse(place, "reference_repeated")
        elif not kept:
            self.refuse(place, "name_missing")
        else:
            cleaned = {key: clean_line(text)[:LONGEST_FACT] for key, text in facts.items() if text.strip()}
            self._entries.append(Entry(reference, kind, kept, cleaned))
        self._seen.add(reference)

    def edition(self, published: str, *, announced: int | None = None) -> Edition:
        """The edition. `announced` is how many entries the file itself says it has.

        Raises ListRefused with the first problems.
        """
        if not self._entries and not self._problems:
            self.refuse("file", "no_entries")
        if announced is not None and not self._problems and announced != len(self._entries):
            self.refuse("file", "incomplete")
        if self._problems:
            raise ListRefused(self._problems[:MOST_PROBLEMS])
        return Edition(clean_line(published), tuple(self._entries))


def root_of(content: bytes, expected: str) -> Element:
    """The root of an XML file without its namespaces. Raises ListRefused for anything else than `expected`."""
    try:
        root: Element = fromstring(content, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise ListRefused([ListProblem("file", "not_xml")]) from None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    if root.tag != expected:
        raise ListRefused([ListProblem("file", "other_format")])
    return root


def is_xml(content: bytes) -> bool:
    """Whether a file begins as XML does."""
    return content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def text_of(content: bytes) -> str:
    """A CSV file as text: UTF-8, or Latin-1 as older files are."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def said(element: Element, path: str) -> str:
    """The text at a path; empty if there is none."""
    return element.findtext(path) or ""


def all_said(element: Element, path: str) -> str:
    """Every text at a path, each once, separated by commas."""
    return ", ".join(dict.fromkeys(found.text.strip() for found in element.findall(path) if found.text))
