"""What stands behind the ports of participants: a scanner of files."""

from __future__ import annotations

from app.config import Settings
from app.providers.adapters.clamd import ClamdScanner, NoScanner
from app.providers.ports import FileScanner


def make_scanner(settings: Settings) -> FileScanner:
    """The scanner that CLAMD_ADDRESS names, or one that finds nothing."""
    return ClamdScanner(settings.clamd_address) if settings.clamd_address else NoScanner()
