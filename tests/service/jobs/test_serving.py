"""One command serves the marketplace and does its work, or says everything that is wrong with its settings."""

from __future__ import annotations

import os
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from app import serving
from app.config import BadSettings, Settings
from tests.conftest import ROOT, SECRET

PATIENCE = 60  # seconds


def an_environment(directory: Path, port: int, **changes: str) -> dict[str, str]:
    """The settings of a copy that serves on a port, and nothing of the settings the tests run with."""
    names = ("PATH", "HOME", "LANG")
    return {name: os.environ[name] for name in names if name in os.environ} | {
        "ENVIRONMENT": "development",
        "INSTANCE_PATH": str(directory),
        "SECRET_KEY": SECRET,
        "TESTPAY_SECRET": SECRET[::-1],
        "PORT": str(port),
        "WEB_THREADS": "2",
        "LOG_LEVEL": "WARNING",
        **changes,
    }


@pytest.fixture
def port() -> Iterator[int]:
    """A port that somebody else has, for as long as the test runs."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


@pytest.fixture
def signals() -> Iterator[None]:
    """The manager of processes takes the signals for itself; the test runner wants them back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    """Whether a page can be had."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/en/", timeout=10) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def test_the_web_server_listens_where_the_settings_say_with_as_many_workers(tmp_path: Path) -> None:
    settings = Settings.from_environment(an_environment(tmp_path, 5123, HOST="127.0.0.7", WEB_WORKERS="3"))

    command = serving.web_command(settings)

    assert command[:3] == [sys.executable, "-m", "granian"]
    options = dict(zip(command[3:-2:2], command[4:-2:2], strict=False))
    assert (options["--host"], options["--port"]) == ("127.0.0.7", "5123")
    assert (options["--workers"], options["--blocking-threads"]) == ("3", "2")
    assert options["--interface"] == "wsgi"
    assert command[-1] == "wsgi:app"


def test_behind_a_proxy_it_listens_on_a_file_that_only_its_group_may_open(tmp_path: Path) -> None:
    production = {"PAYMENT_GATEWAY": "stripe", "STRIPE_SECRET_KEY": "sk_test_1", "STRIPE_WEBHOOK_SECRETS": "whsec_1"}
    environment = an_environment(tmp_path, 5123, SOCKET_PATH="/run/tonne/web.sock", **production)

    command = serving.web_command(Settings.from_environment(environment))

    assert "--host" not in command
    assert command[command.index("--uds") : command.index("--workers")] == [
        "--uds", "/run/tonne/web.sock", "--uds-permissions", "0660",
    ]  # fmt: skip


def test_the_test_gateway_needs_a_port_to_call(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="SOCKET_PATH is for a copy behind a proxy"):
        Settings.from_environment(an_environment(tmp_path, 5123, SOCKET_PATH="/run/tonne/web.sock"))


def test_the_worker_does_what_is_due_until_it_is_stopped() -> None:
    assert serving.worker_command()[1:] == ["-m", "flask", "--app", "wsgi", "work", "forever"]


UNREADABLE = {"PORT": "none", "ENVIRONMENT": "elsewhere", "LIMIT_VERIFY": "often"}
UNSAFE = {"SECRET_KEY": "short", "CURRENCY": "dollars", "TESTPAY_SECRET": "short"}


@pytest.mark.parametrize("wrong", [UNREADABLE, UNSAFE], ids=["unreadable", "unsafe"])
def test_settings_that_cannot_work_are_all_named_and_nothing_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], wrong: dict[str, str]
) -> None:
    for name, value in an_environment(tmp_path, 5000, **wrong).items():
        monkeypatch.setenv(name, value)

    with pytest.raises(SystemExit) as ended:
        runpy.run_path(serving.__file__, run_name="__main__")

    assert ended.value.code == 2
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "Tonne does not start with these settings:"
    assert {name for name in wrong if any(name in line for line in said[1:])} == set(wrong)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("command", "code"),
    [(["-m", "app.serving"], 2), (["-m", "flask", "--app", "wsgi", "work", "once"], 1)],
    ids=["serving", "flask"],
)
def test_no_command_starts_with_settings_that_cannot_work(tmp_path: Path, command: list[str], code: int) -> None:
    done = subprocess.run(
        [sys.executable, *command],
        check=False,
        cwd=ROOT,
        env=an_environment(tmp_path, 5000, **UNREADABLE),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )

    assert done.returncode == code
    assert {name for name in UNREADABLE if name in done.stderr} == set(UNREADABLE)
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_only_the_rooms_behind_the_list_find_wrong_ends_the_web_server_and_is_named(
    tmp_path: Path, sqlite_template: Path
) -> None:
    shutil.copy(sqlite_template, tmp_path / "tonne.sqlite")
    done = subprocess.run(
        [sys.executable, "-m", "app.serving", "web"],
        check=False,
        cwd=ROOT,
        env=an_environment(tmp_path, free_port(), LEGAL_TEXTS="/nowhere"),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )

    assert done.returncode == 1
    assert "LEGAL_TEXTS must be a directory of legal texts, and /nowhere is none" in done.stderr


def test_when_the_web_server_cannot_start_the_worker_stops_too_and_the_exit_code_says_so(
    tmp_path: Path, sqlite_template: Path, port: int, monkeypatch: pytest.MonkeyPatch, signals: None
) -> None:
    shutil.copy(sqlite_template, tmp_path / "tonne.sqlite")
    for name, value in an_environment(tmp_path, port).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(ROOT)

    assert serving.main() not in {0, 2}


def test_one_command_serves_pages_until_it_is_told_to_stop_and_leaves_nothing_running(
    tmp_path: Path, sqlite_template: Path
) -> None:
    shutil.copy(sqlite_template, tmp_path / "tonne.sqlite")
    port = free_port()
    with (tmp_path / "output").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.serving"],
            cwd=ROOT,
            env=an_environment(tmp_path, port),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        end = time.monotonic() + PATIENCE
        while not answers(port) and time.monotonic() < end:
            time.sleep(0.1)
        assert answers(port)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 128 + signal.SIGTERM
        assert not answers(port)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
