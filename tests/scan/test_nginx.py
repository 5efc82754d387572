"""The documented reverse proxy, really run with TLS in front of the real web server: what both answer together."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.kernel.clock import SystemClock
from tests.behind_a_socket import wait_for, web_server
from tests.conftest import ROOT
from tests.postgres import free_port

NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
SMUGGLED = b"GET /health/live HTTP/1.1\r\nHost: tonne.example\r\n\r\n"


@dataclass(frozen=True)
class Proxy:
    """nginx on loopback, with the certificate that it shows."""

    port: int
    plain_port: int
    certificate: Path

    def say(self, request: bytes, *, tls: bool = True, **changes: object) -> bytes:
        """Everything that comes back on one connection until it is closed or silent."""
        port = self.port if tls else self.plain_port
        with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
            if not tls:
                return _exchange(plain, request)
            context = ssl.create_default_context(cafile=str(self.certificate))
            for name, value in changes.items():
                context.set_ciphers(str(value)) if name == "ciphers" else setattr(context, name, value)
            with context.wrap_socket(plain, server_hostname="tonne.example") as sealed:
                return _exchange(sealed, request)

    def get(self, path: str, *, tls: bool = True) -> bytes:
        """The answer to a plain question."""
        return self.say(f"GET {path} HTTP/1.1\r\nHost: tonne.example\r\nConnection: close\r\n\r\n".encode(), tls=tls)


def _exchange(connection: socket.socket, request: bytes) -> bytes:
    connection.settimeout(30)
    connection.sendall(request)
    answer = b""
    try:
        while part := connection.recv(65_536):
            answer += part
            connection.settimeout(1)
    except (TimeoutError, ConnectionResetError):
        pass
    return answer


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("nginx")


@pytest.fixture(scope="module")
def web_socket(directory: Path) -> Iterator[Path]:
    """The product's web server, which believes its proxy."""
    with web_server(directory, TRUSTED_PROXIES="1") as path:
        yield path


@pytest.fixture(scope="module")
def proxy(directory: Path, web_socket: Path) -> Iterator[Proxy]:
    """nginx with docs/nginx, in which only ports and paths are other ones."""
    port, plain_port = free_port(), free_port()
    _make_certificate(directory)
    site = (ROOT / "docs/nginx/tonne.conf").read_text()
    for there, here in (
        ("unix:/run/tonne/web.sock", f"unix:{web_socket}"), ("listen 443", f"listen 127.0.0.1:{port}"),
        ("    listen [::]:443 ssl http2;\n", ""), ("listen 80;", f"listen 127.0.0.1:{plain_port};"),
        ("    listen [::]:80;\n", ""), ("/etc/letsencrypt/live/tonne.example", str(directory)),
        ("/etc/nginx/tonne-proxy.conf", str(ROOT / "docs/nginx/tonne-proxy.conf")),
        ("/var/log/nginx", str(directory)),
    ):  # fmt: skip
        assert there in site, there
        site = site.replace(there, here)
    (directory / "nginx.conf").write_text(
        f"daemon off; pid {directory}/pid; error_log {directory}/error.log;\nevents {{}}\n"
        f"http {{\nclient_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;\n"
        f"fastcgi_temp_path {directory}/f; uwsgi_temp_path {directory}/u; scgi_temp_path {directory}/s;\n{site}}}\n"
    )
    command = [NGINX, "-c", str(directory / "nginx.conf"), "-p", str(directory)]
    tested = subprocess.run([*command, "-t"], capture_output=True, text=True, timeout=30, check=False)
    assert tested.returncode == 0, tested.stderr
    # Root's nginx would give its workers to nobody, who may not open the directory of the test.
    user = ["-g", "user root;"] if os.geteuid() == 0 else []
    server = subprocess.Popen([*command, *user], stdin=subprocess.DEVNULL)
    try:
        wait_for(lambda: _listens(port), server)
        yield Proxy(port, plain_port, directory / "fullchain.pem")
    finally:
        server.terminate()
        server.wait(30)


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def _make_certificate(directory: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tonne.example")])
    now = SystemClock().now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now.replace(year=now.year - 1, day=1))
        .not_valid_after(now.replace(year=now.year + 1, day=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("tonne.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (directory / "fullchain.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (directory / "privkey.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def test_pages_come_through_tls_and_the_socket_with_each_header_once(proxy: Proxy) -> None:
    answer = proxy.get("/health/live")

    assert answer.startswith(b"HTTP/1.1 200")
    for name in (b"strict-transport-security", b"x-content-type-options", b"content-security-policy"):
        assert answer.lower().count(name + b":") == 1


@pytest.mark.parametrize("question", ["GET /metrics", "POST /en/complaint"])
def test_what_the_proxy_answers_by_itself_has_the_strict_headers_too(proxy: Proxy, question: str) -> None:
    length = 0 if question.startswith("GET") else 99_000_000
    answer = proxy.say(f"{question} HTTP/1.1\r\nHost: tonne.example\r\nContent-Length: {length}\r\n\r\n".encode())

    assert answer.startswith((b"HTTP/1.1 404", b"HTTP/1.1 413"))
    assert b"\r\nServer: nginx\r\n" in answer
    assert b"\r\nStrict-Transport-Security: max-age=63072000; includeSubDomains\r\n" in answer
    assert b"\r\nX-Content-Type-Options: nosniff\r\n" in answer
    assert b"\r\nContent-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n" in answer


def test_people_are_led_to_https_and_programs_are_not(proxy: Proxy) -> None:
    page = proxy.get("/en/about", tls=False)
    assert page.startswith(b"HTTP/1.1 308")
    assert b"\r\nLocation: https://tonne.example/en/about\r\n" in page
    for path in ("/webhooks/stripe", "/en/register.json", "/en/register.csv"):
        assert proxy.get(path, tls=False).startswith(b"HTTP/1.1 404"), path


@pytest.mark.parametrize("cipher", ["AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA"])
def test_ciphers_without_forward_secrecy_or_authentication_are_refused(proxy: Proxy, cipher: str) -> None:
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        proxy.say(SMUGGLED, maximum_version=ssl.TLSVersion.TLSv1_2, ciphers=f"{cipher}:@SECLEVEL=0")


def test_older_tls_is_refused_and_1_2_and_1_3_are_taken(proxy: Proxy) -> None:
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        request = SMUGGLED.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        assert proxy.say(request, minimum_version=version, maximum_version=version).startswith(b"HTTP/1.1 200")
    with pytest.raises((ssl.SSLError, ConnectionResetError)), pytest.warns(DeprecationWarning, match="deprecated"):
        proxy.say(
            SMUGGLED, minimum_version=ssl.TLSVersion.TLSv1, maximum_version=ssl.TLSVersion.TLSv1_1,
            ciphers="ALL:@SECLEVEL=0",
        )  # fmt: skip


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5",
        b"Content-Length: 0\r\nContent-Length: 5",
        b"Content-Length: +5",
        b"Content-Length: 5, 5",
        b"Transfer-Encoding: xchunked",
        b"Transfer-Encoding: chunked, identity",
    ],
)
def test_a_message_whose_end_is_in_doubt_is_refused_before_the_product_sees_it(proxy: Proxy, headers: bytes) -> None:
    request = b"POST /webhooks/stripe HTTP/1.1\r\nHost: tonne.example\r\n" + headers + b"\r\n\r\n0\r\n\r\n" + SMUGGLED
    answer = proxy.say(request)

    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 501"))
    # One answer: what follows is not taken for a second request.
    assert answer.count(b"HTTP/1.1 ") == 1
