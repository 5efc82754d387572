"""Files that people hand in: told by their first bytes, never by their name or what the browser says."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass

from app.db import end_reading
from app.kernel.security_log import Event, Outcome, tell
from app.kernel.text import clean_line
from app.providers.errors import FileUnfit
from app.providers.ports import FileScanner, ScannerSilent

_log = logging.getLogger(__name__)

LARGEST_FILE = 5_000_000  # bytes
LONGEST_NAME = 120
# First bytes, media type, ending of the name.
_TYPES = (
    (b"%PDF-", "application/pdf", "pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png", "png"),
    (b"\xff\xd8\xff", "image/jpeg", "jpg"),
)


@dataclass(frozen=True)
class Upload:
    """A file that may be kept. `name` has no path, and the ending that its content has."""

    name: str
    media_type: str
    content: bytes

    @property
    def sha256(self) -> str:
        """The fingerprint of the content."""
        return hashlib.sha256(self.content).hexdigest()


def checked_upload(file_name: str, content: bytes) -> Upload:
    """A file that was handed in. Raises FileUnfit unless it is a PDF, PNG or JPEG of at most LARGEST_FILE bytes."""
    if not content:
        raise _unfit("empty")
    if len(content) > LARGEST_FILE:
        raise _unfit("too_large")
    for start, media_type, ending in _TYPES:
        if content.startswith(start):
            return Upload(_name(file_name, ending), media_type, content)
    raise _unfit("wrong_type")


def _unfit(problem: str) -> FileUnfit:
    tell(Event.UPLOAD, Outcome.REFUSED, reason=problem)
    return FileUnfit(problem=problem)


def harmless(upload: Upload, scanner: FileScanner) -> Upload:
    """The same file, when the scanner knows nothing in it. Raises FileUnfit: unscanned files are not kept either."""
    end_reading()
    try:
        found = scanner.found_in(upload.content)
    except ScannerSilent as silence:
        _log.error("file not scanned", extra={"facts": {"reason": str(silence)}})
        raise FileUnfit(problem="not_scanned") from silence
    if found is not None:
        _log.warning("file refused by the scanner", extra={"facts": {"found": found, "sha256": upload.sha256}})
        raise FileUnfit(problem="infected")
    return upload


def _name(file_name: str, ending: str) -> str:
    last = clean_line(file_name.replace("\\", "/").rpartition("/")[2])
    stem, dot, _other = last.rpartition(".")
    kept = (stem if dot else last).strip(". ")[:LONGEST_NAME]
    return f"{kept or 'document'}.{ending}"
