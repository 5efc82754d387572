"""Benchmarks are run seldom; what they import from the product must be there meanwhile."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def test_every_benchmark_finds_what_it_imports() -> None:
    programs = [path.stem for path in BENCHMARKS.glob("*.py") if '__name__ == "__main__"' in path.read_text()]
    assert len(programs) > 10
    for name in programs:
        assert callable(import_module(f"tests.benchmarks.{name}").main), name
