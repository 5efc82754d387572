"""What is kept of a mail until it is sent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.notifications.messages import FACTS
from app.notifications.messages.facts import Facts
from app.notifications.messages.kinds import MailKind
from app.notifications.messages.orders import OrderPaid, RefundMade
from tests.mail_samples import all_facts, certificates_ready, order_paid, refund_made, sample_name

TEMPLATES = Path(__file__).parents[3] / "templates" / "email"


def back_from_storage(facts: Facts) -> Facts:
    return FACTS[facts.kind].from_json(json.loads(json.dumps(facts.to_json())))


@pytest.mark.parametrize("facts", all_facts(), ids=sample_name)
def test_facts_come_back_from_storage_as_they_were(facts: Facts) -> None:
    assert back_from_storage(facts) == facts


def test_what_does_not_exist_stays_absent_in_storage() -> None:
    alone = certificates_ready(1)
    assert alone.summary_url is None
    assert back_from_storage(alone) == alone


def test_money_is_kept_in_whole_minor_units_and_instants_with_their_zone() -> None:
    kept = order_paid().to_json()
    assert kept["total"] == {"minor": 1040, "currency": "USD"}
    assert kept["proof"]["paid_at"] == "2026-11-22T10:37:01+00:00"
    assert kept["proof"]["cancelled_at"] is None


def test_facts_with_a_gap_are_not_turned_into_a_mail_with_a_gap() -> None:
    kept = order_paid().to_json()
    del kept["consent"]
    with pytest.raises(KeyError):
        OrderPaid.from_json(kept)


def test_a_mail_that_was_kept_before_terms_had_versions_can_still_be_sent() -> None:
    kept = order_paid().to_json()
    del kept["consent"]["terms_version"], kept["consent"]["terms_url"]
    assert OrderPaid.from_json(kept).consent.terms_url == ""


def test_an_unknown_cause_of_a_refund_is_not_explained_away() -> None:
    kept = refund_made().to_json() | {"cause": "mood"}
    with pytest.raises(ValueError, match="mood"):
        RefundMade.from_json(kept)


def test_every_kind_of_mail_has_its_facts_and_its_three_templates() -> None:
    assert set(FACTS) == set(MailKind)
    for kind in MailKind:
        assert {"subject.txt", "body.txt", "body.html"} <= {path.name for path in (TEMPLATES / kind).iterdir()}
