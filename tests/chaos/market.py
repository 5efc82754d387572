"""The whole product as it runs for real: a web server, a worker, a database, a gateway, a mail server.

Web and worker are processes of their own with the command lines of `app.serving`. A test orders
one of them to die at a named point (`arm`) or kills it from outside (`kill`); `revive` starts what
is dead again, as `systemd` or a person would.
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import NullPool, create_engine

from app.config import Settings
from app.db import db
from app.factory import create_app
from app.fulfilment.process import collaborators
from app.serving import web_command, worker_command
from tests.builders import an_offer
from tests.chaos import audit
from tests.service.direct.asking import placed
from tests.smtp_sink import Sink

ROOT = Path(__file__).parents[2]
VICTIM = "tests.chaos.victim_wsgi"
ROLES = ("web", "worker")
SECRET = "a-secret-of-tests-that-is-long-enough-0002"
# Below the range from which outgoing connections get theirs, so that the port is still free when
# the server comes back.
LASTING_PORTS = range(20_000, 32_000)
SECONDS_TO_START = 40
SECONDS_TO_DIE = 10
SECONDS_TO_SETTLE = 60


@dataclass(frozen=True)
class Death:
    """How a process ended: the signal as a negative number, as `subprocess` reports it."""

    role: str
    pid: int
    returncode: int


@dataclass(frozen=True)
class Order:
    """The order to die at a point, for the n-th time that one role reaches it."""

    id: str
    role: str
    point: str
    nth: int = 1


class Market:
    """One copy of the product over one database, with offers of three projects.

    One that stands `beside` another is a second machine: its own processes, port and files, the same database.
    """

    def __init__(
        self,
        directory: Path,
        url: str,
        sink: Sink,
        *,
        waits: str = "short",
        mischief: str = "",
        web_workers: int = 1,
        beside: Market | None = None,
    ) -> None:
        self.directory, self.url, self.sink = directory, url, sink
        self.is_sound = True
        self.deaths: list[Death] = []
        self._orders = 0
        self._lock = threading.RLock()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._port = _lasting_port()
        self.address = f"http://127.0.0.1:{self._port}"
        self._environment = {
            "ENVIRONMENT": "development",
            "INSTANCE_PATH": str(directory),
            "DATABASE_URL": url,
            "SECRET_KEY": SECRET,
            "TESTPAY_SECRET": SECRET[::-1],
            "TESTPAY_MISCHIEF": mischief,
            "PORT": str(self._port),
            # Machines of one shop have one name, and cookies go by it.
            "PUBLIC_BASE_URL": beside.address if beside else self.address,
            "WEB_THREADS": "2",
            "WEB_WORKERS": str(web_workers),
            "MAIL_URL": f"smtp://127.0.0.1:{sink.port}",
            "MAIL_FROM": "Tonne <no-reply@tonne.example>",
            "LIMIT_CHECKOUT": "10000/minute",
            "LOG_LEVEL": "WARNING",
        }
        self._settings = Settings.from_environment(self._environment)
        self._victim = {
            **os.environ,
            **self._environment,
            "CHAOS_DIRECTORY": str(directory),
            "CHAOS_WAITS": waits,
        }
        self.engine = create_engine(url, poolclass=NullPool)
        self._projects = 0
        self.offers = beside.offers if beside else dict(self.new_offer() for _ in range(3))

    # --- what is for sale --------------------------------------------------------------------------

    def new_offer(self, *, units: int = 1_000, held: int | None = None) -> tuple[str, int]:
        """Offer units of one more project, of which the registry holds `held`; its reference, the offer's id."""
        self._projects += 1
        app = create_app(self._settings)
        with app.app_context():
            offer_id = an_offer(number=self._projects, units=units, held=held, price=150 + self._projects)
            db.session.remove()
            db.engine.dispose()
        return f"IN-{self._projects}", offer_id

    def cancel_directly(self, *, units: int) -> int:
        """Ask for units of the participant's own, of a project that is not for sale; gives its id."""
        _reference, offer_id = self.new_offer(units=1, held=units + 1)
        app = create_app(self._settings)
        with app.app_context():
            direct_id = placed(collaborators(app), offer_id, once=f"direct-{offer_id}", units=units)
            db.session.remove()
            db.engine.dispose()
        return direct_id

    # --- processes ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Start web and worker, and wait until the web server answers."""
        for role in ROLES:
            self._start(role)
        self._wait_for_web()

    def arm(self, role: str, point: str, nth: int = 1) -> Order:
        """Tell a role to die at a point. The order stands until it is carried out or taken back."""
        self._orders += 1
        order = Order(f"{self._orders}", role, point, nth)
        draft = self.directory / "draft.json"
        draft.write_text(json.dumps(order.__dict__))
        draft.rename(self._armed)
        return order

    def use_real_paper(self, wanted: bool) -> None:
        """Draw real PDFs from now on, or quick stand-ins. Without short waits they are always real."""
        marker = self.directory / "real-paper"
        if wanted:
            marker.touch()
        else:
            marker.unlink(missing_ok=True)

    def take_back(self) -> bool:
        """Withdraw an order that nobody carried out. False when there is none left."""
        try:
            self._armed.unlink()
        except FileNotFoundError:
            return False
        return True

    def is_fired(self, order: Order) -> bool:
        """Whether a process has carried out the order to die."""
        return (self.directory / f"fired-{order.id}.json").exists()

    def kill(self, role: str) -> None:
        """Kill a role and all its processes from outside, wherever they are."""
        with self._lock:
            process = self._processes[role]
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(SECONDS_TO_DIE)

    def revive(self) -> None:
        """Start again what has died. Raises AssertionError for a process that was not killed but failed."""
        with self._lock:
            dead = [role for role in ROLES if self._processes[role].poll() is not None]
            for role in dead:
                process = self._processes[role]
                death = Death(role, process.pid, process.returncode)
                assert death.returncode == -signal.SIGKILL, f"{role} ended by itself:\n{self.log(role)}"
                self.deaths.append(death)
                if role == "web":
                    self._wait_for_silence()
                self._start(role)
            if "web" in dead:
                self._wait_for_web()

    def wait_for(self, is_so: Callable[[], bool], seconds: float, what: str) -> None:
        """Wait until something is so, reviving the dead meanwhile."""
        ends_at = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < ends_at, f"not within {seconds} s: {what}\n{self.log('web')}{self.log('worker')}"
            self.revive()
            time.sleep(0.2)

    def settle(self, seconds: float = SECONDS_TO_SETTLE) -> None:
        """Wait until nothing is left to do for any paid order."""
        self.wait_for(lambda: not audit.unfinished(self.engine), seconds, "everything that was paid is finished")

    def stop(self) -> None:
        """End both processes."""
        for role, process in self._processes.items():
            if process.poll() is None:
                self.kill(role)
        self.engine.dispose()

    def log(self, role: str) -> str:
        """The last lines that a role wrote."""
        return (self.directory / f"{role}.log").read_text()[-6000:]

    @property
    def _armed(self) -> Path:
        return self.directory / "armed.json"

    def _start(self, role: str) -> None:
        if role == "web":
            command = [*web_command(self._settings)[:-1], f"{VICTIM}:app"]
        else:
            command = [VICTIM if word == "wsgi" else word for word in worker_command()]
        with (self.directory / f"{role}.log").open("ab") as log:
            self._processes[role] = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**self._victim, "CHAOS_ROLE": role},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _wait_for_web(self) -> None:
        process = self._processes["web"]
        ends_at = time.monotonic() + SECONDS_TO_START
        while process.poll() is None and not _listens(self._port):
            assert time.monotonic() < ends_at, f"web does not answer:\n{self.log('web')}"
            time.sleep(0.05)

    def _wait_for_silence(self) -> None:
        """The leader of the dead may be buried before its child has let go of the socket."""
        ends_at = time.monotonic() + SECONDS_TO_DIE
        while _listens(self._port):
            assert time.monotonic() < ends_at, "a dead web server still listens"
            time.sleep(0.02)


def _lasting_port() -> int:
    while True:
        port = random.choice(LASTING_PORTS)  # noqa: S311 - no secret: a seed repeats it
        if not _listens(port):
            return port


def _listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
