"""A file of mechanisms is read whole, or every problem of it is named."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from app.catalog.mechanism_file import SHIPPED, MechanismsRefused, read_mechanisms, shipped

EXAMPLE = Path(__file__).parents[3] / "docs" / "mechanisms" / "a6_4.toml"


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(MechanismsRefused) as refused:
        read_mechanisms(text)
    return refused.value.problems


def changed(old: str, new: str, count: int = 1) -> str:
    """The example with one text replaced."""
    text = EXAMPLE.read_text(encoding="utf-8")
    assert old in text
    return text.replace(old, new, count)


def test_the_product_knows_the_first_mechanism_with_its_units_its_end_and_its_levies() -> None:
    (cdm,) = shipped()

    assert cdm.code == "CDM"
    assert [(unit["code"], unit["kyoto_code"], unit["lulucf_code"]) for unit in cdm.units] == [
        ("CER", 5, 0), ("tCER", 6, 1), ("lCER", 7, 1),
    ]  # fmt: skip
    assert cdm.values["ends_at"] == datetime(2027, 1, 1, tzinfo=UTC)
    assert cdm.values["sales_close_at"] < cdm.values["last_order_at"] < cdm.values["ends_at"]
    assert [(levy["code"], levy["tiers"], levy["basis_points"]) for levy in cdm.levies] == [
        ("administration", [[15_000, 10], [None, 20]], None),
        ("adaptation", None, 200),
    ]


def test_the_example_of_a_second_mechanism_can_be_loaded() -> None:
    (mechanism,) = read_mechanisms(EXAMPLE.read_text(encoding="utf-8"))

    assert (mechanism.values["period_kind"], mechanism.values["ends_at"]) == ("vintage_year", None)
    assert {code: found["intents"] for code, found in mechanism.values["authorisations"].items()} == {
        "authorised": ["contribution", "compensation"],
        "mitigation_contribution": ["contribution"],
    }
    assert [(levy["code"], levy["basis_points"]) for levy in mechanism.levies] == [
        ("adaptation", 500), ("mitigation", 200), ("administration", None),
    ]  # fmt: skip
    assert all(levy["source"].startswith("UNCONFIRMED") for levy in mechanism.levies)
    assert {levy["valid_from"] for levy in mechanism.levies} == {date(2025, 1, 1)}


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('code = "A6.4"', 'code = "a6"', "mechanism code"),
        ('code = "A6.4"', "code = 5", "mechanism code"),
        ('registry_url = "https:', 'registry_url = "javascript:', "registry_url"),
        ('period_kind = "vintage_year"', 'period_kind = "season"', "period_kind"),
        ('period_kind = "vintage_year"', 'period_kind = "commitment_period"', "has no {vintage}"),
        ('period_kind = "vintage_year"', 'perod_kind = "vintage_year"', "nothing is known of this key"),
        ('reference_form = "A64-{party}-{project}"', 'reference_form = "A64-{party}"', "must have {project}"),
        ('reference_form = "A64-{party}-{project}"', 'reference_form = "{nobody}"', "elements in braces"),
        ('space_form = "A64-{party}"', 'space_form = "A64-{serial}"', "cannot have {serial}"),
        ('-{serial}"', '"', "must have {serial}"),
        ("\n[[mechanism.unit]]\n", "\n[[mechanism.levy]]\n", "has no [[mechanism.unit]]"),
        ('many = "A6.4ERs"', 'plural = "A6.4ERs"', "many"),
        ("[mechanism.unit.words.es]", "[mechanism.unit.words.de]", "must have words in en, fr, es"),
        ("[mechanism.words.es]", "[mechanism.words.de]", "must have words in en, fr, es"),
        ('intents = ["contribution"]', 'intents = ["trade"]', "intents"),
        ('intents = ["contribution"]', 'intents = "contribution"', "intents"),
        ("valid_from = 2025-01-01", "valid_from = 2025", "must be a day"),
        ("valid_from = 2025-01-01", "valid_from = 2025-01-01\nvalid_to = 2024-01-01", "must end after it begins"),
        ("basis_points = 500", "basis_points = 0", "basis_points"),
        ("basis_points = 500", "basis_points = 500\ntiers = [{ each = 1 }]", "either a fee"),
        ("account_type = 910", 'account_type = "910"', "account_type"),
        ('currency = "USD"', 'currency = "XXY"', "three-letter"),
        ("tiers = [{ each = 0 }]", "tiers = []", "one tier at least"),
        ("tiers = [{ each = 0 }]", "tiers = [{ each = 1 }, { each = 2 }]", "up_to"),
        ("is_least_developed_exempt = true", 'is_least_developed_exempt = "yes"', "true or false"),
        ('code = "mitigation"', 'code = "adaptation"', "valid twice at one time"),
        ("# No end is known", "ends_at = 2030-01-01T00:00:00Z\n# No end is known", "all of sales_close_at"),
        ("# No end is known", "ends_at = 2030-01-01T00:00:00\n# No end is known", "date, time and zone"),
        (
            "# No end is known",
            "sales_close_at = 2030-01-02T00:00:00Z\nlast_order_at = 2030-01-01T00:00:00Z\n"
            "ends_at = 2030-01-03T00:00:00Z\n# No end is known",
            "must close its sale before",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(old: str, new: str, problem: str) -> None:
    found = problems(changed(old, new))

    assert any(problem in sentence for sentence in found), found


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("mechanism = [", "The file cannot be read"),
        ("", "has no [[mechanism]]"),
        ("mechanism = 5", "must be a list of tables"),
        ("[[mechanism]]\nwords = 5", "must have words"),
        ("[[mechanism]]\nwords = { en = 1, fr = 2, es = 3 }", "must be a table"),
        ("other = 1", "nothing is known of this key"),
    ],
)
def test_a_file_that_is_none_is_refused(text: str, problem: str) -> None:
    assert any(problem in sentence for sentence in problems(text))


def test_one_mechanism_or_unit_stands_in_a_file_once() -> None:
    text = SHIPPED.read_text(encoding="utf-8")

    assert problems(text + text) == (
        "CDM: there twice.",
        "CER: there twice.",
        "lCER: there twice.",
        "tCER: there twice.",
    )
