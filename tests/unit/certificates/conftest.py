"""The real renderer over the real application; one of each for all tests here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

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


@pytest.fixture(scope="session")
def drawings() -> dict[tuple[Any, str], Drawn]:
    """What was drawn already: the same facts give the same bytes, and laying out takes its time."""
    return {}


@pytest.fixture
def draw(renderer: WeasyPrintRenderer, drawings: dict[tuple[Any, str], Drawn], tmp_path_factory: Any) -> Draw:
    """Render facts in a language and put the file where tools can read it."""

    def drawn(facts: CertificateFacts | SummaryFacts, locale: str = "en") -> Drawn:
        if (facts, locale) not in drawings:
            is_certificate = isinstance(facts, CertificateFacts)
            pdf = renderer.certificate(facts, locale) if is_certificate else renderer.summary(facts, locale)
            path: Path = tmp_path_factory.mktemp("drawn") / "certificate.pdf"
            path.write_bytes(pdf)
            drawings[facts, locale] = Drawn(pdf, path)
        return drawings[facts, locale]

    return drawn
