"""Mail for development: printed whole, links and all, and sent nowhere."""

from __future__ import annotations

from typing import TextIO

from app.kernel.text import clean_line
from app.notifications.ports import OutgoingMail

RULE = "-" * 72


class ConsoleMailer:
    """Writes each mail to a stream, as a person would read it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def send(self, mail: OutgoingMail) -> None:
        """Print the mail's text. One write, so that mails of several workers do not mix."""
        head = (
            ("From", mail.sender),
            ("To", mail.recipient),
            ("Subject", mail.subject),
            ("Message-ID", mail.message_id),
        )
        lines = [RULE, *(f"{name}: {clean_line(value)}" for name, value in head), "", mail.text.rstrip(), RULE, ""]
        self._stream.write("\n".join(lines))
        self._stream.flush()

    def rehearse(self) -> None:
        """Nothing can fail that would not be seen."""
