"""Rooms are loaded while others are already in use, so no module may count on another having been loaded before.

`make sweep` tries every module, `make test` every twentieth.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT

EACH = 1 if os.environ.get("SWEEP") else 20
MODULES = 500  # at least

# In a process of its own for each module, started where the libraries are loaded and nothing of ours.
EACH_FIRST = """
import gc, importlib, os, pkgutil, sys
gc.disable()
import babel.dates, babel.lists, flask_babel, flask_limiter, flask_sqlalchemy, flask_wtf, huey, wtforms.validators
import markdown_it, prometheus_client, segno, sqlalchemy.dialects.postgresql, xml.etree.ElementTree
from sqlalchemy.orm import configure_mappers

def modules(directory, package):
    for module in pkgutil.iter_modules([directory]):
        yield f"{package}.{module.name}"
        if module.ispkg:
            yield from modules(os.path.join(directory, module.name), f"{package}.{module.name}")

tried = list(modules("app", "app"))[:: int(sys.argv[1])]
for name in tried:
    child = os.fork()
    if not child:
        try:
            importlib.import_module(name)
            configure_mappers()
        except BaseException as error:
            print(name, repr(error), flush=True)
        os._exit(0)
    os.waitpid(child, 0)
print(len(tried), "modules")
"""


@pytest.mark.sweep
def test_every_module_can_be_loaded_first() -> None:
    done = subprocess.run(
        [sys.executable, "-c", EACH_FIRST, str(EACH)], check=True, cwd=ROOT, capture_output=True, text=True, timeout=600
    )
    *failed, count = done.stdout.splitlines()
    assert failed == []
    assert int(count.split()[0]) >= MODULES / EACH
