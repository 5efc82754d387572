"""Reading the files of each source, in the forms in which it publishes them."""

from __future__ import annotations

from collections.abc import Callable

from app.screening.adapters import eu, ofac, un
from app.screening.edition import Edition, Source

_READERS: dict[Source, Callable[[bytes, bytes], Edition]] = {
    Source.OFAC: ofac.read,
    Source.EU: eu.read,
    Source.UN: un.read,
}


def read_list(source: Source, content: bytes, aliases: bytes = b"") -> Edition:
    """An edition from its file; `aliases` is the second file of OFAC's CSV form. Raises ListRefused."""
    return _READERS[source](content, aliases)
