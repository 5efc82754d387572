"""A stand-in for ClamAV's daemon: speaks PING and INSTREAM as clamd(8) does, and knows the one harmless virus."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

# The test file of eicar.org, in two parts, so that no scanner takes this file for it.
EICAR = (r"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*").encode()


@dataclass
class ClamdStandIn:
    """Answers at `address`; `answer` replaces what it would say, empty hangs up; `scanned` is what it was given."""

    address: str
    answer: bytes | None = None
    scanned: list[bytes] = field(default_factory=list)

    def reply(self, connection: socket.socket) -> None:
        """Answer one command, as the daemon does, and hang up."""
        with connection, connection.makefile("rb") as stream:
            command = b""
            while not command.endswith(b"\0"):
                command += stream.read(1)
            said = b"UNKNOWN COMMAND\0"
            if command == b"zPING\0":
                said = b"PONG\0"
            elif command == b"zINSTREAM\0":
                content = b""
                while size := struct.unpack("!L", stream.read(4))[0]:
                    content += stream.read(size)
                self.scanned.append(content)
                said = b"stream: Eicar-Test-Signature FOUND\0" if EICAR in content else b"stream: OK\0"
            connection.sendall(said if self.answer is None else self.answer)


@contextmanager
def clamd(path: Path | None = None) -> Iterator[ClamdStandIn]:
    """One that listens on a socket at `path`, or on loopback."""
    with socket.socket(socket.AF_UNIX if path else socket.AF_INET) as listening:
        listening.bind(str(path) if path else ("127.0.0.1", 0))
        listening.listen()
        address = f"unix:{path}" if path else f"127.0.0.1:{listening.getsockname()[1]}"
        daemon = ClamdStandIn(address)

        def serve() -> None:
            while True:
                try:
                    connection, _peer = listening.accept()
                except OSError:
                    return
                daemon.reply(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield daemon
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(5)
