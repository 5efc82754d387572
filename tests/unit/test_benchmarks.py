"""Benchmarks are run seldom; what they import from the product and what they write must fit it meanwhile."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from shutil import copyfile

import pytest
from sqlalchemy import func, select

from app.certificates.models import Certificate
from tests.benchmarks import catalogue, large, memory, register
from tests.benchmarks.processes import settings_in
from tests.conftest import application, environment

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def url(sqlite_template: Path, tmp_path: Path) -> str:
    """A database with every table and nothing in it."""
    return f"sqlite:///{copyfile(sqlite_template, tmp_path / 'tonne.sqlite')}"


def test_every_benchmark_finds_what_it_imports() -> None:
    programs = [path.stem for path in BENCHMARKS.glob("*.py") if '__name__ == "__main__"' in path.read_text()]
    assert len(programs) > 10
    for name in programs:
        assert callable(import_module(f"tests.benchmarks.{name}").main), name


def test_the_large_catalogue_can_be_written_and_every_page_of_it_asked(url: str, tmp_path: Path) -> None:
    shop = application(environment(tmp_path, url))
    with shop.app_context():
        large.fill(projects=3, certificates=2)

    client = shop.test_client()
    assert {name for name, page in catalogue.PAGES.items() if client.get(page).status_code != 200} == set()


def test_the_long_register_can_be_written_and_every_page_of_it_asked(url: str, tmp_path: Path) -> None:
    with register.a_register(tmp_path, url, register.SHORT + 12) as client:
        addresses = [address or register.second_page(client) for address in register.ADDRESSES.values()]
        assert [address for address in addresses if client.get(address).status_code != 200] == []


def test_certificates_that_wait_for_their_papers_can_be_written(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "CERTIFICATES", 2)

    with memory.waiting_certificates(settings_in(tmp_path, 5000, url), 50) as engine, engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(Certificate)) == 2
