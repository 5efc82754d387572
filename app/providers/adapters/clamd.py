"""ClamAV's daemon over a Unix socket or loopback: each file as a stream, nothing is written to disk.

The protocol is that of clamd(8): commands end with NUL when they begin with `z`; INSTREAM takes chunks of four
bytes of length and as many bytes, until a length of zero.
"""

from __future__ import annotations

import socket
import struct

from app.kernel.text import clean_line
from app.providers.ports import ScannerSilent

SECONDS_TO_ANSWER = 20.0
CHUNK = 65_536  # bytes
LONGEST_ANSWER = 4_096  # bytes
LONGEST_NAME = 80


class ClamdScanner:
    """`address` is `unix:/path` or `host:port`; `timeout` (seconds) bounds every answer."""

    def __init__(self, address: str, *, timeout: float = SECONDS_TO_ANSWER) -> None:
        self._address = address
        self._timeout = timeout

    @property
    def is_there(self) -> bool:
        """It scans."""
        return True

    def found_in(self, content: bytes) -> str | None:
        """The name of what clamd knows in a file, None for nothing. Raises ScannerSilent."""
        chunks = [content[start : start + CHUNK] for start in range(0, len(content), CHUNK)]
        stream = b"".join(struct.pack("!L", len(chunk)) + chunk for chunk in chunks)
        answer = self._ask(b"zINSTREAM\0" + stream + struct.pack("!L", 0))
        if answer == "stream: OK":
            return None
        if answer.startswith("stream: ") and answer.endswith(" FOUND"):
            return answer.removeprefix("stream: ").removesuffix(" FOUND")[:LONGEST_NAME]
        raise ScannerSilent(answer[:LONGEST_NAME] or "no answer")

    def rehearse(self) -> None:
        """Ask whether it is there. Raises ScannerSilent."""
        answer = self._ask(b"zPING\0")
        if answer != "PONG":
            raise ScannerSilent(answer[:LONGEST_NAME] or "no answer")

    def _ask(self, command: bytes) -> str:
        try:
            with self._connection() as connection:
                connection.sendall(command)
                answer = b""
                while not answer.endswith(b"\0") and len(answer) < LONGEST_ANSWER:
                    part = connection.recv(LONGEST_ANSWER)
                    if not part:
                        break
                    answer += part
        except OSError as error:
            raise ScannerSilent(type(error).__name__) from error
        return clean_line(answer.rstrip(b"\0").decode("utf-8", "replace"))

    def _connection(self) -> socket.socket:
        if not self._address.startswith("unix:"):
            host, _, port = self._address.rpartition(":")
            return socket.create_connection((host.strip("[]"), int(port)), timeout=self._timeout)
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(self._timeout)
        try:
            connection.connect(self._address.removeprefix("unix:"))
        except OSError:
            connection.close()
            raise
        return connection


class NoScanner:
    """Nobody scans here: the doctor says so."""

    @property
    def is_there(self) -> bool:
        """It does not scan."""
        return False

    def found_in(self, content: bytes) -> str | None:
        """Nothing, whatever it is."""
        return None

    def rehearse(self) -> None:
        """There is nobody to ask."""
