"""`python -m app.serving`: web server and worker together, for one machine; `… web` or `… worker`: one of them.

It checks the settings and loads nothing else of the application, so the two processes start at once.
"""

from __future__ import annotations

import os
import shlex
import sys

from honcho.manager import Manager

from app.config import BadSettings, Settings

# Threads of one interpreter take turns. With a heap for each, glibc keeps memory that none of them uses.
ONE_HEAP = {"MALLOC_ARENA_MAX": "1"}


def main(alone: str = "") -> int:
    """Serve the marketplace and do what is due, until stopped or until one of the two ends.

    `alone` is `web` or `worker`: this process becomes that one and starts no other.
    Gives the exit code of the process that ended first, or 2 for settings that cannot work.
    """
    try:
        settings = Settings.from_environment()
    except BadSettings as bad:
        sys.stderr.write("Tonne does not start with these settings:\n")
        sys.stderr.writelines(f"  {problem}\n" for problem in bad.problems)
        return 2
    for name, value in ONE_HEAP.items():
        os.environ.setdefault(name, value)
    commands = {"web": web_command(settings), "worker": worker_command()}
    if alone:
        os.execv(sys.executable, commands[alone])  # noqa: S606 - our own words, and no shell
    manager = Manager()
    for name, command in commands.items():
        manager.add_process(name, shlex.join(command))
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
        *_place(settings),
        "--workers",
        str(settings.web_workers),
        "--blocking-threads",
        str(settings.web_threads),
        "--no-ws",
        "--log-level",
        "warning",
        "wsgi:app",
    ]


def _place(settings: Settings) -> list[str]:
    if settings.socket_path:
        return ["--uds", settings.socket_path, "--uds-permissions", "0660"]
    return ["--host", settings.host, "--port", str(settings.port)]


def worker_command() -> list[str]:
    """The worker's command line."""
    return [sys.executable, "-m", "flask", "--app", "wsgi", "work", "forever"]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
