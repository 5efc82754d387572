"""List and project page for a newcomer, beside a bare app on the same server: `make bench-pages`.

Four servers of the same kind (granian, one process, four threads), one after the other under load in
each round, so that only ratios inside one run count:

    hello    a bare Flask app that says hello
    bare     the same query and template, with nothing around them
    kept     the product, pages shared for 0.9 s between visitors without cookies
    cold     the product, every page drawn anew; once without cookies, once with a basket

A page must reach 0.5 of hello when kept, and 0.6 of bare when cold or with a basket.
"""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import requests

from tests.postgres import free_port

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
SECONDS = int(os.environ.get("BENCH_SECONDS", "4"))
CONNECTIONS = 8
PAGES = {"list": "/en/", "project": "/en/projects/KR-222"}
KEPT_SHARE, COLD_SHARE = 0.5, 0.6
SECRET = "for-this-benchmark-only-and-nothing-else"


def main() -> int:
    """Measure, print, and say by the exit code whether every ratio holds."""
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        environment = filled(environment_in(Path(directory)))
        bare = stack.enter_context(served("tests.benchmarks.bare:app", environment))
        kept = stack.enter_context(served("wsgi:app", environment))
        cold = stack.enter_context(served("wsgi:app", environment | {"PAGE_CACHE_MILLISECONDS": "0"}))
        return _measure(bare, kept, cold)


def _measure(bare: str, kept: str, cold: str) -> int:
    rates: dict[str, list[float]] = {}
    cookie = basket_cookie(cold)
    targets = {"hello": (f"{bare}/hello", "")}
    for name, path in PAGES.items():
        targets |= {
            f"{name} bare": (bare + path, ""),
            f"{name} kept": (kept + path, ""),
            f"{name} cold": (cold + path, ""),
            f"{name} basket": (cold + path, cookie),
            f"{name} bare basket": (bare + path, cookie),
        }
    for target, (address, sent) in targets.items():
        answer = requests.get(address, headers={"Cookie": sent} if sent else {}, timeout=30)
        assert answer.status_code == 200, (target, answer.status_code)
    for _round in range(ROUNDS):
        for target, (address, sent) in targets.items():
            rates.setdefault(target, []).append(rate(address, sent))
    for target, seen in rates.items():
        middle = statistics.median(seen)
        wait = CONNECTIONS * 1000 / middle
        print(f"{target:20} {middle:9.0f}/s   {wait:7.2f} ms   [{min(seen):.0f} to {max(seen):.0f}]")
    verdicts = [
        _verdict(rates, f"{name} {kind}", other, least)
        for name in PAGES
        for kind, other, least in (
            ("kept", "hello", KEPT_SHARE),
            ("cold", f"{name} bare", COLD_SHARE),
            ("basket", f"{name} bare basket", COLD_SHARE),
        )
    ]
    return 0 if all(verdicts) else 1


def _verdict(rates: dict[str, list[float]], target: str, other: str, least: float) -> bool:
    ratio = statistics.median(rates[target]) / statistics.median(rates[other])
    print(f"{target:14} / {other:20} {ratio:6.2f}   at least {least}: {'yes' if ratio >= least else 'NO'}")
    return ratio >= least


def rate(address: str, cookie: str = "", seconds: int = SECONDS) -> float:
    """Whole 200 answers a second, by wrk."""
    # Of 200,000 answers of granian a few take more than wrk's own two seconds: they are late, not wrong.
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "30s", address]
    if cookie:
        command[1:1] = ["-H", f"Cookie: {cookie}"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise RuntimeError(said)
    found = re.search(r"Requests/sec:\s+([0-9.]+)", said)
    assert found is not None, said
    return float(found[1])


def basket_cookie(address: str) -> str:
    """The cookie of a visitor who has three units of the project in the basket."""
    page = requests.get(address + PAGES["project"], timeout=30).text
    offer = re.search(r'name="offer_id" value="(\d+)"', page)
    assert offer is not None
    with requests.Session() as visitor:
        answer = visitor.post(f"{address}/en/basket/add", data={"offer_id": offer[1], "units": "3"}, timeout=30)
        assert answer.status_code == 200, answer.status_code
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in visitor.cookies)


def environment_in(directory: Path) -> dict[str, str]:
    """Settings of a copy whose database lies in `directory`."""
    return {
        "PATH": os.environ["PATH"],
        "ENVIRONMENT": "testing",
        "FLASK_APP": "wsgi.py",
        "INSTANCE_PATH": str(directory),
        "SECRET_KEY": SECRET,
        "TESTPAY_SECRET": SECRET,
        # One name for all, so that one basket's cookie is good at each.
        "PUBLIC_BASE_URL": "http://127.0.0.1:5000",
        "LOG_LEVEL": "INFO",
    }


def filled(environment: dict[str, str]) -> dict[str, str]:
    """The same settings, after the demonstration world was loaded."""
    for command in (["db", "upgrade"], ["demo", "load"]):
        subprocess.run(
            [sys.executable, "-m", "flask", *command],
            env=environment,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    return environment


@contextmanager
def served(target: str, environment: dict[str, str]) -> Iterator[str]:
    """A server of `target` on loopback, with its log in the air; gives its address."""
    port = free_port()
    command = [
        sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port),
        "--workers", "1", "--blocking-threads", "4", "--no-ws", "--log-level", "warning", target,
    ]  # fmt: skip
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            address = f"http://127.0.0.1:{port}"
            for _try in range(300):
                try:
                    requests.get(f"{address}/en/", timeout=10)
                    break
                except requests.ConnectionError:
                    time.sleep(0.1)
            yield address
        finally:
            process.terminate()


if __name__ == "__main__":
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing: make bench-pages installs it")
    sys.exit(main())
