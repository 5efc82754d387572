"""Loading a CSV file: rehearsed first, then loaded whole and noted in the same transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import NoReturn

from app.audit.service import Actor, Subject, note_act
from app.catalog.cancellation_importer import import_cancellations
from app.catalog.importer import import_issuances, import_projects
from app.catalog.mechanisms import ensure_mechanisms
from app.current import settings
from app.kernel.csvtable import ImportReport, decode, nothing_more
from app.offers import search_index
from app.offers.importer import import_offers
from app.providers.importer import import_providers
from app.registry.adapters.batch import BatchRegistry
from app.registry.batch.statements import import_statements
from app.registry.ledger.importer import import_holdings
from app.registry.ports import current_registries

Then = Callable[[ImportReport], None]


class _Rehearsed(Exception):
    def __init__(self, report: ImportReport) -> None:
        self.report = report


def _offers(text: str, *, now: datetime, then: Then = nothing_more) -> ImportReport:
    holdings, currency = current_registries().holdings, settings().currency
    return import_offers(text, now=now, holdings=holdings, currency_code=currency, then=then)


def _providers(text: str, *, now: datetime, then: Then = nothing_more) -> ImportReport:
    report = import_providers(text, now=now, then=then)
    search_index.rename_sellers()
    return report


def _projects(text: str, *, now: datetime, then: Then = nothing_more) -> ImportReport:
    ensure_mechanisms()
    return import_projects(text, now=now, then=then)


def _statements(text: str, *, now: datetime, then: Then = nothing_more) -> ImportReport:
    return import_statements(text, now=now, registry_code=BatchRegistry.name, then=then)


IMPORTERS: dict[str, Callable[..., ImportReport]] = {
    "providers": _providers,
    "projects": _projects,
    "issuances": import_issuances,
    "cancellations": import_cancellations,
    "holdings": import_holdings,
    "statements": _statements,
    "offers": _offers,
}


def rehearse(what: str, raw: bytes, now: datetime) -> ImportReport:
    """What a file would change: it is loaded whole, and then all of it is undone.

    Raises ImportRefused with every problem of the file.
    """

    def undo(report: ImportReport) -> NoReturn:
        raise _Rehearsed(report)

    try:
        return IMPORTERS[what](decode(raw), now=now, then=undo)
    except _Rehearsed as rehearsed:
        return rehearsed.report


def load(what: str, name: str, raw: bytes, actor: Actor, now: datetime) -> ImportReport:
    """Load a file, and note who did with its name, hash and counts. Raises ImportRefused; nothing is changed then."""

    def note(report: ImportReport) -> None:
        facts = {
            "what": what,
            "file": name,
            "sha256": hashlib.sha256(raw).hexdigest(),
            "created": report.created,
            "updated": report.updated,
            "unchanged": report.unchanged,
        }
        note_act(actor, "file_imported", Subject("file", 0, name), at=now, facts=facts)

    return IMPORTERS[what](decode(raw), now=now, then=note)
