"""Note which lines and branches of the product run, at hardly any cost: `pytest -p tests.measuring`.

A tracer is called for every line of every library and makes Python 3.11 half as fast. SlipCover puts its notes into the
product's own code as it is imported, so libraries and tests run at full speed. Every process writes what it saw into
`.coverage`; `tests/measured.py` turns that into what `coverage report` reads.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest
from slipcover import Slipcover
from slipcover.importer import SlipcoverLoader

SEEN = Path(".coverage").absolute()
WORKER = "PYTEST_XDIST_WORKER"
# So often a line is noted before all notes that are no longer needed are taken out: a walk through the whole product.
MOST_NOTES = 1_000


class Measured(MetaPathFinder):
    """Finds the modules of one package and takes notes in them."""

    def __init__(self, package: str) -> None:
        self.package = package
        self.notes = Slipcover(branch=True, exclude_lines=[], d_miss_threshold=MOST_NOTES)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A module of the package as Python finds it, loaded with notes; nothing for any other."""
        if fullname.partition(".")[0] != self.package:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = SlipcoverLoader(self.notes, spec.loader, str(spec.origin))
        return spec

    def seen(self) -> dict[str, dict[str, list[object]]]:
        """What ran of each file: its lines, and its branches as (from line, to line), to 0 out of the function."""
        return {
            str(Path(name).absolute()): {"lines": facts["executed_lines"], "branches": facts["executed_branches"]}
            for name, facts in self.notes.get_coverage()["files"].items()
        }


PRODUCT = Measured("app")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Take notes from now on, because tests/conftest.py imports the product; not where others run the tests."""
    is_distributor = early_config.known_args_namespace.numprocesses and WORKER not in os.environ
    if not is_distributor:
        assert PRODUCT.package not in sys.modules
        sys.meta_path.insert(0, PRODUCT)


def pytest_unconfigure() -> None:
    """Write down what ran in this process."""
    SEEN.mkdir(exist_ok=True)
    (SEEN / f"seen.{os.environ.get(WORKER, 'main')}.json").write_text(json.dumps(PRODUCT.seen()))
