"""Quality facts: what named sources say, never more."""

from __future__ import annotations

import csv
from datetime import date

import pytest
from flask import Flask

from app.catalog import quality, quality_words
from app.catalog.models import Project
from app.catalog.quality import DATA, ccp_decision, known_criticism, methodology_facts, quality_facts

TODAY = date(2026, 11, 22)


def a_project(project_type: str = "Wind", methodologies: str = "ACM0002") -> Project:
    return Project(reference="KR-222", project_type=project_type, methodologies=methodologies)


@pytest.mark.parametrize(
    ("methodologies", "decision"),
    [
        ("ACM0002", "rejected"),
        ("AMS-I.D.", "rejected"),
        ("ams-i.d", "rejected"),
        ("AMS-I.C.; AMS-I.D.; AMS-III.H.", "rejected"),
        ("ACM0002 version 12.1", "rejected"),
        ("AMS-II.G.; AMS-III.AV.", "rejected"),
        ("ACM0001", "conditional"),
        ("ACM0001 version 15.0", "conditional"),
        ("ACM0001 version 12", "unknown"),
        ("ACM0001; AMS-III.H.", "unknown"),
        ("AMS-I.C.", "unknown"),
        ("", "unknown"),
        (" ; ", "unknown"),
    ],
)
def test_a_project_was_refused_the_label_when_any_of_its_methodologies_was(methodologies: str, decision: str) -> None:
    assert ccp_decision(methodologies) == decision


def test_a_project_is_approved_only_when_all_its_methodologies_are(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = {"dated_on": "", "first_version": "", "last_version": "", "source": "s", "url": "u"}
    rows = (
        {**nothing, "methodology": "AM1", "decision": "approved", "dated_on": "2024-06-06"},
        {**nothing, "methodology": "AM2", "decision": "rejected", "dated_on": "2024-08-06"},
        {**nothing, "methodology": "AM4", "decision": "conditional", "first_version": "2", "last_version": "3"},
    )
    monkeypatch.setattr(quality, "_read", lambda name: rows)
    quality._decisions.cache_clear()  # noqa: SLF001 - read anew
    try:
        assert ccp_decision("AM1") == "approved"
        assert ccp_decision("AM1; AM3") == "unknown"
        assert ccp_decision("AM1; AM2") == "rejected"
        assert ccp_decision("AM1; AM4") == "conditional"
    finally:
        quality._decisions.cache_clear()  # noqa: SLF001 - read anew


def test_a_methodology_has_its_version_and_the_decision_with_source_and_date() -> None:
    refused, unknown = methodology_facts("ACM0002 ver. 12.1; AMS-III.H.")

    assert (refused.name, refused.version, refused.decision) == ("ACM0002", "12.1", "rejected")
    assert refused.source is not None
    assert refused.source.dated_on == date(2024, 8, 6)
    assert refused.source.url.startswith("https://icvcm.org/")
    assert (unknown.name, unknown.version, unknown.decision, unknown.source) == ("AMS-III.H.", None, "unknown", None)


def test_an_approval_of_some_versions_says_which_and_what_is_not_known(context: Flask) -> None:
    unknown, other, fitting = methodology_facts("ACM0001; ACM0001 version 12; ACM0001 version 19.0")
    begin = "Approved for the CCP label in versions 15 to 19 with conditions; "

    assert [fact.decision for fact in (unknown, other, fitting)] == ["conditional", "unknown", "conditional"]
    assert unknown.source is not None
    assert unknown.source.dated_on is None
    assert [quality_words.decided_words(fact) for fact in (unknown, other, fitting)] == [
        f"{begin}the version used by this project is not known.",
        f"{begin}this project uses another version.",
        f"{begin}whether this project meets them is not known.",
    ]
    assert quality_words.decided_words(methodology_facts("AMS-II.G.")[0]) == "Not approved for the CCP label"


def test_only_the_methodologies_that_the_sources_name_were_decided_on() -> None:
    with (DATA / "methodology_decisions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    assert {row["methodology"] for row in rows if row["decision"] == "conditional"} == {
        "ACM0001", "ACM0008", "AMS-III.G.",
    }  # fmt: skip
    assert {row["methodology"] for row in rows if row["decision"] == "rejected"} == {
        "ACM0002", "ACM0006", "ACM0018", "AM0036", "AM0072", "AMS-I.A.", "AMS-I.D.", "AMS-I.E.",
        "AMS-I.L.", "AMS-II.G.",
    }  # fmt: skip
    assert {row["decision"] for row in rows} == {"conditional", "rejected"}


def test_criticism_belongs_to_the_kind_of_project_that_the_source_speaks_of() -> None:
    assert [said.code for said in known_criticism("Wind", "ACM0002")] == ["income_not_needed"]
    assert [said.code for said in known_criticism("Hydro", "ACM0002")] == ["income_not_needed", "large_hydro"]
    assert [said.code for said in known_criticism("Hydro", "AMS-I.D.")] == ["income_not_needed"]
    assert [said.code for said in known_criticism("HFCs", "AM0001")] == ["not_accepted_in_eu", "reward_for_gas"]
    assert [said.code for said in known_criticism("Fossil fuel switch", "AM0029")] == ["fossil_fuel"]
    assert [said.code for said in known_criticism("EE households", "AMS-II.G.")] == [
        "stoves_over_credited",
        "stoves_study",
    ]
    assert known_criticism("EE households", "AMS-II.C.") == ()


def test_every_criticism_and_every_decision_has_words_a_source_and_a_date(context: Flask) -> None:
    with (DATA / "criticism.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            assert quality_words.criticism_words(row["code"])
            assert row["source"]
            assert row["url"].startswith("http")
            assert date.fromisoformat(row["said_on"]) < TODAY
    assert quality_words.decision_words("unknown") == "No decision known"
    assert quality_words.channel("platform") == "On the platform of the United Nations"


def test_the_age_is_in_whole_years_since_the_monitoring_periods_on_offer() -> None:
    facts = quality_facts(a_project(), [date(2020, 12, 31), date(2016, 11, 22)], TODAY)

    assert (facts.youngest, facts.oldest) == (5, 10)
    assert [fact.decision for fact in facts.methodologies] == ["rejected"]


def test_nothing_on_offer_has_no_age() -> None:
    facts = quality_facts(a_project("EE households", ""), [], TODAY)

    assert (facts.youngest, facts.oldest, facts.methodologies, facts.criticism) == (None, None, (), ())
