"""The shop as it runs for real: database, web server, workers. All of it can be killed, and comes back."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from pathlib import Path

from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import Engine, NullPool, create_engine

from app.config import Settings
from app.db import db
from app.factory import create_app
from app.serving import web_command
from tests.chaos.storm.books import Books
from tests.chaos.storm.clock import HouseClock
from tests.chaos.storm.volume import Volume
from tests.postgres import PrivateCluster

ROOT = Path(__file__).parents[3]
SECRET = "a-secret-of-tests-that-is-long-enough-0003"
SECONDS_TO_START = 240
ROLES = ("web", "worker")


class House:
    """One copy of the product over one database (`sqlite` or `postgresql`) in `directory`."""

    def __init__(self, directory: Path, kind: str, books: Books, clock: HouseClock, port: int) -> None:
        self.directory, self.kind, self.books, self.clock, self.port = directory, kind, books, clock, port
        self.is_away = False  # the database cannot be used: processes may end by themselves
        self._lock = threading.RLock()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        kill_left_behind(directory)
        self.volume = Volume(directory / "volume")
        self.cluster = self._a_cluster() if kind == "postgresql" else None
        self.instance = self.volume.path / "instance"
        self.instance.mkdir(exist_ok=True)

    def _a_cluster(self) -> PrivateCluster:
        kept = self.books.noted("cluster")
        if kept:
            cluster = PrivateCluster(Path(kept["directory"]), kept["port"], kept["password"])
            cluster.kill()
            cluster.start()
            return cluster
        cluster = PrivateCluster.create(self.volume.path)
        cluster.start()
        cluster.create_database("tonne")
        self.books.note(
            "cluster", {"directory": str(cluster.directory), "port": cluster.port, "password": cluster.password}
        )
        return cluster

    @property
    def url(self) -> str:
        """The shop's database."""
        return self.cluster.url("tonne") if self.cluster else f"sqlite:///{self.instance / 'tonne.sqlite'}"

    def connect(self, outside: dict[str, str]) -> None:
        """Say how the shop reaches everybody else, once they are there."""
        self._environment = {
            "ENVIRONMENT": "development",
            "INSTANCE_PATH": str(self.instance),
            "DATABASE_URL": self.url,
            "SECRET_KEY": SECRET,
            "TESTPAY_SECRET": SECRET[::-1],
            "PORT": str(self.port),
            "WEB_THREADS": "6",
            "LIMIT_CHECKOUT": "1000000/minute",
            "LOG_LEVEL": "ERROR",
            **outside,
        }
        self.engine: Engine = create_engine(self.url, poolclass=NullPool)

    def app(self) -> Flask:
        """The product in this process, to open the shop with."""
        return create_app(Settings.from_environment(self._environment), clock=self.clock)

    def migrate(self) -> None:
        """Make the tables."""
        with self.app().app_context():
            upgrade(directory=str(ROOT / "migrations"))
            db.session.remove()
            db.engine.dispose()

    # --- processes -----------------------------------------------------------------------------------

    def start(self) -> None:
        """Start web and worker, and wait until both are there."""
        self._register.unlink(missing_ok=True)
        with self._lock:
            for role in ROLES:
                self._start(role)
            self._wait_for_web()
        ends_at = time.monotonic() + SECONDS_TO_START
        while not self.workers():
            assert time.monotonic() < ends_at, f"no worker: {self.log('worker')}"
            time.sleep(0.05)

    def _start(self, role: str) -> None:
        settings = Settings.from_environment(self._environment)
        command = [sys.executable, "-m", "tests.chaos.storm.worker"]
        if role == "web":
            command = [*web_command(settings)[:-1], "tests.chaos.storm.web:app"]
        with (self.directory / f"{role}.log").open("ab") as log:
            self._processes[role] = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={
                    **os.environ, **self._environment, "CHAOS_ROLE": role, "CHAOS_WAITS": "real",
                    "CHAOS_DIRECTORY": str(self.directory),
                },
            )  # fmt: skip

    def _wait_for_web(self) -> None:
        ends_at = time.monotonic() + SECONDS_TO_START
        while self._processes["web"].poll() is None and not listens(self.port):
            assert time.monotonic() < ends_at, f"web does not answer: {self.log('web')}"
            time.sleep(0.05)

    def kill_web(self) -> None:
        """Kill the web server wherever it is, and start it again."""
        with self._lock:
            with suppress(ProcessLookupError):
                os.killpg(self._processes["web"].pid, signal.SIGKILL)
            self._processes["web"].wait(10)
            self.revive()

    def kill_a_worker(self, index: int) -> None:
        """Kill one of the workers wherever it is; its keeper sends another one."""
        workers = self.workers()
        with suppress(ProcessLookupError):
            os.killpg(workers[index % len(workers)], signal.SIGKILL)

    def workers(self) -> list[int]:
        """The worker processes."""
        with suppress(FileNotFoundError):
            return [int(word) for word in self._register.read_text().split()]
        return []

    @property
    def _register(self) -> Path:
        return self.directory / "workers"

    def order_to_die(self, role: str, point: str, nth: int) -> None:
        """Whoever reaches a point for the n-th time in a role dies there. A new order replaces the last one."""
        draft = self.directory / "draft.json"
        draft.write_text(json.dumps({"id": f"{time.monotonic_ns()}", "role": role, "point": point, "nth": nth}))
        draft.rename(self.directory / "armed.json")

    def take_back_orders(self) -> None:
        """Nobody has to die any more."""
        (self.directory / "armed.json").unlink(missing_ok=True)

    def revive(self) -> None:
        """Start again what is dead. Raises AssertionError for a process that was not killed and had what it needs."""
        with self._lock:
            for role in ROLES:
                process = self._processes[role]
                if process.poll() is None:
                    continue
                by_itself = process.returncode != -signal.SIGKILL
                assert self.is_away or not by_itself, f"{role} ended by itself: {self.log(role)}"
                self.books.count(f"{role} ended by itself" if by_itself else f"{role} killed")
                if role == "web":
                    _wait_for_silence(self.port)
                self._start(role)
                if role == "web":
                    self._wait_for_web()

    def stop(self) -> None:
        """End everything of the shop, in the hard way."""
        with self._lock:
            for process in self._processes.values():
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait(10)
            kill_left_behind(self.directory)
            self.engine.dispose()

    def log(self, role: str) -> str:
        """The last lines that a role wrote."""
        return (self.directory / f"{role}.log").read_text()[-4000:]

    # --- the database --------------------------------------------------------------------------------

    def break_database(self) -> None:
        """PostgreSQL ends as in a crash; of SQLite everybody who writes dies at once."""
        self.is_away = True
        if self.cluster:
            self.cluster.kill()
            return
        with self._lock:
            for worker in self.workers():
                with suppress(ProcessLookupError):
                    os.killpg(worker, signal.SIGKILL)
            with suppress(ProcessLookupError):
                os.killpg(self._processes["web"].pid, signal.SIGKILL)
            self._processes["web"].wait(10)

    def mend_database(self) -> None:
        """It comes back as it was."""
        if self.cluster and not self.cluster.is_running:
            self.cluster.kill()
            self.cluster.start()
        self.revive()
        self.is_away = False

    def every_process(self) -> list[int]:
        """Whoever writes to the volume."""
        found = processes_of(self.directory)
        if self.cluster:
            with suppress(FileNotFoundError, IndexError, ValueError):
                leader = int((self.cluster.data / "postmaster.pid").read_text().split("\n", 1)[0])
                found += [leader, *_children(leader)]
        return found


def processes_of(directory: Path) -> list[int]:
    """The processes that were started for this directory, whoever started them."""
    mark = f"CHAOS_DIRECTORY={directory}".encode()
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            with suppress(OSError):
                parts = (process / "environ").read_bytes().split(b"\0")
                if mark in parts and any(part.startswith(b"CHAOS_ROLE=") for part in parts):
                    found.append(int(process.name))
    return found


def kill_left_behind(directory: Path) -> None:
    """What an interrupted storm has left running."""
    for process in processes_of(directory):
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def _children(process: int) -> list[int]:
    return [
        int(child)
        for listing in Path(f"/proc/{process}/task").glob("*/children")
        for child in listing.read_text().split()
    ]


def listens(port: int) -> bool:
    """Whether somebody takes connections."""
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _wait_for_silence(port: int) -> None:
    ends_at = time.monotonic() + 10
    while listens(port):
        assert time.monotonic() < ends_at, "a dead web server still listens"
        time.sleep(0.02)
