"""Lighthouse on list, project, checkout and order page: `make bench-pagespeed`.

The simulated phone on a slow line is Lighthouse's own default. Every page must reach 100 for
accessibility, best practices and search engines (private pages ask not to be found, so that figure is
printed and not judged there), and 98 for performance; the first load stays within the byte limits.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.benchmarks.pages import environment_in, filled, served

LIGHTHOUSE = Path(__file__).parent / "lighthouse" / "node_modules" / ".bin" / "lighthouse"
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --disable-background-networking "
    "--disable-component-update --disable-sync --no-first-run"
)
LEAST = {"performance": 98, "accessibility": 100, "best-practices": 100, "seo": 100}
MOST_BYTES = {"font": 100_000, "stylesheet": 30_000, "script": 30_000}
PRIVATE = {"basket", "checkout", "order"}


def main() -> int:
    """Measure, print, and say by the exit code whether everything holds."""
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        environment = filled(environment_in(Path(directory)))
        address = stack.enter_context(served("wsgi:app", environment))
        verdicts = [_page(name, address + path, cookie) for name, path, cookie in _pages(address, environment)]
    return 0 if all(verdicts) else 1


def _pages(address: str, environment: dict[str, str]) -> list[tuple[str, str, str]]:
    """(name, path, cookie) of each page, in the three languages for the list."""
    from tests.benchmarks.visitor import ordered  # noqa: PLC0415 - it starts an application

    cookie, order = ordered(address, environment)
    return [
        ("list", "/en/", ""),
        ("list fr", "/fr/", ""),
        ("project", "/en/projects/KR-222", ""),
        ("basket", "/en/basket", cookie),
        ("checkout", "/en/checkout", cookie),
        ("order", order, ""),
    ]


def _page(name: str, address: str, cookie: str) -> bool:
    report = _report(address, cookie)
    scores = {key: round(100 * report["categories"][key]["score"]) for key in LEAST}
    sent = dict.fromkeys(MOST_BYTES, 0)
    for item in report["audits"]["resource-summary"]["details"]["items"]:
        if item["resourceType"] in sent:
            sent[item["resourceType"]] = item["transferSize"]
    good = [scores[key] >= least or (key == "seo" and name in PRIVATE) for key, least in LEAST.items()]
    good += [sent[kind] <= most for kind, most in MOST_BYTES.items()]
    words = "  ".join(f"{key} {score}" for key, score in scores.items())
    weight = "  ".join(f"{kind} {size / 1000:.1f} kB" for kind, size in sent.items())
    print(f"{name:10} {words}   {weight}   {'yes' if all(good) else 'NO'}")
    for audit in report["audits"].values():
        if audit.get("score") is not None and audit["score"] < 0.9 and audit["scoreDisplayMode"] == "binary":
            print(f"           {audit['id']}: {audit['title']}")
    return all(good)


def _report(address: str, cookie: str) -> dict[str, Any]:
    command = [
        str(LIGHTHOUSE), address, "--quiet", "--output=json", "--output-path=stdout", f"--chrome-flags={FLAGS}",
        f"--only-categories={','.join(LEAST)}",
    ]  # fmt: skip
    if cookie:
        command.append(f"--extra-headers={json.dumps({'Cookie': cookie})}")
    environment = os.environ | {"CHROME_PATH": shutil.which("chromium") or ""}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    report: dict[str, Any] = json.loads(done.stdout)
    return report


if __name__ == "__main__":
    sys.exit(main())
