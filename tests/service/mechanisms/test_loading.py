"""Mechanisms are loaded whole or not at all, noted, and never changed where units were issued by them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from app.audit.models import Act
from app.audit.service import Actor
from app.catalog import book, labels
from app.catalog.importer import import_issuances, import_projects
from app.catalog.mechanism_file import SHIPPED, MechanismsRefused
from app.catalog.mechanisms import ensure_mechanisms, load_mechanisms
from app.catalog.models import LevyRule, Mechanism, UnitType
from app.db import db, transaction
from app.kernel.csvtable import ImportRefused
from tests.builders import NOW, an_offer, no_mechanisms

EXAMPLE = Path(__file__).parents[3] / "docs" / "mechanisms" / "a6_4.toml"
OPERATOR = Actor(None, "operator")


def load(text: str) -> dict[str, list[str]]:
    """Load mechanisms as the command does."""
    return load_mechanisms(text, actor=OPERATOR, now=NOW)


def problems(text: str) -> tuple[str, ...]:
    """What is wrong with a file beside what is there."""
    with pytest.raises(MechanismsRefused) as refused:
        load(text)
    return refused.value.problems


def test_a_file_is_loaded_once_noted_and_changes_nothing_a_second_time(context: Flask) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")

    first = load(text)
    assert list(first) == ["A6.4"]
    assert {"unit A6.4ER", "levy adaptation", "levy mitigation", "levy administration"} <= set(first["A6.4"])
    assert load(text) == {}
    acts = db.session.execute(select(Act.what, Act.subject, Act.actor)).all()
    assert acts == [("mechanism_loaded", "A6.4", "operator")]


def test_what_an_operator_changed_is_not_taken_back_by_the_product(context: Flask) -> None:
    ensure_mechanisms()
    text = SHIPPED.read_text(encoding="utf-8")
    later = text.replace("ends_at = 2027-01-01T00:00:00Z", "ends_at = 2027-03-01T00:00:00Z")

    assert load(later) == {"CDM": ["ends_at"]}
    assert ensure_mechanisms() is False
    assert db.session.get_one(Mechanism, "CDM").ends_at == datetime(2027, 3, 1, tzinfo=UTC)


def test_pages_take_new_words_at_once_where_they_were_loaded(context: Flask) -> None:
    ensure_mechanisms()
    with context.test_request_context("/en/"):
        assert labels.unit_name("A6.4ER", 2) == "A6.4ER"
        load(EXAMPLE.read_text(encoding="utf-8"))
        assert labels.unit_name("A6.4ER", 2) == "A6.4ERs"
        assert labels.authorisation("authorised") == "Authorised by the host Party"
        assert book.contents().intents_of("nobody_knows") == ()


def test_a_mechanism_from_before_there_were_words_has_those_of_the_product(context: Flask) -> None:
    no_mechanisms()
    with transaction() as session:
        session.add(Mechanism(code="CDM", name="CDM", registry_name="CDM", serial_form="{serial}"))
        session.flush()
        session.add(UnitType(code="CER", mechanism_code="CDM", kyoto_code=5))
    with context.test_request_context("/fr/"):
        assert labels.unit_name("CER", 2) == "URCE"

    assert ensure_mechanisms() is True
    assert db.session.get_one(Mechanism, "CDM").serial_form.startswith("{party}-{kyoto}")


def test_levies_are_those_of_the_file(context: Flask) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    load(text)
    start = text.index("# UNCONFIRMED: that there is an administrative fee")

    assert load(text[:start]) == {"A6.4": ["levy administration"]}
    levies = select(LevyRule.code).where(LevyRule.mechanism_code == "A6.4")
    assert set(db.session.scalars(levies)) == {"adaptation", "mitigation"}


def test_what_certificates_were_written_with_cannot_change(context: Flask) -> None:
    an_offer()
    text = SHIPPED.read_text(encoding="utf-8")
    assert load(text.replace('"CDM registry"', '"Registry of the CDM"')) == {"CDM": ["words", "registry_name"]}

    assert problems(text.replace('serial_form = "{party}-{kyoto}', 'serial_form = "{party}:{kyoto}')) == (
        "CDM serial_form: cannot change, because units were issued.",
    )
    assert problems(text.replace("kyoto_code = 5", "kyoto_code = 4")) == (
        "CDM unit CER kyoto_code: cannot change, because units were issued.",
    )


def test_a_file_that_contradicts_what_is_there_changes_nothing(context: Flask) -> None:
    ensure_mechanisms()
    text = EXAMPLE.read_text(encoding="utf-8")

    assert problems(text.replace('space_form = "A64-{party}"', 'space_form = "{party}"')) == (
        "A6.4 space_form: mechanism CDM has the same.",
    )
    assert problems(text.replace('code = "A6.4ER"', 'code = "CER"')) == ("A6.4 unit CER: belongs to mechanism CDM.",)
    assert db.session.get(Mechanism, "A6.4") is None
    load(text)
    assert problems(text.replace('code = "A6.4ER"', 'code = "A64"')) == (
        "A6.4 unit A6.4ER: is there, and the file has it not.",
    )


def test_the_command_says_what_changed_and_every_problem(context: Flask, tmp_path: Path) -> None:
    run = context.test_cli_runner().invoke
    wrong, other = tmp_path / "wrong.toml", tmp_path / "other.toml"
    wrong.write_text("[[mechanism]]\n", encoding="utf-8")
    other.write_bytes(b"\xff\xfe\xff")

    assert run(args=["catalog", "mechanisms", str(EXAMPLE)]).output.startswith("A6.4: authorisations, code")
    assert run(args=["catalog", "mechanisms", str(EXAMPLE)]).output == "All of it was there already.\n"
    refused = run(args=["catalog", "mechanisms", str(wrong)])
    assert refused.exit_code == 1
    assert refused.output.endswith("Nothing was changed.\n")
    assert "not text in UTF-8" in run(args=["catalog", "mechanisms", str(other)]).output


PROJECTS = """\
reference,mechanism_code,title,kind,project_type,host_parties,region,is_least_developed
{reference},A6.4,Stoves,PoA,EE households,{party},Asia and the Pacific,no
"""
ISSUANCES = """\
project,unit_type,commitment_period,vintage_year,authorisation,originating_party,serial_first,serial_last,units,completed_at,monitoring_starts_on,monitoring_ends_on
A64-MM-10471,A6.4ER,{period},{vintage},{authorisation},MM,1,10,10,2026-02-20T10:00:00Z,2021-01-01,2021-12-31
"""


def named(function: object, text: str) -> list[tuple[str | None, str]]:
    """Column and code of each problem of a file."""
    with pytest.raises(ImportRefused) as refused:
        function(text, now=NOW)  # type: ignore[operator]  # an importer
    return [(error.column, error.code) for error in refused.value.errors]


@pytest.mark.parametrize(
    ("reference", "party", "problem"),
    [
        ("MM-10471", "MM", ("reference", "wrong_form")),
        ("A64-MM-0", "MM", ("reference", "wrong_form")),
        ("A64-MM-10471", "KE", ("host_parties", "reference_party")),
    ],
)
def test_a_project_is_called_as_its_mechanism_calls_projects(
    context: Flask, reference: str, party: str, problem: tuple[str, str]
) -> None:
    load(EXAMPLE.read_text(encoding="utf-8"))

    assert named(import_projects, PROJECTS.format(reference=reference, party=party)) == [problem]


@pytest.mark.parametrize(
    ("period", "vintage", "authorisation", "found"),
    [
        ("", "", "authorised", [("vintage_year", "required")]),
        ("1", "2021", "authorised", [("commitment_period", "not_of_mechanism")]),
        ("", "2021", "", [("authorisation", "not_a_choice")]),
        ("", "2021", "promised", [("authorisation", "not_a_choice")]),
    ],
)
def test_units_have_the_kind_of_period_and_the_authorisations_of_their_mechanism(
    context: Flask, period: str, vintage: str, authorisation: str, found: list[tuple[str, str]]
) -> None:
    load(EXAMPLE.read_text(encoding="utf-8"))
    import_projects(PROJECTS.format(reference="A64-MM-10471", party="MM"), now=NOW)
    text = ISSUANCES.format(period=period, vintage=vintage, authorisation=authorisation)

    assert named(import_issuances, text) == found


def test_units_of_the_first_mechanism_have_no_vintage_and_no_authorisation(context: Flask) -> None:
    an_offer()
    text = (
        "project,unit_type,commitment_period,vintage_year,authorisation,originating_party,serial_first,serial_last,units,"
        "completed_at,monitoring_starts_on,monitoring_ends_on\n"
        "IN-1,CER,1,2012,authorised,IN,1,10,10,2014-02-20T10:00:00Z,2012-01-01,2012-12-31\n"
    )

    assert named(import_issuances, text) == [
        ("authorisation", "not_of_mechanism"),
        ("vintage_year", "not_of_mechanism"),
    ]
