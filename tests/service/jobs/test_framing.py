"""The real web server, asked by a socket: where a request ends is never in doubt, whatever its headers say."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.behind_a_socket import web_server

HOST = b"Host: tonne.example\r\n"
SMUGGLED = b"GET /health/ready HTTP/1.1\r\n" + HOST + b"\r\n"


@pytest.fixture(scope="module")
def web_socket(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One web server behind a Unix socket, as its unit starts it."""
    directory = tmp_path_factory.mktemp("framing")
    shutil.copy(sqlite_template, directory / "tonne.sqlite")
    with web_server(directory) as path:
        yield path


def said(path: Path, request: bytes) -> bytes:
    """Everything that comes back until the connection is closed, or silent for a second after the first word."""
    answer = b""
    with suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect(str(path))
        connection.sendall(request)
        while part := connection.recv(65_536):
            answer += part
            connection.settimeout(1)
    return answer


def test_only_user_and_group_may_open_the_socket(web_socket: Path) -> None:
    assert web_socket.stat().st_mode & 0o777 == 0o660


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5",
        b"Content-Length: 0\r\nContent-Length: 5",
        b"Content-Length: +5",
        b"Content-Length: 0x5",
        b"Transfer-Encoding: xchunked",
        b"Transfer-Encoding: chunked, identity",
        b"Content-Length : 5",
        b"X: 1\r\n Content-Length: 5",
        b"X: a\x00b",
    ],
)
def test_a_request_whose_end_is_in_doubt_carries_no_second_one(web_socket: Path, headers: bytes) -> None:
    request = b"POST /health/live HTTP/1.1\r\n" + HOST + headers + b"\r\n\r\n0\r\n\r\n" + SMUGGLED
    answer = said(web_socket, request)

    # Both lengths: chunks count and the connection ends, as RFC 9112 section 6.3 has it. Everything else is refused.
    both = b"Content-Length: 5" in headers and b"Transfer-Encoding: chunked" in headers
    assert answer.startswith(b"HTTP/1.1 405" if both else b"HTTP/1.1 400")
    assert answer.count(b"HTTP/1.1 ") == 1
