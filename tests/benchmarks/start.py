"""Cold start beside the bare stack's: `make bench-start`.

From starting the process to the first complete list page, with files in the page cache and compiled modules on disk,
as after a restart. The product and the bare stack (`bare_start`: Flask, Flask-SQLAlchemy and Jinja2 with one list page
of the same queries) are started in turn by the same server with the same settings over the same database, which holds
the demonstration world. The clock decides; what the processes computed meanwhile is printed beside it, because it
moves less when the machine has other work.

Two more rows decide nothing: the bare stack with the libraries that the product loads for its list, and the product
when the first page is one behind the list, for which everything is loaded.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.processes import first_page, flask, settings_in, verdict, web
from tests.postgres import free_port

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "15"))
MOST = 1.6
TARGETS = {
    "product": ("wsgi:app", "/en/"),
    "bare": ("tests.benchmarks.bare_start:app", "/en/"),
    "bare with our libraries": ("tests.benchmarks.bare_with_libraries:app", "/en/"),
    "product, a page further on": ("wsgi:app", "/en/verify"),
}


def main() -> int:
    """Measure, print, and say by the exit code whether the ratio holds."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in TARGETS}
    with tempfile.TemporaryDirectory() as directory:
        environment = settings_in(Path(directory), free_port())
        flask(environment, "db", "upgrade")
        flask(environment, "demo", "load")
        for turn in range(ROUNDS + 1):
            for name, (target, path) in TARGETS.items():
                one = start(target, path, environment)
                if turn:  # the first only fills the page cache
                    taken[name].append(one)
    for name, pairs in taken.items():
        seconds, computed = zip(*pairs, strict=True)
        print(
            f"      {name:26} {statistics.median(seconds):.2f} s [{min(seconds):.2f} to {max(seconds):.2f}], "
            f"of which computing {statistics.median(computed):.2f} s [{min(computed):.2f} to {max(computed):.2f}]"
        )
    clock, work = (
        statistics.median(
            ours[kind] / theirs[kind] for ours, theirs in zip(taken["product"], taken["bare"], strict=True)
        )
        for kind in (0, 1)
    )
    print(f"      computing alone: {work:.2f}")
    return 0 if verdict("cold start / that of the bare stack", clock, MOST) else 1


def start(target: str, path: str, environment: dict[str, str]) -> tuple[float, float]:
    """Seconds until the first page, by the clock and of computing."""
    begun = time.monotonic()
    with web(target, environment | {"PORT": str(free_port())}) as server:
        page = first_page(server, path)
        seconds = time.monotonic() - begun
        assert b"</html>" in page[-20:], page[-200:]
        return seconds, server.cpu_seconds


if __name__ == "__main__":
    sys.exit(main())
