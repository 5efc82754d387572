"""Addresses of mail, read as people write them."""

from __future__ import annotations

import re

from app.kernel.text import clean_line

# RFC 5322 dot-atom on both sides; a sender is ours to choose, so it can be plain.
_ADDRESS = re.compile(r"[\w!#$%&'*+/=?^`{|}~.-]+@[A-Za-z0-9.-]+", re.ASCII)


def split_sender(text: str) -> tuple[str, str]:
    """Name and address of a sender such as `Tonne <no-reply@example.org>`; the name may be empty.

    More lenient than RFC 5322 about the name: a comma in it needs no quotes. Raises ValueError
    unless there is exactly one ASCII address.
    """
    name, bracket, rest = text.strip().rpartition("<")
    address = rest.removesuffix(">") if bracket else rest
    if not _ADDRESS.fullmatch(address) or (bracket and not rest.endswith(">")):
        raise ValueError("not one address")
    return clean_line(name).strip('"'), address
