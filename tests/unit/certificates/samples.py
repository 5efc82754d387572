"""Certificate facts as they come out of a purchase, and PDFs read back."""

from __future__ import annotations

import io
import shutil
import subprocess
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pikepdf

from app.certificates.facts import SCHEMA
from app.certificates.ports import CertificateFacts, SerialRange, TransactionFacts


def at(second: int) -> datetime:
    """A second in the minute of the purchase."""
    return datetime(2026, 11, 22, 10, 36, second, tzinfo=UTC)


def serials(first: int, units: int, period: int = 1) -> SerialRange:
    """A range as the registry prints it."""
    last = first + units - 1
    return SerialRange(f"IN-5-{first}-{period}-{period}-0-1514", f"IN-5-{last}-{period}-{period}-0-1514", units)


TRANSACTION = TransactionFacts(
    identifier="TL-2026-000123",
    unit_type="CER",
    commitment_period=1,
    units=1514,
    ranges=(serials(197032979, 1514),),
    completed_at=at(31),
    monitoring_starts_on=date(2012, 6, 2),
    monitoring_ends_on=date(2012, 12, 31),
    holder="Andhra Wind Demonstration Seller",
    reference="TONNE-ABCDEFGHJKMNPQRSTVWXYZ",
)

SPECIMEN = CertificateFacts(
    schema=SCHEMA,
    number="TN12/2026",
    verification_code="7KMQ-2XHD-9PRT-VWXY-3456-BCDF",
    verify_url="https://tonne.example.org/verify/TN12-2026",
    order_reference="T-7KMQ-2XHD",
    beneficiary_name="Zoë Müller-Łukasiewicz",
    purpose="For our wedding on 12 December 2026",
    intent="contribution",
    country="CH",
    units=1514,
    unit_type="CER",
    mechanism="CDM",
    project_reference="1514",
    project_title="Bundled Wind Power Project in Tamil Nadu",
    project_kind="PA",
    project_type="Wind",
    project_url="https://cdm.unfccc.int/Projects/DB/view.html",
    host_parties=("IN", "GH"),
    methodologies="ACM0002; AMS-I.D.",
    transactions=(TRANSACTION,),
    registry_name="Tonne demonstration ledger",
    registry_of_record=False,
    operator_name="Tonne Demo",
    is_demonstration=True,
    placed_at=at(1),
    paid_at=at(14),
    sent_at=at(20),
    cancelled_at=at(31),
    issued_at=at(33),
)

REAL = replace(
    SPECIMEN,
    is_demonstration=False,
    registry_name="Example Registry Foundation",
    registry_of_record=True,
    operator_name="Cancellation Services Ltd",
)

PREVIEW = replace(
    SPECIMEN,
    number="",
    verification_code="",
    verify_url="",
    transactions=(replace(TRANSACTION, identifier="", ranges=(), completed_at=None, reference=""),),
    paid_at=None,
    sent_at=None,
    cancelled_at=None,
    issued_at=None,
)


BIDI_MARKS = "\u200e\u200f\u202a\u202b\u202c\u2066\u2067\u2068\u2069"


@dataclass(frozen=True)
class Drawn:
    """A PDF, and what a reader's programs make of it."""

    pdf: bytes
    path: Path

    def tool(self, *arguments: str) -> str:
        """What a poppler or qpdf command says about the file; `FILE` stands for its path."""
        command = [str(self.path) if argument == "FILE" else argument for argument in arguments]
        program = shutil.which(command[0])
        assert program, f"{command[0]} is missing: apt-get install poppler-utils qpdf"
        return subprocess.run([program, *command[1:]], check=True, capture_output=True, text=True).stdout

    @cached_property
    def page_texts(self) -> list[str]:
        """The text of each page in the order it was drawn, one space between words, without bidi marks."""
        pages = self.tool("pdftotext", "-raw", "FILE", "-").split("\f")[:-1]
        return [" ".join("".join(c for c in page if c not in BIDI_MARKS).split()) for page in pages]

    @property
    def text(self) -> str:
        """The text of all pages."""
        return " ".join(self.page_texts)

    @cached_property
    def structure(self) -> str:
        """The tag tree with its text. Slow: poppler reads the page anew for each element."""
        return self.tool("pdfinfo", "-struct-text", "FILE")

    def open(self) -> Any:
        """The file as pikepdf sees it."""
        return pikepdf.open(io.BytesIO(self.pdf))
