"""`python -m app.serving`: web server and worker together, for one machine.

It checks the settings and loads nothing else of the application, so the two processes start at once.
"""

from __future__ import annotations

import shlex
import sys

from honcho.manager import Manager

from app.config import BadSettings, Settings


def main() -> int:
    """Serve the marketplace and do what is due, until stopped or until one of the two ends.

    Gives the exit code of the process that ended first, or 2 for settings that cannot work.
    """
    try:
        settings = Settings.from_environment()
    except BadSettings as bad:
        sys.stderr.write("Tonne does not start with these settings:\n")
        sys.stderr.writelines(f"  {problem}\n" for problem in bad.problems)
        return 2
    manager = Manager()
    manager.add_process("web", shlex.join(web_command(settings)))
    manager.add_process("worker", shlex.join(worker_command()))
    manager.loop()
    return int(manager.returncode or 0)


def web_command(settings: Settings) -> list[str]:
    """The web server's command line: granian, WSGI, no PDF is ever drawn in it."""
    return [
        sys.executable,
        "-m",
        "granian",
        "--interface",
        "wsgi",
        "--host",
        settings.host,
        "--port",
        str(settings.port),
        "--workers",
        str(settings.web_workers),
        "--blocking-threads",
        str(settings.web_threads),
        "--no-ws",
        "--log-level",
        "warning",
        "wsgi:app",
    ]


def worker_command() -> list[str]:
    """The worker's command line."""
    return [sys.executable, "-m", "flask", "--app", "wsgi", "work", "forever"]


if __name__ == "__main__":
    sys.exit(main())
