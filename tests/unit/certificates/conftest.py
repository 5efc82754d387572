"""The real renderer over the real application; one of each for all tests here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from app.certificates.adapters.weasyprint import WeasyPrintRenderer
from app.certificates.ports import CertificateFacts, SummaryFacts
from tests.conftest import application, environment
from tests.unit.certificates.samples import Drawn

Draw = Callable[..., Drawn]


@pytest.fixture(scope="session")
def certificates_app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """An application that nobody buys in: certificates need no database."""
    directory = tmp_path_factory.mktemp("certificates")
    return application(environment(directory, f"sqlite:///{directory / 'unused.sqlite'}"))


@pytest.fixture(scope="session")
def session_renderer() -> WeasyPrintRenderer:
    """One renderer, because fonts take a second to load."""
    return WeasyPrintRenderer()


@pytest.fixture
def renderer(certificates_app: Flask, session_renderer: WeasyPrintRenderer) -> Iterator[WeasyPrintRenderer]:
    """The renderer inside an application context."""
    with certificates_app.app_context():
        yield session_renderer


@pytest.fixture
def draw(renderer: WeasyPrintRenderer, tmp_path: Path) -> Draw:
    """Render facts in a language and put the file where tools can read it."""

    def drawn(facts: CertificateFacts | SummaryFacts, locale: str = "en") -> Drawn:
        make = renderer.certificate if isinstance(facts, CertificateFacts) else renderer.summary
        pdf = make(facts, locale)  # type: ignore[arg-type]
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.pdf"
        path.write_bytes(pdf)
        return Drawn(pdf, path)

    return drawn
