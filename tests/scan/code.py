"""Scanners that read: bandit, ruff S and semgrep over the code, pip-audit over what is pinned."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.scan.findings import Finding, Report

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / ".venv-scan" / "tools" / "bin"
RULES = "tests/scan/rules"
SECONDS = 900
# A silenced security rule whose line does not go on with the reason.
_SILENCED = re.compile(r"# noqa: S\d+(?:, \w+)*(?! - )[^\w,]", flags=re.MULTILINE)


def version_of(program: Path | str) -> str:
    """The version that a program names."""
    said = run([str(program), "--version"])
    return next((word.strip("v") for word in said.split() if word.strip("v")[:1].isdigit()), "?")


def run(command: list[str]) -> str:
    """What a program printed; its exit code means findings, which are read from the text."""
    environment = {
        **os.environ,
        "PATH": f"{TOOLS}:{os.environ['PATH']}",
        "SEMGREP_SEND_METRICS": "off",
        "SEMGREP_ENABLE_VERSION_CHECK": "0",
    }
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"not done after {SECONDS} s"
    return done.stdout or done.stderr


def rules() -> Report:
    """Each rule of ours fires on its bad sample and is silent on its good one."""
    said = json.loads(run([str(TOOLS / "semgrep"), "scan", "--test", "--json", RULES]))
    checks = [(name, check) for file in said["results"].values() for name, check in file["checks"].items()]
    missed = [Finding("rules", name, RULES) for name, check in checks if not check["passed"]]
    missed += [Finding("rules", "without a sample", path) for path in said.get("config_missing_tests", [])]
    return Report("rules", version_of(TOOLS / "semgrep"), f"{len(checks)} rules with samples", missed)


def semgrep() -> Report:
    """Our rules over code and templates."""
    said = json.loads(
        run([str(TOOLS / "semgrep"), "scan", "--config", RULES, "--json", "--quiet", "app", "templates", "migrations"])
    )
    found = [Finding("semgrep", row["check_id"].rpartition(".")[2], row["path"]) for row in said["results"]]
    found += [Finding("semgrep", "could not read", str(error.get("path"))) for error in said["errors"]]
    return Report("semgrep", version_of(TOOLS / "semgrep"), f"{len(said['paths']['scanned'])} files", found)


def bandit() -> Report:
    """Bandit over the product and its migrations, every severity and confidence."""
    said = json.loads(run([str(TOOLS / "bandit"), "--quiet", "--recursive", "--format", "json", "app", "migrations"]))
    found = [Finding("bandit", row["test_id"], row["filename"]) for row in said["results"]]
    found += [Finding("bandit", "could not read", row["filename"]) for row in said["errors"]]
    return Report("bandit", version_of(TOOLS / "bandit"), f"{said['metrics']['_totals']['loc']} lines", found)


def ruff() -> Report:
    """Ruff's security rules as `make lint` has them: what is silenced says why in its own line."""
    program = Path(sys.executable).with_name("ruff")
    said: list[dict[str, Any]] = json.loads(
        run([str(program), "check", "--select", "S", "--output-format", "json", "app", "tests", "migrations"])
    )
    found = [Finding("ruff", row["code"], str(Path(row["filename"]).relative_to(ROOT))) for row in said]
    for path in sorted(path for room in ("app", "migrations") for path in (ROOT / room).rglob("*.py")):
        silenced = _SILENCED.findall(path.read_text())
        found += [Finding("ruff", "silenced without a reason", str(path.relative_to(ROOT)))] * len(silenced)
    return Report("ruff", version_of(program), "app, tests, migrations", found)


def pip_audit() -> Report:
    """Known vulnerabilities of everything that is pinned; needs an index that knows of them."""
    program = TOOLS / "pip-audit"
    files = ["requirements.txt", "tests/requirements.txt"]
    command = [str(program), "--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off"]
    said = run([*command, *(word for file in files for word in ("--requirement", file))])
    version = version_of(program)
    try:
        rows = json.loads(said)["dependencies"]
    except json.JSONDecodeError:
        return Report("pip-audit", version, "nothing", not_run=f"no answer: {said.strip()[-160:]}")
    silent = [row["name"] for row in rows if "skip_reason" in row]
    found = [Finding("pip-audit", each["id"], row["name"]) for row in rows for each in row.get("vulns", [])]
    reason = f"the index knows nothing of {len(silent)} of {len(rows)} packages" if silent else ""
    return Report("pip-audit", version, f"{len(rows)} packages", found, reason)
