"""Every code that stands in the data has a word, and the word is in the reader's language."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from flask import Flask
from flask_babel import Babel, force_locale
from jinja2 import Environment

from app.catalog import labels
from app.catalog.mechanism_file import shipped
from app.catalog.periods import Period

DATA = Path(__file__).parent.parent.parent.parent / "app" / "demo" / "data"


@pytest.fixture
def speaker(tmp_path: Path) -> Flask:
    catalogue = Catalog(locale="fr")
    catalogue.add("Wind power", "Énergie éolienne")
    catalogue.add("first commitment period (2008–2012)", "première période d’engagement (2008–2012)")
    path = tmp_path / "translations" / "fr" / "LC_MESSAGES" / "messages.mo"
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        write_mo(file, catalogue)
    app = Flask("speaker", root_path=str(tmp_path))
    Babel(app)
    labels.init_app(app)
    return app


def test_every_code_of_the_demonstration_world_has_a_word() -> None:
    found: dict[str, set[str]] = {"project_type": set(), "region": set(), "kind": set(), "unit_type": set()}
    scopes = set()
    for path in DATA.glob("*.csv"):
        for row in csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()):
            for column in found:
                found[column] |= {row[column]} if row.get(column) else set()
            scopes |= set((row.get("sectoral_scopes") or "").replace(" ", "").split(";")) - {""}

    assert len(found["project_type"]) > 5
    assert found["project_type"] <= set(labels.PROJECT_TYPES)
    assert found["region"] <= set(labels.REGIONS)
    assert found["kind"] <= set(labels.KINDS)
    assert found["unit_type"] <= {unit["code"] for row in shipped() for unit in row.units}
    assert scopes <= set(labels.SCOPES)


def test_the_tables_are_whole() -> None:
    assert len(labels.PROJECT_TYPES) == 28
    assert set(labels.SCOPES) == {str(number) for number in range(1, 17)}
    assert set(labels.INTENTS) == {"contribution", "compensation"}


def test_codes_are_said_in_words(speaker: Flask) -> None:
    with speaker.test_request_context("/"):
        assert labels.project_type("EE households") == "Energy efficiency: households"
        assert labels.project_type("Biomass Energy") == "Biomass energy"
        assert labels.project_type("Cement") == "Cement"
        assert labels.region("Africa") == "Africa"
        assert labels.kind("PoA") == "Programme of activities"
        assert labels.scope(13) == labels.scope("13") == "Waste handling and disposal"
        assert labels.unit_in_full("tCER") == "temporary certified emission reduction (tCER)"
        assert labels.unit_in_full("CER", 2) == "certified emission reductions (CERs)"
        assert labels.mechanism_name("CDM") == "Clean Development Mechanism (CDM)"
        assert labels.mechanism_source("CDM") == "UNFCCC CDM registry"
        assert labels.mechanism_of("lCER") == "CDM"
        assert labels.intent("contribution") == "Contribution to climate action"
        assert labels.commitment_period(2) == "second commitment period (2013–2020)"
        assert labels.commitment_period(3) == "commitment period 3"


@pytest.mark.parametrize("code", ["CER", "tCER", "lCER"])
def test_several_units_are_in_the_plural(speaker: Flask, code: str) -> None:
    with speaker.test_request_context("/"):
        assert labels.unit_name(code) == labels.unit_name(code, 1) == code
        assert labels.unit_name(code, 12) == f"{code}s"


def test_a_code_that_nobody_knows_is_shown_as_it_is(speaker: Flask) -> None:
    with speaker.test_request_context("/"):
        of_units = (labels.unit_in_full, labels.intent, labels.authorisation)
        for say in (labels.project_type, labels.region, labels.kind, *of_units):
            assert say("A6.4") == "A6.4"
        assert labels.unit_name("A6.4ER", 2) == "A6.4ER"
        assert labels.mechanism_short("A6.4") == "A6.4"
        assert labels.mechanism_of("A6.4ER") == labels.authorisation(None) == ""
        assert labels.scope(99) == "99"


def test_the_words_follow_the_reader(speaker: Flask) -> None:
    with speaker.test_request_context("/"):
        english = labels.project_type("Wind")
        with force_locale("fr"):
            assert labels.project_type("Wind") == "Énergie éolienne"
            assert labels.unit_name("CER", 12) == labels.unit_name("CER", 0) == "URCE"
            assert labels.commitment_period(1) == "première période d’engagement (2008–2012)"
        assert english == labels.project_type("Wind") == "Wind power"


def test_pages_and_pdfs_have_the_filters(speaker: Flask) -> None:
    alone = Environment(autoescape=True)
    labels.register(alone)
    template = "{{ 'Wind'|project_type }}, {{ 12 }} {{ 'CER'|unit_name(12) }}, {{ period|period }}"

    with speaker.test_request_context("/"):
        in_pdf = alone.from_string(template).render(period=Period(1, None, ""))
        assert in_pdf == speaker.jinja_env.from_string(template).render(period=Period(1, None, ""))
    assert in_pdf == "Wind power, 12 CERs, first commitment period (2008–2012)"


def test_units_have_a_commitment_period_or_a_vintage(speaker: Flask) -> None:
    with speaker.test_request_context("/"):
        assert labels.period(Period(2, None, "")) == "second commitment period (2013–2020)"
        assert labels.period(Period(None, 2022, "authorised")) == "vintage 2022"
        assert labels.period_legend(Period(2, None, "")) == "Commitment period"
        assert labels.period_legend(Period(None, 2022, "")) == "Vintage"
