"""The frozen facts of a certificate: the same facts always give the same bytes, and come back as they were."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.certificates.facts import SCHEMA, fingerprint, from_json, to_json, to_plain
from app.certificates.ports import CertificateFacts, SerialRange, TransactionFacts

AT = datetime(2026, 11, 22, 10, 0, 1, 250_000, tzinfo=UTC)

FACTS = CertificateFacts(
    schema=SCHEMA,
    number="TN1/2026",
    verification_code="ABCD-EFGH",
    verify_url="https://tonne.example/verify/TN1-2026",
    order_reference="T-7KMQ-2XHD",
    beneficiary_name="Nguyễn 王小明 محمد",
    purpose='A "quoted" <purpose>',
    intent="contribution",
    country="FR",
    units=3,
    unit_type="CER",
    mechanism="CDM",
    project_reference="IN-1",
    project_title="Wind power project",
    project_kind="PA",
    project_type="Wind",
    project_url="https://cdm.unfccc.int/",
    host_parties=("IN", "KE"),
    methodologies="ACM0002",
    transactions=(
        TransactionFacts(
            identifier="TN00000001",
            unit_type="CER",
            commitment_period=2,
            units=3,
            ranges=(SerialRange("IN-5-1-2-2-0-1", "IN-5-3-2-2-0-1", 3),),
            completed_at=AT,
            monitoring_starts_on=date(2014, 1, 1),
            monitoring_ends_on=date(2014, 12, 31),
            holder="Seller",
            reference="TONNE-X",
        ),
    ),
    registry_name="Tonne embedded ledger",
    registry_of_record=False,
    operator_name="Tonne",
    is_demonstration=True,
    placed_at=AT,
    paid_at=AT,
    sent_at=AT,
    cancelled_at=AT,
    issued_at=AT,
)
PREVIEW = replace(
    FACTS,
    paid_at=None,
    issued_at=None,
    transactions=(replace(FACTS.transactions[0], completed_at=None, ranges=()),),
)


@pytest.mark.parametrize("facts", [FACTS, PREVIEW], ids=["issued", "preview"])
def test_facts_come_back_from_their_text_as_they_were(facts: CertificateFacts) -> None:
    assert from_json(to_json(facts)) == facts


@given(name=st.text(max_size=200), purpose=st.text(max_size=200), units=st.integers(1, 10**12))
def test_whatever_people_type_survives_being_frozen(name: str, purpose: str, units: int) -> None:
    facts = replace(FACTS, beneficiary_name=name, purpose=purpose, units=units)

    assert from_json(to_json(facts)) == facts


def test_the_same_facts_give_the_same_bytes_in_every_time_zone() -> None:
    elsewhere = AT.astimezone(timezone(timedelta(hours=5, minutes=45)))

    assert to_json(replace(FACTS, issued_at=elsewhere)) == to_json(FACTS)
    assert '"issued_at":"2026-11-22T10:00:01.250000Z"' in to_json(FACTS)


def test_the_text_is_sorted_has_no_spaces_and_spells_names_as_they_are() -> None:
    text = to_json(FACTS)

    assert list(json.loads(text)) == sorted(json.loads(text))
    assert ": " not in text.replace('A \\"quoted\\" <purpose>', "")
    assert "Nguyễn 王小明 محمد" in text


def test_one_changed_letter_changes_the_fingerprint() -> None:
    changed = to_json(replace(FACTS, purpose=FACTS.purpose + "."))

    assert len(fingerprint(to_json(FACTS))) == 64
    assert fingerprint(changed) != fingerprint(to_json(FACTS))


def test_a_fact_that_has_no_json_form_is_never_frozen_as_something_else() -> None:
    with pytest.raises(TypeError, match="bytes"):
        to_plain(replace(FACTS, purpose=b"raw"))  # type: ignore[arg-type]  # wrong on purpose
