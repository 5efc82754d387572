"""How the UNDP registry writes serial numbers, and how we write our reference into its remarks.

A block is `CA0NNN-NG-XX-1-51-300-2023`: credit identifier, country, first transferring party, project, first and
last number, vintage. Numbers run per project over all vintages, so the first four parts are the number space.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from app.registry.ports import SerialBlock

CODE = "undp"  # of this registry in our tables

_SERIAL = re.compile(r"([A-Z0-9]{1,12}-([A-Z]{2})-[A-Z]{2}-([0-9]{1,9}))-([0-9]{1,15})-([0-9]{1,15})-([0-9]{4})")
_REFERENCE = re.compile(r"[A-Z0-9-]{1,32}")
_MARK = re.compile(r"\[([A-Z0-9-]{1,32})/([1-9][0-9]{0,3})/([1-9][0-9]{0,14})\]")


@dataclass(frozen=True)
class Serial:
    """Consecutive units of one vintage in one number space, both ends included."""

    space: str
    first: int
    last: int
    vintage: int
    project_reference: str

    @classmethod
    def read(cls, text: object) -> Serial:
        """What the registry printed. Raises ValueError for anything else."""
        found = _SERIAL.fullmatch(text) if isinstance(text, str) else None
        if found is None or int(found[4]) > int(found[5]):
            raise ValueError(f"not a serial number of this registry: {str(text)[:80]!r}")
        return cls(found[1], int(found[4]), int(found[5]), int(found[6]), f"{found[2]}-{int(found[3])}")

    @property
    def units(self) -> int:
        """How many units (tonnes) it covers."""
        return self.last - self.first + 1

    @property
    def block_id(self) -> str:
        """The registry's name of the block: it stays while the block's end shrinks."""
        return f"{self.space}-{self.first}"

    def as_block(self) -> SerialBlock:
        """The same as our books keep it; its ends are printed as the registry prints a block of one unit."""
        first, last = (f"{self.space}-{number}-{number}-{self.vintage}" for number in (self.first, self.last))
        return SerialBlock(f"{CODE}:{self.space}", self.first, self.last, first, last)


@dataclass(frozen=True)
class Mark:
    """Our words in a remark: the `number`-th part of a cancellation of `total` units under one reference.

    Remarks are public, so there is nothing else in them.
    """

    reference: str
    number: int
    total: int

    @classmethod
    def read(cls, remarks: object) -> Mark | None:
        """The mark in a remark; None where there is none of ours."""
        found = _MARK.search(remarks) if isinstance(remarks, str) else None
        return None if found is None else cls(found[1], int(found[2]), int(found[3]))

    def __str__(self) -> str:
        return f"[{self.reference}/{self.number}/{self.total}]"


def is_writable(reference: str) -> bool:
    """Whether a reference may stand in a remark and in a search for it: wildcards and apostrophes may not."""
    return _REFERENCE.fullmatch(reference) is not None


def pattern_of(reference: str) -> str:
    """What finds every part of a reference, and of no other: the bracket and the slash delimit it."""
    return f"%[{reference}/%"
