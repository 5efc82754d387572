"""A demonstration of its own for scanners: on loopback, on a free port, in a directory that is thrown away."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pyotp

from app.config import Settings
from app.serving import web_command
from tests.postgres import free_port

ROOT = Path(__file__).parents[2]
SECRET = "a-secret-of-scans-that-is-long-enough-00006"
# A scanner asks hundreds of times a minute; the limits have tests of their own.
LIMITS = (
    "LIMIT_CHECKOUT", "LIMIT_VERIFY", "LIMIT_RESEND", "LIMIT_FILES", "LIMIT_COMPLAINT", "LIMIT_SIGN_IN",
    "LIMIT_ACCOUNT_MAIL",
)  # fmt: skip
SECONDS_TO_START = 120
_KEY = re.compile(r"e-mail +(\S+)\n +password +(\S+)\n +second factor +(\S+)")
_TOKEN = re.compile(r'name="csrf_token"[^>]* value="([^"]+)"')


@dataclass(frozen=True)
class Site:
    """A running demonstration and the people to try it as."""

    address: str
    people: dict[str, tuple[str, str]]
    log: Path
    _cookies: dict[str, str] = field(default_factory=dict)

    def cookie_of(self, name: str) -> str:
        """Sign one of the people in, second factor and all; gives the session cookie as `name=value`."""
        # A code opens once: whoever asks again gets the same session.
        if name not in self._cookies:
            self._cookies[name] = self._signed_in(name)
        return self._cookies[name]

    def _signed_in(self, name: str) -> str:
        email = next(email for email in self.people if email.startswith(f"{name}@"))
        password, secret = self.people[email]
        with httpx.Client(base_url=self.address, timeout=30) as browser:
            page = browser.get("/en/account/sign-in")
            answer = browser.post(
                "/en/account/sign-in", data={"csrf_token": _token(page.text), "email": email, "password": password}
            )
            page = browser.get(answer.headers["Location"])
            code = pyotp.TOTP(secret).now()
            answer = browser.post(page.request.url.path, data={"csrf_token": _token(page.text), "code": code})
            assert answer.is_redirect, f"{email} was not let in: {answer.status_code}"
            return "; ".join(f"{name}={value}" for name, value in browser.cookies.items())


def _token(page: str) -> str:
    found = _TOKEN.search(page)
    assert found, "no form token on the page"
    return found[1]


@contextmanager
def demonstration() -> Iterator[Site]:
    """The demonstration world behind its web server, with every limit out of a scanner's way."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="tonne-scan-") as directory:
        settings = {
            "ENVIRONMENT": "development", "INSTANCE_PATH": directory, "SECRET_KEY": SECRET,
            "TESTPAY_SECRET": SECRET[::-1], "PORT": str(port), "PUBLIC_BASE_URL": f"http://127.0.0.1:{port}",
            "LOG_LEVEL": "WARNING", **dict.fromkeys(LIMITS, "1000000/minute"),
        }  # fmt: skip
        environment = {**os.environ, **settings, "FLASK_APP": "wsgi.py"}
        flask = [sys.executable, "-m", "flask"]
        for command in (["db", "upgrade"], ["demo", "load"]):
            subprocess.run([*flask, *command], cwd=ROOT, env=environment, check=True, capture_output=True, timeout=300)
        people = subprocess.run(
            [*flask, "demo", "people"],
            cwd=ROOT,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        ).stdout
        log = Path(directory) / "web.log"
        with log.open("ab") as written:
            command = web_command(Settings.from_environment(settings))
            server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=written, stderr=written)
        try:
            site = Site(
                settings["PUBLIC_BASE_URL"], {email: (word, totp) for email, word, totp in _KEY.findall(people)}, log
            )
            _wait_for(site.address, server)
            yield site
        finally:
            server.terminate()
            server.wait(30)


def _wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    ends_at = time.monotonic() + SECONDS_TO_START
    while True:
        try:
            httpx.get(f"{address}/health/live", timeout=5)
        except httpx.HTTPError:
            assert server.poll() is None, "the web server ended"
            assert time.monotonic() < ends_at, f"no answer after {SECONDS_TO_START} s"
            time.sleep(0.2)
        else:
            return
