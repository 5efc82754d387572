"""The register as files for people who count for themselves: complete, safe to open, and without hidden names."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from tests.service.certificates.issued import a_certificate
from tests.service.conftest import Shop


def rows(shop: Shop, query: str = "", language: str = "en") -> list[dict[str, str]]:
    answer = shop.app.test_client().get(f"/{language}/register.csv{query}")
    assert (answer.status_code, answer.content_type) == (200, "text/csv; charset=utf-8")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="register.csv"'
    text = answer.get_data(as_text=True)
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text[1:], newline="")))


def data(shop: Shop, query: str = "", language: str = "en") -> dict[str, Any]:
    answer = shop.app.test_client().get(f"/{language}/register.json{query}")
    assert (answer.status_code, answer.content_type) == (200, "application/json; charset=utf-8")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="register.json"'
    found: dict[str, Any] = json.loads(answer.data)
    return found


def test_the_csv_has_every_entry_with_all_that_is_public(shop: Shop) -> None:
    a_certificate(shop, number=1, units=3, publish_name=True)
    a_certificate(shop, number=2, units=2)

    second, first = rows(shop)

    assert first == {
        "certificate": "TN1/2026",
        "cancelled_at": "2026-11-22T10:00:00Z",
        "units": "3",
        "unit_type": "CER",
        "project": "IN-1",
        "project_title": "Wind power project number 1",
        "project_type": "Wind",
        "host_parties": "IN",
        "intent": "contribution",
        "beneficiary_name": "Amélie Nguyễn",
        "serial_numbers": "IN-5-1002000-2-2-0-1 to IN-5-1002002-2-2-0-1",
        "transactions": "TN00000001",
        "commitment_periods": "2",
        "certified_at": "2026-11-22T10:00:00Z",
        "verify_url": "http://127.0.0.1:5000/verify/TN1-2026",
        "demonstration": first["demonstration"],
        "channel": "sale",
        "purpose_category": "",
        "scheme_name": "",
        "vintage_years": "",
        "authorisations": "",
    }
    assert first["demonstration"].startswith("This is a demonstration: no payment is real")
    assert (second["certificate"], second["beneficiary_name"]) == ("TN2/2026", "")


def test_no_spreadsheet_runs_what_a_buyer_typed(shop: Shop) -> None:
    a_certificate(shop, beneficiary='=HYPERLINK("http://evil.example","x")', publish_name=True)

    (row,) = rows(shop)

    assert row["beneficiary_name"] == '\'=HYPERLINK("http://evil.example","x")'


def test_the_files_follow_the_selection_and_are_read_in_pieces(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.register.queries.ROWS_OF_A_FILE_AT_ONCE", 2)
    for number in (1, 2, 3, 4, 5):
        a_certificate(shop, number=number, intent="compensation" if number == 3 else "contribution")

    assert [row["certificate"] for row in rows(shop)] == [f"TN{n}/2026" for n in (5, 4, 3, 2, 1)]
    assert [row["certificate"] for row in rows(shop, "?intent=compensation")] == ["TN3/2026"]
    assert [row["certificate"] for row in data(shop, "?q=number+2")["cancellations"]] == ["TN2/2026"]
    assert rows(shop, "?q=nothing") == []


def test_the_json_has_stable_keys_and_leaves_out_what_is_withheld(shop: Shop) -> None:
    a_certificate(shop, number=1, units=3, publish_name=True)
    issued = a_certificate(shop, number=2, units=2)

    found = data(shop, "?q=wind&year=2026")

    assert set(found) == {"demonstration", "made_at", "schema", "selection", "cancellations"}
    assert found["schema"] == "tonne-register-1"
    assert found["made_at"] == "2026-11-22T10:00:00Z"
    assert found["selection"] == {"q": "wind", "year": "2026"}
    second, first = found["cancellations"]
    assert first["beneficiary_name"] == "Amélie Nguyễn"
    assert "beneficiary_name" not in second
    assert set(first) - {"beneficiary_name"} == set(second) == {
        "certificate", "cancelled_at", "certified_at", "units", "unit_type", "intent", "project", "registry",
        "transactions", "operator", "is_demonstration", "verify_url", "channel",
    }  # fmt: skip
    assert second["transactions"] == [
        {
            "identifier": "TN00000002",
            "completed_at": "2026-11-22T10:00:00Z",
            "commitment_period": 2,
            "vintage_year": None,
            "authorisation": None,
            "monitoring_starts_on": "2014-01-01",
            "monitoring_ends_on": "2014-12-31",
            "units": 2,
            "serial_numbers": [
                {"first": "IN-5-2002000-2-2-0-2", "last": "IN-5-2002001-2-2-0-2", "units": 2},
            ],
        }
    ]
    for secret in (issued.code, issued.order_reference, "Our office heating", '"FR"'):
        assert secret not in json.dumps(found, ensure_ascii=False)


def test_a_file_without_entries_is_a_file_too(shop: Shop) -> None:
    assert rows(shop) == []
    assert data(shop)["cancellations"] == []


def test_the_files_say_in_the_pages_language_that_they_are_a_demonstration(shop: Shop) -> None:
    a_certificate(shop)

    for language, words in {
        "en": "This is a demonstration",
        "fr": "Ceci est une démonstration",
        "es": "Esto es",
    }.items():
        assert data(shop, language=language)["demonstration"].startswith(words)
        assert rows(shop, language=language)[0]["demonstration"].startswith(words)


def test_one_address_may_not_take_files_without_end(make_app: Any) -> None:
    client = make_app(LIMIT_FILES="2/hour").test_client()

    assert [client.get(f"/en/register.{kind}").status_code for kind in ("csv", "json", "csv")] == [200, 200, 429]
    assert client.get("/en/register").status_code == 200
