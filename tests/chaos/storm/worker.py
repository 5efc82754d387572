"""Workers in the storm: made once, forked for each life, another one whenever one has died: what systemd would do."""

from __future__ import annotations

import os
import sys
import time

from flask import Flask
from flask.cli import ScriptInfo

from app.db import db
from app.fulfilment.commands import forever, prepare_to_draw
from app.fulfilment.process import collaborators
from tests.chaos.storm.clock import HouseClock
from tests.chaos.storm.inside import DIRECTORY, made_app, sweep_often

WORKERS = 2
SECONDS_TO_BREATHE = 0.3


def main() -> None:
    """Keep the workers alive. Notes who lives in `workers`, and how each one ended in `deaths`."""
    clock = HouseClock(DIRECTORY)
    app = made_app(clock)
    with app.app_context():
        prepare_to_draw(collaborators(app).renderer)
        db.engine.dispose()
    alive: set[int] = set()
    while True:
        while len(alive) < WORKERS:
            child = os.fork()
            if child == 0:
                live(app, clock, os.getppid())
            alive.add(child)
        (DIRECTORY / "workers.new").write_text(" ".join(map(str, alive)))
        (DIRECTORY / "workers.new").rename(DIRECTORY / "workers")
        child, status = os.wait()
        alive.discard(child)
        with (DIRECTORY / "deaths").open("a") as deaths:
            deaths.write(f"worker {os.waitstatus_to_exitcode(status)}\n")
        time.sleep(SECONDS_TO_BREATHE)


def live(app: Flask, clock: HouseClock, keeper: int) -> None:
    """`flask work forever`, in a process group of its own."""
    os.setsid()
    clock.after_fork()
    try:
        sweep_often(app, lambda: os.getppid() != keeper)
        forever.main([], obj=ScriptInfo(create_app=lambda: app))
    except BaseException as problem:  # noqa: BLE001 - a process ends here whatever it was
        sys.stderr.write(f"worker ends: {problem!r}\n")
    finally:
        os._exit(1)


if __name__ == "__main__":
    main()
