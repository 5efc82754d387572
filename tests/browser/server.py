"""A real copy of the product: the demonstration world, web server, worker and a mail server, on loopback.

`shared_shop(root)` starts one copy for all the processes that test from the same `root` (the
workers of pytest-xdist, for example), because loading the world takes seconds. It is kept by a
process of its own that ends it, whatever happened, once nobody holds the lock beside its data.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any
from uuid import uuid4

from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy import create_engine, text

from tests.postgres import free_port
from tests.smtp_sink import Sink, smtp_sink

ROOT = Path(__file__).parents[2]
SECRET = "a-secret-of-tests-that-is-long-enough-0003"
SECONDS_TO_START = 180
SECONDS_TO_STOP = 10
SECONDS_FOR_A_MAIL = 30
LIMITS = ("LIMIT_CHECKOUT", "LIMIT_VERIFY", "LIMIT_RESEND", "LIMIT_FILES", "LIMIT_SIGN_IN", "LIMIT_ACCOUNT_MAIL")


def text_of(mail: EmailMessage) -> str:
    """What a mail says, as plain text."""
    body = mail.get_body(("plain",))
    assert isinstance(body, EmailMessage)
    return str(body.get_content())


@dataclass(frozen=True)
class Shop:
    """A running copy at `address`, with its files in `directory`."""

    directory: Path

    @property
    def address(self) -> str:
        """Where its pages are, without a slash at the end."""
        return self.environment["PUBLIC_BASE_URL"]

    @property
    def environment(self) -> dict[str, str]:
        """The settings that it was started with."""
        return dict(json.loads((self.directory / "ready.json").read_text()))

    def ask(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        """Rows of its database, or what a change gives back."""
        engine = create_engine(self.environment["DATABASE_URL"])
        try:
            with engine.begin() as connection:
                return [tuple(row) for row in connection.execute(text(query), values)]
        finally:
            engine.dispose()

    def leave_units(self, reference: str, units: int) -> int:
        """Have the seller of a project's cheapest offer take back all but `units`; gives the offer's id."""
        ((offer_id,),) = self.ask(
            """UPDATE offer SET units_offered = units_reserved + units_settled + :units WHERE id =
            (SELECT o.id FROM offer o JOIN issuance i ON i.id = o.issuance_id JOIN project p ON p.id = i.project_id
             WHERE p.reference = :reference ORDER BY o.unit_price, o.id LIMIT 1) RETURNING id""",
            reference=reference,
            units=units,
        )
        return int(offer_id)

    def mails_to(self, recipient: str, least: int, about: str = "") -> list[EmailMessage]:
        """Mails that arrived for an address, in order; waits for so many, and for one about `about`."""
        ends_at = time.monotonic() + SECONDS_FOR_A_MAIL
        while True:
            read = [message_from_bytes(file.read_bytes(), policy=default) for file in sorted(self._mails.glob("*.eml"))]
            found = [mail for mail in read if mail["To"] == recipient]
            if len(found) >= least and any(about in text_of(mail) for mail in found):
                return found
            assert time.monotonic() < ends_at, f"{len(found)} mails for {recipient}, not {least} about {about!r}"
            time.sleep(0.2)

    def copy_world(self, directory: Path) -> Path:
        """A database file of one's own with the demonstration world, before anybody bought."""
        return Path(shutil.copy(self.directory / "world.sqlite", directory / "tonne.sqlite"))

    def log(self) -> str:
        """The last lines that web server and worker wrote."""
        return (self.directory / "serve.log").read_text()[-6000:]

    @property
    def _mails(self) -> Path:
        return self.directory / "mails"


@contextmanager
def shared_shop(root: Path) -> Iterator[Shop]:
    """The copy that every process testing from `root` uses; the first one starts it."""
    note = root / "shop.json"
    with (root / "shop.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if note.exists():
            directory = Path(json.loads(note.read_text()))
            hold = _hold(directory)
        else:
            directory = Path(tempfile.mkdtemp(prefix="tonne-shop-"))
            hold = _hold(directory)
            note.write_text(json.dumps(str(directory)))
            _start_keeper(directory)
        _wait_until_ready(directory)
    try:
        yield Shop(directory)
    finally:
        os.close(hold)


def _hold(directory: Path) -> int:
    # The kernel lets go of the lock however this process ends.
    hold = os.open(directory / "in-use", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(hold, fcntl.LOCK_SH | fcntl.LOCK_NB)
    return hold


def _start_keeper(directory: Path) -> None:
    with (directory / "keeper.log").open("ab") as log:
        subprocess.run(
            ["setsid", "--fork", sys.executable, "-m", "tests.browser.server", str(directory)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            check=True,
        )


def _wait_until_ready(directory: Path) -> None:
    ends_at = time.monotonic() + SECONDS_TO_START
    while not (directory / "ready.json").exists():
        wrote = "\n".join(file.read_text() for file in directory.glob("*.log"))
        assert not (directory / "failed").exists(), f"the shop did not start:\n{wrote}"
        assert time.monotonic() < ends_at, f"the shop is not ready after {SECONDS_TO_START} s:\n{wrote}"
        time.sleep(0.1)


# --- the keeper's own process --------------------------------------------------------------------------


@dataclass
class _FilingSink(Sink):
    """Keeps mails as files, for other processes to read."""

    directory: Path = Path()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - the library's name
        answer = await super().handle_DATA(server, session, envelope)
        draft = self.directory / f"{uuid4().hex}.draft"
        draft.write_bytes(envelope.original_content or b"")
        draft.rename(self.directory / f"{time.time_ns():020}-{uuid4().hex[:6]}.eml")
        return answer


def keep(directory: Path) -> None:
    """Start a copy in `directory`, and end it and delete its files when nobody holds it any more."""
    mails = directory / "mails"
    mails.mkdir()
    with smtp_sink(_FilingSink(directory=mails)) as sink:
        environment = _environment(directory, sink.port)
        server = None
        try:
            server = _serve(directory, environment)
            draft = directory / "draft.json"
            draft.write_text(json.dumps(environment))
            draft.rename(directory / "ready.json")
        except BaseException:
            (directory / "failed").touch()
            raise
        finally:
            with (directory / "in-use").open("r+") as hold:
                fcntl.flock(hold, fcntl.LOCK_EX)
            if server is not None:
                _stop(server)
            shutil.rmtree(directory, ignore_errors=True)


def _environment(directory: Path, smtp_port: int) -> dict[str, str]:
    port = free_port()
    return {
        "ENVIRONMENT": "development",
        "INSTANCE_PATH": str(directory),
        "DATABASE_URL": f"sqlite:///{directory / 'tonne.sqlite'}",
        "SECRET_KEY": SECRET,
        "TESTPAY_SECRET": SECRET[::-1],
        "PORT": str(port),
        "PUBLIC_BASE_URL": f"http://127.0.0.1:{port}",
        "MAIL_URL": f"smtp://127.0.0.1:{smtp_port}",
        "MAIL_FROM": "Tonne <no-reply@tonne.example>",
        "LOG_LEVEL": "WARNING",
        **dict.fromkeys(LIMITS, "100000/minute"),
    }


def _serve(directory: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    everything = {**os.environ, **environment, "FLASK_APP": "wsgi.py"}
    flask = [sys.executable, "-m", "flask"]
    for command in (["db", "upgrade"], ["demo", "load"]):
        subprocess.run([*flask, *command], cwd=ROOT, env=everything, stdin=subprocess.DEVNULL, check=True)
    _copy(directory / "tonne.sqlite", directory / "world.sqlite")
    with (directory / "serve.log").open("ab") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "app.serving"],
            cwd=ROOT,
            env=everything,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _wait_for_health(environment["PUBLIC_BASE_URL"], server)
    except BaseException:
        _stop(server)
        raise
    return server


def _copy(source: Path, target: Path) -> None:
    # The newest pages of a database may still be in its write-ahead log.
    with closing(sqlite3.connect(source)) as reading, closing(sqlite3.connect(target)) as writing:
        reading.backup(writing)


def _wait_for_health(address: str, server: subprocess.Popen[bytes]) -> None:
    ends_at = time.monotonic() + SECONDS_TO_START
    while True:
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=5):  # noqa: S310 - loopback
                return
        except OSError:
            if server.poll() is not None or time.monotonic() > ends_at:
                raise
            time.sleep(0.1)


def _stop(server: subprocess.Popen[bytes]) -> None:
    # honcho starts web and worker in sessions of their own and ends them when it is told to end.
    server.terminate()
    try:
        server.wait(SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
