"""The doctor: looks at everything this copy needs, and says of each what to do.

Each check stands alone: what one of them cannot look at is a problem of that one, and the others are
still looked at. None changes anything, and none says who anybody is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

from app.db import end_reading
from app.operations import check_books, check_machine, check_outside, check_tables
from app.operations.findings import Finding, problem
from app.operations.patient import Patient

log = logging.getLogger(__name__)

Check = Callable[[Patient], Iterator[Finding]]

# In this order: what comes first is the likeliest reason for what comes after.
CHECKS: dict[str, Check] = {
    "database": check_tables.database,
    "migrations": check_tables.migrations,
    "rights": check_tables.rights,
    "worker": check_tables.worker,
    "due": check_tables.due,
    "mail": check_outside.mail,
    "clock": check_tables.clock,
    "keys": check_machine.keys,
    "sealed": check_tables.sealed,
    "disk": check_machine.disk,
    "scanner": check_outside.scanner,
    "webhook": check_outside.webhook,
    "refunds": check_tables.refunds,
    "address": check_outside.address,
    "registry": check_outside.registry,
    "offers": check_tables.offers,
    "books": check_books.books,
    "disputes": check_books.disputes,
    "owed": check_books.owed,
    "demonstration": check_books.demonstration,
    "journal": check_books.journal,
    "fonts": check_machine.fonts,
    "sanctions": check_tables.sanctions,
    "translations": check_machine.translations,
    "static": check_machine.static_files,
    "people": check_tables.people,
}


def examine(patient: Patient) -> list[Finding]:
    """Everything, in the order of CHECKS."""
    return [finding for name, check in CHECKS.items() for finding in _look(name, check, patient)]


def _look(name: str, check: Check, patient: Patient) -> list[Finding]:
    try:
        return list(check(patient))
    except Exception as error:
        log.debug("a check failed", exc_info=True)
        return [problem(name, f"It could not be looked at ({type(error).__name__}): put right what stands above.")]
    finally:
        end_reading()
