"""`python -m tests.scan [tool …]`: run the scanners, print a table, exit 1 on what is neither mended nor explained."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from tests.scan import code, running
from tests.scan.findings import Report, needless, unexplained
from tests.scan.site import Site, demonstration

READING: dict[str, Callable[[], Report]] = {
    "rules": code.rules,
    "semgrep": code.semgrep,
    "bandit": code.bandit,
    "ruff": code.ruff,
    "pip-audit": code.pip_audit,
}
TRYING: dict[str, Callable[[Site], Report]] = {"sqlmap": running.sqlmap, "wapiti": running.wapiti}


def main(names: list[str]) -> int:
    """Run the named tools, or all; gives 0 when every finding of those that ran is explained."""
    unknown = set(names) - {*READING, *TRYING}
    if unknown:
        sys.exit(f"There is no {', '.join(sorted(unknown))}; there are {', '.join([*READING, *TRYING])}.")
    print(f"{datetime.now(UTC):%Y-%m-%d}, seconds, tool, version, what was looked at, findings, of them unexplained")
    wanted = names or [*READING, *TRYING]
    # Lists, not generators: a tool that finds something does not keep the next one from looking.
    answers = [_told(READING[name]) for name in wanted if name in READING]
    trying = [name for name in wanted if name in TRYING]
    if trying:
        with demonstration() as site:
            answers += [_told(partial(TRYING[name], site)) for name in trying]
            errors = site.log.read_text().count('"level": "ERROR"')
        print(f"faults in the log of the site while it was tried: {errors}")
        answers.append(errors == 0)
    print("PASS" if all(answers) else "FAIL")
    return 0 if all(answers) else 1


def _told(tool: Callable[[], Report]) -> bool:
    started = time.monotonic()
    report = tool()
    left, old = unexplained(report), needless(report)
    print(
        f"{time.monotonic() - started:6.0f} s  {report.tool:10} {report.version:10} {report.looked_at:30} "
        f"{len(report.findings):3}  {left.total():3}  {report.not_run and 'NOT RUN: ' + report.not_run}",
        flush=True,
    )
    for finding, times in sorted(left.items()):
        print(f"    {times} × {finding.rule}: {finding.place}")
    for finding, times in sorted(old.items()):
        missed = ", which its time may not have sufficed for" if report.ends_by_time else ""
        print(f"    explained {times} × more often than found{missed}: {finding.rule}: {finding.place}")
    return not left and (not old or report.ends_by_time)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
