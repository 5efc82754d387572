"""The product's web server behind a Unix socket, as its unit starts it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.conftest import ROOT, SECRET

SECONDS_TO_START = 60
ALIVE = b"GET /health/live HTTP/1.1\r\nHost: tonne.example\r\nConnection: close\r\n\r\n"


@contextmanager
def web_server(directory: Path, **settings: str) -> Iterator[Path]:
    """The socket of a server of its own, whose data lie in `directory`; `settings` are added to its environment."""
    path = directory / "web.sock"
    environment = {
        "PATH": os.environ["PATH"], "ENVIRONMENT": "development", "INSTANCE_PATH": str(directory),
        "SECRET_KEY": SECRET, "SOCKET_PATH": str(path), "PUBLIC_BASE_URL": "https://tonne.example",
        "PAYMENT_GATEWAY": "stripe", "STRIPE_SECRET_KEY": "sk_test_1", "STRIPE_WEBHOOK_SECRETS": "whsec_1",
        "LOG_LEVEL": "ERROR", **settings,
    }  # fmt: skip
    server = subprocess.Popen(
        [sys.executable, "-m", "app.serving", "web"], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL
    )
    try:
        wait_for(lambda: _answers(path), server)
        yield path
    finally:
        server.terminate()
        with suppress(subprocess.TimeoutExpired):
            server.wait(10)
        server.kill()
        server.wait()


def wait_for(is_there: Callable[[], bool], server: subprocess.Popen[bytes]) -> None:
    """Wait until a server is there. Raises AssertionError when it ended or takes too long."""
    ends_at = time.monotonic() + SECONDS_TO_START
    while not is_there():
        assert server.poll() is None
        assert time.monotonic() < ends_at
        time.sleep(0.1)


def _answers(path: Path) -> bool:
    # The socket is made before the server's worker listens.
    with suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(str(path))
        connection.sendall(ALIVE)
        return connection.recv(12) == b"HTTP/1.1 200"
    return False
