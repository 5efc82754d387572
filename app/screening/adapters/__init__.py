"""Reading the files of each source, in the forms in which it publishes them."""

from __future__ import annotations

from app.screening.edition import Edition, Source


def read_list(source: Source, content: bytes, aliases: bytes = b"") -> Edition:
    """An edition from its file; `aliases` is the second file of OFAC's CSV form. Raises ListRefused."""
    from app.screening.adapters import eu, ofac, un  # noqa: PLC0415 - XML takes 1 MB of a process, with its first file

    return {Source.OFAC: ofac.read, Source.EU: eu.read, Source.UN: un.read}[source](content, aliases)
