"""The facts a certificate states, and who turns them into a PDF."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol, cast

from flask import current_app


@dataclass(frozen=True)
class SerialRange:
    """First and last serial number as the registry prints them, and the units between."""

    first: str
    last: str
    units: int


@dataclass(frozen=True)
class TransactionFacts:
    """One registry transaction on a certificate: always of one commitment period, or of one vintage.

    `authorisation` is the host Party's word on the units, where their mechanism has such a thing.
    """

    identifier: str
    unit_type: str
    commitment_period: int | None
    units: int
    ranges: tuple[SerialRange, ...]
    completed_at: datetime | None  # None only in a preview
    monitoring_starts_on: date
    monitoring_ends_on: date
    holder: str  # legal name of the account holder who instructed the cancellation
    reference: str  # our stable reference in the registry
    # Certificates from before there was a second mechanism do not have them.
    vintage_year: int | None = None
    authorisation: str = ""


@dataclass(frozen=True)
class CertificateFacts:
    """Everything a certificate says, frozen at issue. Language-neutral: codes, numbers, instants.

    `host_parties` are ISO 3166-1 alpha-2 codes, `project_type` is the code of the catalogue,
    `intent` is `contribution` or `compensation`, `purpose_category` a code of `app/direct/purposes.py`;
    a direct cancellation was asked for at `placed_at` and never paid. `number` and `verification_code` are empty in a
    preview, and so are the transactions' identifiers, ranges and times.
    """

    schema: str
    number: str
    verification_code: str
    verify_url: str
    order_reference: str
    beneficiary_name: str
    purpose: str
    intent: str
    country: str
    units: int
    unit_type: str
    mechanism: str
    project_reference: str
    project_title: str
    project_kind: str
    project_type: str
    project_url: str
    host_parties: tuple[str, ...]
    methodologies: str
    transactions: tuple[TransactionFacts, ...]
    registry_name: str
    registry_of_record: bool
    operator_name: str
    is_demonstration: bool
    placed_at: datetime
    paid_at: datetime | None
    sent_at: datetime | None
    cancelled_at: datetime | None
    issued_at: datetime | None
    # Of a direct cancellation only; certificates from before there were any do not have them.
    purpose_category: str = ""
    scheme_name: str = ""

    @property
    def is_direct(self) -> bool:
        """Whether a holder cancelled own units, so that nobody paid for them here."""
        return bool(self.purpose_category)


@dataclass(frozen=True)
class SummaryFacts:
    """An order of several certificates on one page. Certificate facts in order of their lines."""

    order_reference: str
    certificates: tuple[CertificateFacts, ...]
    refunded_units: int
    operator_name: str
    is_demonstration: bool
    issued_at: datetime


@dataclass(frozen=True)
class CertificateDraft:
    """The facts of one certificate to be, with the rows it belongs to."""

    facts: CertificateFacts
    project_id: int
    beneficiary_id: int
    registry_code: str


class CertificateRenderer(Protocol):
    """Makes a PDF from plain facts. Called from the single-threaded worker only."""

    @property
    def version(self) -> str:
        """A name for how documents look: another one as soon as anything drawn could differ."""
        ...

    def certificate(self, facts: CertificateFacts, locale: str) -> bytes:
        """The A4 certificate in `locale` (en, fr or es), the same bytes for the same input."""
        ...

    def summary(self, facts: SummaryFacts, locale: str) -> bytes:
        """The A4 summary of an order in `locale`, the same bytes for the same input."""
        ...

    def warm_up(self) -> None:
        """Load what drawing needs, in the thread that will draw, before the first buyer waits for it."""
        ...

    def health(self) -> list[str]:
        """What is wrong with this machine's ability to draw, as sentences; empty when all is well."""
        ...


def current_renderer() -> CertificateRenderer:
    """The renderer this application was made with."""
    return cast(CertificateRenderer, current_app.extensions["tonne.renderer"])
