"""A PostgreSQL server of our own for the tests: private, on loopback, gone when nobody uses it.

`shared_cluster(root)` starts one server for all the processes that test from the same `root`
(the workers of pytest-xdist, for example); `PrivateCluster.temporary()` gives a test one that it
may kill and start again. Nothing on the machine is touched: the data live in a directory below
the system's temporary one, the server listens on 127.0.0.1 on a free port, and PostgreSQL's own
service, if the machine runs one, is left alone.
"""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

USER = "tonne"
START_ATTEMPTS = 20
SECONDS_BETWEEN_ATTEMPTS = 0.5

# fsync guards against a power cut, which no test makes. synchronous_commit stays on: a server
# that is killed must still know every commit that it has confirmed.
CONFIGURATION = """
listen_addresses = '127.0.0.1'
unix_socket_directories = '{directory}'
max_connections = 200
fsync = off
full_page_writes = off
log_min_duration_statement = -1
timezone = 'UTC'
"""

# For thousands of small databases that live for a moment: to drop one, the server looks through all its buffers.
# Not for benchmarks, whose tables are large and want their statistics.
FOR_A_MOMENT = """
shared_buffers = 32MB
wal_level = minimal
max_wal_senders = 0
autovacuum = off
jit = off
"""


class PostgresUnavailableError(RuntimeError):
    """PostgreSQL is not installed, or its server would not start; the message says what it wrote."""


@dataclass
class PrivateCluster:
    """One PostgreSQL server with its data in `directory`."""

    directory: Path
    port: int = 0
    password: str = ""
    # Kept open: connecting costs as much as copying a database.
    _errands: psycopg.Connection[tuple[object, ...]] | None = field(default=None, init=False, repr=False)

    @classmethod
    @contextmanager
    def temporary(cls) -> Iterator[PrivateCluster]:
        """A running server for one test, removed afterwards whatever the test did to it."""
        cluster = cls.create()
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.remove()

    @classmethod
    def create(cls, parent: Path | None = None, *, configuration: str = "") -> PrivateCluster:
        """Lay out a new server in a new directory (below `parent`), configured further; it is not running yet.

        Raises PostgresUnavailableError when PostgreSQL is not installed.
        """
        directory = Path(tempfile.mkdtemp(prefix="tonne-postgres-", dir=parent))
        cluster = cls(directory, password=secrets.token_urlsafe(24))
        password_file = directory / "password"
        password_file.write_text(cluster.password)
        _give_to_server_user(directory, password_file)
        cluster._run(
            "initdb",
            f"--pgdata={cluster.data}",
            f"--username={USER}",
            f"--pwfile={password_file}",
            # Each test connects anew; the thousands of rounds of scram cost more than what it then asks.
            "--auth=md5",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        )
        with (cluster.data / "postgresql.conf").open("a") as file:
            file.write(CONFIGURATION.format(directory=directory) + configuration)
        return cluster

    @property
    def data(self) -> Path:
        """Where the server keeps its files."""
        return self.directory / "data"

    @property
    def is_running(self) -> bool:
        """Whether the server accepts connections."""
        try:
            with closing(self.connect("postgres")):
                return True
        except psycopg.OperationalError:
            return False

    def start(self) -> None:
        """Start the server, or start it again after `stop` or `kill`; it keeps its port.

        Returns when it accepts connections. Raises PostgresUnavailableError when it does not.
        """
        for _ in range(START_ATTEMPTS):
            port = self.port or free_port()
            try:
                self._run(
                    "pg_ctl",
                    "start",
                    "--wait",
                    "--silent",
                    f"--pgdata={self.data}",
                    f"--log={self.directory / 'log'}",
                    f"--options=-p {port}",
                )
            except PostgresUnavailableError:
                # Another program took the port first.
                time.sleep(SECONDS_BETWEEN_ATTEMPTS)
                continue
            self.port = port
            return
        raise PostgresUnavailableError((self.directory / "log").read_text()[-4000:])

    def stop(self) -> None:
        """Stop the server in an orderly way; connections are broken, commits are kept."""
        self.let_go()
        self._run("pg_ctl", "stop", "--wait", "--silent", "--mode=fast", f"--pgdata={self.data}")

    def kill(self) -> None:
        """End the server as a crash would: no goodbye, all its processes at once."""
        self.let_go()
        leader = self._leader()
        if leader is None:
            return
        processes = [leader, *_children(leader)]
        for process in processes:
            _signal(process, signal.SIGKILL)
        while not all(_is_gone(process) for process in processes):
            time.sleep(0.01)
        # A container whose first process buries nobody shows the dead leader for ever, and the next
        # start would take it for alive.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        (self.directory / f".s.PGSQL.{self.port}.lock").unlink(missing_ok=True)

    def remove(self) -> None:
        """End the server and delete everything it stored."""
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def create_database(self, name: str, *, template: str = "template0") -> str:
        """Make an empty database, or a copy of `template`; returns its address for DATABASE_URL."""
        # Copying files costs a server whose disk is memory less than writing all of them into its log.
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
        self._execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Remove a database, connections and all; nothing happens when there is none."""
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def url(self, name: str) -> str:
        """The address of a database of this server, as SQLAlchemy reads it."""
        return f"postgresql+psycopg://{USER}:{self.password}@127.0.0.1:{self.port}/{name}"

    def let_go(self) -> None:
        """Close the connection that is kept for making and dropping databases; the next errand opens another."""
        if self._errands is not None:
            self._errands.close()
            self._errands = None

    def _execute(self, statement: sql.Composed) -> None:
        self._errands = self._errands or self.connect("postgres")
        self._errands.execute(statement)

    def connect(self, name: str) -> psycopg.Connection[Any]:
        """A connection to a database, on which each statement is a transaction of its own."""
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user=USER,
            password=self.password,
            dbname=name,
            autocommit=True,
            connect_timeout=10,
        )

    def _leader(self) -> int | None:
        try:
            return int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        except FileNotFoundError:
            return None

    def _run(self, program: str, *arguments: str) -> None:
        command = [*_as_server_user(), str(_binary(program)), *arguments]
        # The server that pg_ctl leaves behind inherits its output, so a pipe would never close.
        with tempfile.TemporaryFile() as output:
            finished = subprocess.run(
                command, cwd="/", stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
            )
            if finished.returncode != 0:
                output.seek(0)
                said = output.read().decode(errors="replace")
                raise PostgresUnavailableError(f"{program} failed: {said}")


@contextmanager
def shared_cluster(root: Path, *, configuration: str = "") -> Iterator[PrivateCluster]:
    """The server that every process testing from `root` uses; the first one starts it, configured further.

    Each user holds a shared lock on a file beside the data. The kernel lets go of it however the
    process ends, and a watchdog that waits for the lock then removes the server.
    """
    with locked(root / "postgres.lock"):
        found = _join(root) or _found(root, configuration)
    cluster, hold = found
    try:
        yield cluster
    finally:
        cluster.let_go()
        os.close(hold)


def _found(root: Path, configuration: str) -> tuple[PrivateCluster, int]:
    cluster = PrivateCluster.create(configuration=configuration)
    cluster.start()
    hold = _hold(cluster.directory)
    _note(root).write_text(
        json.dumps({"directory": str(cluster.directory), "port": cluster.port, "password": cluster.password})
    )
    subprocess.run(
        ["setsid", "--fork", sys.executable, __file__, str(cluster.directory)],
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    return cluster, hold


def _join(root: Path) -> tuple[PrivateCluster, int] | None:
    if not _note(root).exists():
        return None
    note = json.loads(_note(root).read_text())
    cluster = PrivateCluster(Path(note["directory"]), note["port"], note["password"])
    try:
        hold = _hold(cluster.directory)
    except OSError:
        return None
    if not cluster.is_running:
        os.close(hold)
        return None
    return cluster, hold


def _hold(directory: Path) -> int:
    """Take part in the use of a server. Raises OSError when its watchdog is already removing it."""
    hold = os.open(directory / "in-use", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(hold, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        os.close(hold)
        raise
    return hold


def _note(root: Path) -> Path:
    return root / "postgres.json"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """What one process at a time does, of all that name this file."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def watch(directory: Path) -> None:
    """Wait until nobody uses the server in `directory`, then remove it."""
    with (directory / "in-use").open("r+") as hold:
        fcntl.flock(hold, fcntl.LOCK_EX)
        PrivateCluster(directory).remove()


def _binary(program: str) -> Path:
    # Debian keeps the server's programs out of PATH, one directory for each version.
    installed = sorted(
        Path("/usr/lib/postgresql").glob(f"*/bin/{program}"), key=lambda path: int(path.parts[4]), reverse=True
    )
    if installed:
        return installed[0]
    on_path = shutil.which(program)
    if on_path:
        return Path(on_path)
    raise PostgresUnavailableError(f"{program} was not found; `make test` installs PostgreSQL")


def _as_server_user() -> Sequence[str]:
    """PostgreSQL refuses to run as root, so root hands it to the user that Debian's package made."""
    if os.geteuid() != 0:
        return ()
    return ("setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--")


def _give_to_server_user(*paths: Path) -> None:
    if os.geteuid() != 0:
        return
    try:
        server_user = pwd.getpwnam("postgres")
    except KeyError:
        raise PostgresUnavailableError("there is no user postgres; `make test` installs PostgreSQL") from None
    for path in paths:
        os.chown(path, server_user.pw_uid, server_user.pw_gid)


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _children(process: int) -> list[int]:
    return [
        int(child)
        for listing in Path(f"/proc/{process}/task").glob("*/children")
        for child in listing.read_text().split()
    ]


def _signal(process: int, number: int) -> None:
    try:
        os.kill(process, number)
    except ProcessLookupError:
        return


def _is_gone(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


if __name__ == "__main__":
    watch(Path(sys.argv[1]))
