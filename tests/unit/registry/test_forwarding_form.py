"""The printable request, drawn by the real library."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask

from app.registry.adapters.forms import WeasyPrintForms
from app.registry.batch.ports import ForwardingLine, ForwardingRequest
from tests.conftest import application, environment

LINE = ForwardingLine(
    number=1,
    reference="TONNE-2345ABCD",
    project_reference="IN-1514",
    project_title="Wind power project",
    unit_type="CER",
    period="2",
    serial_first=1_000_000,
    serial_last=1_099_999,
    space="IN",
    units=10,
    beneficiary_name='Amélie <b onload="x">Nguyễn</b> & 株式会社',
    purpose="Our office heating of 2025",
)
REQUEST = ForwardingRequest(
    batch="B-7KMQ-2XHD",
    registry_name="CDM registry",
    operator_name="Tonne Cooperative",
    account="CDM-100-1",
    holder="Salkhit Wind LLC",
    acquiring_account="Voluntary cancellation account",
    closed_at=datetime(2026, 11, 22, 10, 0, tzinfo=UTC),
    lines=(LINE,),
    lines_sha256="a" * 64,
    is_demonstration=False,
)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """An application that never touches its database."""
    path: Path = tmp_path_factory.mktemp("forms")
    made = application(environment(path, f"sqlite:///{path / 'nothing.sqlite'}"))
    with made.app_context():
        yield made


def _markup(app: Flask, request: ForwardingRequest) -> str:
    return app.jinja_env.get_template("registry/forwarding_request.html").render(
        form=request, created="2026-11-22T10:00:00Z", faces={"regular": "", "semibold": ""}
    )


def test_it_is_a_pdf_and_the_same_bytes_for_the_same_request(app: Flask) -> None:
    forms = WeasyPrintForms()

    once, again = forms.forwarding_request(REQUEST), forms.forwarding_request(REQUEST)

    assert once.startswith(b"%PDF-")
    assert once == again
    assert once != forms.forwarding_request(replace(REQUEST, account="CDM-100-2"))


def test_what_a_buyer_typed_stays_text(app: Flask) -> None:
    markup = _markup(app, REQUEST)

    assert "Amélie &lt;b onload=" in markup
    assert "<b onload" not in markup


def test_it_has_the_known_fields_of_the_form(app: Flask) -> None:
    markup = _markup(app, REQUEST)

    for text in (
        "B-7KMQ-2XHD", "22 November 2026", "Salkhit Wind LLC", "CDM-100-1", "Voluntary cancellation account",
        "10 in 1 line", "IN-1514", "Wind power project", "CER", "IN 1000000–1099999", "Our office heating of 2025",
        "TONNE-2345ABCD", "Signature of the focal point", "a" * 64, "Tonne Cooperative",
    ):  # fmt: skip
        assert text in markup, text
    assert "Specimen" not in markup


def test_a_demonstration_asks_for_nothing(app: Flask) -> None:
    assert "is not to be processed" in _markup(app, replace(REQUEST, is_demonstration=True))


def test_without_purpose_and_beneficiary_it_is_for_the_originating_activity(app: Flask) -> None:
    line = replace(LINE, beneficiary_name="", purpose="")
    markup = _markup(app, replace(REQUEST, lines=(line, replace(line, number=2)), holder=""))

    assert markup.count("for the originating project activity") == 2
    assert "20 in 2 lines" in markup
