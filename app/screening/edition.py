"""What every sanctions list says in the end: entries with names, whatever the file looked like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Source(StrEnum):
    """Who publishes the lists that Tonne reads."""

    OFAC = "ofac"
    EU = "eu"
    UN = "un"


class EntryKind(StrEnum):
    """What is listed; ships and aircraft are `other`."""

    PERSON = "person"
    ENTITY = "entity"
    OTHER = "other"


@dataclass(frozen=True)
class Entry:
    """One listed person or entity. `names`: the primary one first, none empty; `facts` are for whoever looks."""

    reference: str
    kind: EntryKind
    names: tuple[str, ...]
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Edition:
    """A whole file. `published` is the day or instant as the file says it; empty where it says none."""

    published: str
    entries: tuple[Entry, ...]
