"""What participants' pages must know of projects, offers and wordings, which belong to packages above or beside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from flask import current_app


@dataclass(frozen=True)
class NamedProject:
    """A project as people name it."""

    id: int
    reference: str
    title: str


class Surroundings(Protocol):
    """Knows projects, what of them a participant has on sale, and which words nobody may use of units."""

    def find_project(self, reference: str) -> NamedProject | None:
        """The project with a reference such as IN-1514, or None."""
        ...

    def projects(self, ids: Iterable[int]) -> dict[int, NamedProject]:
        """Projects by id."""
        ...

    def on_sale(self, provider_id: int) -> Sequence[NamedProject]:
        """The projects of which a participant has units on sale, by title."""
        ...

    def note_sellers(self) -> None:
        """Let projects be found by the names that participants have now, in the caller's transaction."""
        ...

    def first_claim(self, text: str) -> str:
        """The first words of a text that claim what nobody may claim of units; empty for none."""
        ...


class ScannerSilent(Exception):
    """The scanner did not say whether a file is harmless; the reason, without anything of the file."""


class FileScanner(Protocol):
    """Knows files that harm whoever opens them."""

    @property
    def is_there(self) -> bool:
        """Whether files are scanned at all."""
        ...

    def found_in(self, content: bytes) -> str | None:
        """The name of what is known in a file, None for nothing. Raises ScannerSilent. Not inside a transaction."""
        ...

    def rehearse(self) -> None:
        """Ask whether it is there. Raises ScannerSilent."""
        ...


def current_scanner() -> FileScanner:
    """What this application was made with."""
    return cast(FileScanner, current_app.extensions["tonne.scanner"])


def current_surroundings() -> Surroundings:
    """What this application was made with."""
    return cast(Surroundings, current_app.extensions["tonne.surroundings"])
