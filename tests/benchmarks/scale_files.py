"""The whole register as a file, read from a web process of its own while its memory is watched."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from app.config import Settings
from app.serving import web_command
from tests.conftest import ROOT
from tests.postgres import free_port

MOST_ROWS = 200_000
WARM_UP = 5_000  # rows
MEGABYTES, SHARE = 30, 0.5
SECONDS_TO_START = 60


def read_file(environment: dict[str, str], size: int) -> list[str]:
    """Read the register as CSV and as JSON; what falls short: growing memory, or rows that come slower and slower."""
    failures = []
    with _web(environment) as (address, process):
        for form in ("csv", "json"):
            # What every process needs once is there before the memory counts.
            _read(f"{address}/en/register.{form}", WARM_UP)
            before = _megabytes(process)
            seconds = _read(f"{address}/en/register.{form}", MOST_ROWS)
            grown = _megabytes(process) - before
            rows = min(size, MOST_ROWS)
            half = len(seconds) // 2
            first, second = sum(seconds[:half]), sum(seconds[half:])
            ratio = first / second if second else 1.0
            holds = grown <= MEGABYTES and (ratio >= SHARE or rows < WARM_UP)
            print(
                f"register.{form}: {rows:,} rows, {rows / sum(seconds):,.0f}/s, the second half at {ratio:.2f};"
                f" web process {before:.0f} MB, grew by {grown:.0f} MB {'' if holds else 'FAIL'}",
                flush=True,
            )
            failures += [] if holds else [f"register.{form}: ratio {ratio:.2f}, grew by {grown:.0f} MB"]
    return failures


def _read(address: str, most: int) -> list[float]:
    """Seconds for each thousand lines, of at most so many lines."""
    taken, lines, begun = [], 0, time.perf_counter()
    with requests.get(address, stream=True, timeout=60) as answer:
        answer.raise_for_status()
        for piece in answer.iter_content(65_536):
            before, lines = lines, lines + piece.count(b"\n")
            if lines // 1_000 > before // 1_000:
                taken.append(time.perf_counter() - begun)
                begun = time.perf_counter()
            if lines >= most:
                break
    return taken or [time.perf_counter() - begun]


@contextmanager
def _web(environment: dict[str, str]) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A web process over a database; its address."""
    port = free_port()
    own = {**environment, "PORT": str(port), "ENVIRONMENT": "development", "WEB_THREADS": "2"}
    process = subprocess.Popen(
        web_command(Settings.from_environment(own)),
        cwd=ROOT,
        env={**os.environ, **own},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        ends_at = time.monotonic() + SECONDS_TO_START
        address = f"http://127.0.0.1:{port}"
        while not _answers(address):
            assert time.monotonic() < ends_at, "the web process does not answer"
            time.sleep(0.2)
        yield address, process
    finally:
        process.terminate()
        process.wait(20)


def _answers(address: str) -> bool:
    try:
        return requests.get(f"{address}/health/live", timeout=5).ok
    except requests.RequestException:
        return False


def _megabytes(process: subprocess.Popen[bytes]) -> float:
    """The most memory that the process and its children have ever had (resident)."""
    return sum(_most_resident(pid) for pid in (process.pid, *_children(process.pid))) / 1024


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _most_resident(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
