"""The private PostgreSQL server of the test suite keeps what tests rely on."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests.postgres import PrivateCluster, shared_cluster

SECONDS_UNTIL_THE_WATCHDOG_HAS_FINISHED = 30


@pytest.fixture(scope="module")
def cluster() -> Iterator[PrivateCluster]:
    with PrivateCluster.temporary() as running:
        yield running


def connect(url: str) -> closing[psycopg.Connection[tuple[object, ...]]]:
    return closing(psycopg.connect(url.replace("+psycopg", ""), autocommit=True))


def test_a_new_database_is_empty_and_reachable_by_its_address(cluster: PrivateCluster) -> None:
    url = cluster.create_database("reachable")

    assert url.startswith("postgresql+psycopg://")
    with connect(url) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("reachable",)
        assert connection.execute(
            "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"
        ).fetchone() == (0,)


def test_the_server_listens_on_loopback_only(cluster: PrivateCluster) -> None:
    with connect(cluster.create_database("loopback")) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("127.0.0.1",)


def test_a_stranger_on_the_machine_needs_the_password(cluster: PrivateCluster) -> None:
    url = cluster.create_database("guarded").replace(cluster.password, "a-guess")

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url.replace("+psycopg", ""))


def test_a_database_can_be_a_copy_of_another(cluster: PrivateCluster) -> None:
    with connect(cluster.create_database("original")) as connection:
        connection.execute("CREATE TABLE project AS SELECT 12 AS units")

    with connect(cluster.create_database("copy", template="original")) as connection:
        assert connection.execute("SELECT units FROM project").fetchone() == (12,)


def test_a_dropped_database_is_gone_even_while_somebody_uses_it(cluster: PrivateCluster) -> None:
    url = cluster.create_database("dropped")
    with connect(url):
        cluster.drop_database("dropped")

    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(url.replace("+psycopg", ""))


def test_commits_survive_a_killed_server_and_it_returns_under_the_same_address() -> None:
    with PrivateCluster.temporary() as cluster:
        url = cluster.create_database("survivor")
        with connect(url) as connection:
            connection.execute("CREATE TABLE paid AS SELECT 1 AS orders")
            cluster.kill()
            with pytest.raises(psycopg.OperationalError):
                connection.execute("SELECT 1")

        assert not cluster.is_running
        cluster.start()
        with connect(url) as connection:
            assert connection.execute("SELECT orders FROM paid").fetchone() == (1,)


def test_an_orderly_stop_can_be_followed_by_a_start() -> None:
    with PrivateCluster.temporary() as cluster:
        url = cluster.create_database("patient")
        cluster.stop()
        assert not cluster.is_running
        cluster.start()
        with connect(url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


def test_nothing_is_left_of_a_temporary_server() -> None:
    with PrivateCluster.temporary() as cluster:
        directory = cluster.directory
        assert directory.exists()

    assert not directory.exists()
    assert not cluster.is_running


def test_all_processes_testing_from_one_place_use_one_server(tmp_path: Path) -> None:
    ask = f"""
from pathlib import Path
from tests.postgres import shared_cluster
with shared_cluster(Path({str(tmp_path)!r})) as cluster:
    print(cluster.directory)
"""
    with shared_cluster(tmp_path) as mine:
        theirs = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)

        assert theirs.stdout.strip() == str(mine.directory)
        assert mine.is_running

    wait_until_gone(mine)


def test_a_shared_server_goes_away_when_its_user_is_killed(tmp_path: Path) -> None:
    use = f"""
from pathlib import Path
from tests.postgres import shared_cluster
import time
with shared_cluster(Path({str(tmp_path)!r})) as cluster:
    print(cluster.directory, cluster.port, cluster.password, flush=True)
    time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", use], stdout=subprocess.PIPE, text=True) as user:
        assert user.stdout is not None
        directory, port, password = user.stdout.readline().split()
        cluster = PrivateCluster(Path(directory), int(port), password)
        assert cluster.is_running
        user.kill()

    wait_until_gone(cluster)


def wait_until_gone(cluster: PrivateCluster) -> None:
    deadline = time.monotonic() + SECONDS_UNTIL_THE_WATCHDOG_HAS_FINISHED
    while cluster.directory.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not cluster.directory.exists()
    assert not cluster.is_running


def test_a_later_user_gets_a_new_server(tmp_path: Path) -> None:
    with shared_cluster(tmp_path) as first:
        pass
    with shared_cluster(tmp_path) as second:
        assert second.is_running
        with connect(second.create_database("later")) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)

    wait_until_gone(first)
    wait_until_gone(second)
