"""Web servers and workers in processes of their own, for benchmarks, and what the kernel knows of them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import NullPool, create_engine, text

from app.serving import ONE_HEAP
from tests.postgres import PrivateCluster, free_port

SECRET = "for-this-benchmark-only-and-nothing-else"
SECONDS_TO_START = 120
SECONDS_TO_END = 20
THREADS = 4
MEGABYTE = 1_000_000
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Running:
    """A process and its children. `address` is where a web server listens, without a slash at the end."""

    pid: int
    address: str = ""

    @property
    def family(self) -> list[int]:
        """The process and all that it started."""
        found = [self.pid]
        for pid in found:
            found += (int(child) for child in _read(pid, f"task/{pid}/children").split())
        return found

    @property
    def cpu_seconds(self) -> float:
        """What the family has computed so far, user and system."""
        # After the name in brackets, which may hold anything, come the state and then numbers.
        seconds = (_read(pid, "stat").rpartition(")")[2].split()[11:13] for pid in self.family)
        return sum(int(user) + int(system) for user, system in seconds) / _TICKS

    @property
    def most_memory(self) -> float:
        """The most that the largest process of the family has held so far, in megabytes of 1,000,000 bytes."""
        return max(_kibibytes(pid, "status", "VmHWM:") for pid in self.family) * 1024 / MEGABYTE


def _kibibytes(pid: int, file: str, name: str) -> int:
    return next(int(line.split()[1]) for line in _read(pid, file).splitlines() if line.startswith(name))


def _read(pid: int, file: str) -> str:
    return Path(f"/proc/{pid}/{file}").read_text()


def settings_in(directory: Path, port: int, url: str = "") -> dict[str, str]:
    """Settings of a copy whose files lie in `directory`, with the queue and the limits of a real one.

    Only the number of forms from one address is not limited: all buyers of a benchmark come from one.
    """
    return {
        "PATH": os.environ["PATH"],
        "ENVIRONMENT": "development",
        "FLASK_APP": "wsgi.py",
        "INSTANCE_PATH": str(directory),
        "DATABASE_URL": url or f"sqlite:///{directory}/tonne.sqlite",
        "SECRET_KEY": SECRET,
        "TESTPAY_SECRET": SECRET[::-1],
        "PORT": str(port),
        "PUBLIC_BASE_URL": f"http://127.0.0.1:{port}",
        "LIMIT_CHECKOUT": "1000000/minute",
        "LIMIT_FILES": "1000000/minute",
        "LIMIT_VERIFY": "1000000/minute",
        "LOG_LEVEL": "INFO",
    }


def flask(environment: Mapping[str, str], *command: str) -> None:
    """Run a command of the product. Raises CalledProcessError with what it wrote."""
    subprocess.run(
        [sys.executable, "-m", "flask", *command], env=dict(environment), check=True, capture_output=True, text=True
    )


@contextmanager
def web(target: str, environment: Mapping[str, str], *, workers: int = 1, server: str = "granian") -> Iterator[Running]:
    """A web server of `target` as `app.serving` would start it, on loopback; it may still be starting.

    `server` may be gunicorn, with one request at a time in each process: what peers were measured with.
    """
    port = int(environment.get("PORT", "0")) or free_port()
    options = {
        "granian": [
            "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port),
            "--blocking-threads", str(THREADS), "--no-ws",
        ],
        "gunicorn": ["--bind", f"127.0.0.1:{port}", "--worker-class", "sync"],
    }[server]  # fmt: skip
    common = ["--workers", str(workers), "--log-level", "warning", target]
    with _running([sys.executable, "-m", server, *options, *common], environment) as pid:
        yield Running(pid, f"http://127.0.0.1:{port}")


@contextmanager
def worker(target: str, environment: Mapping[str, str]) -> Iterator[Running]:
    """A worker of the application `target`, as `app.serving` would start it."""
    command = [sys.executable, "-m", "flask", "--app", target, "work", "forever"]
    with _running(command, environment) as pid:
        yield Running(pid)


@contextmanager
def _running(command: list[str], environment: Mapping[str, str]) -> Iterator[int]:
    with Path(environment["INSTANCE_PATH"], "benchmark.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            env=ONE_HEAP | dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def first_page(server: Running, path: str, pause: float = 0.005) -> bytes:
    """The first complete answer of a server that is just starting, asked for over and over.

    Raises AssertionError for anything but 200 and for a server that does not come up.
    """
    host, _, port = server.address.removeprefix("http://").partition(":")
    ends_at = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < ends_at:
        try:
            with closing(socket.create_connection((host, int(port)), timeout=SECONDS_TO_START)) as line:
                line.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
                answer = b"".join(iter(lambda: line.recv(65536), b""))
        except OSError:
            answer = b""
        if answer:
            assert answer.startswith(b"HTTP/1.1 200"), answer[:500]
            return answer
        time.sleep(pause)
    raise AssertionError(f"{server.address} does not answer")


@contextmanager
def postgresql() -> Iterator[str]:
    """The address of an empty database of a PostgreSQL that waits for the disk as in real life."""
    with PrivateCluster.temporary() as cluster:
        url = cluster.create_database("benchmark")
        engine = create_engine(url, poolclass=NullPool)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            # The servers of tests do without.
            connection.execute(text("ALTER SYSTEM SET fsync = on"))
            connection.execute(text("ALTER SYSTEM SET full_page_writes = on"))
            connection.execute(text("SELECT pg_reload_conf()"))
        yield url


def verdict(what: str, measured: float, bound: float, *, at_least: bool = False, digits: int = 2) -> bool:
    """Print one figure beside its threshold, and say whether it holds."""
    holds = measured >= bound if at_least else measured <= bound
    kind = "at least" if at_least else "at most"
    print(f"{'PASS' if holds else 'FAIL'}  {what}: {measured:,.{digits}f}, {kind} {bound:,.{digits}f}")
    return holds
