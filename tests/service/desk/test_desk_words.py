"""Operators read words, never codes: every code of the product has its words in the tables of the desk."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from flask import Flask

from app.audit.rules import RULES as HOUSE_RULES
from app.audit.service import kinds
from app.checkout.states import OrderState
from app.desk import words
from app.desk.act_words import act_words, has_words
from app.desk.facts import told
from app.desk.loading import IMPORTERS
from app.notifications.states import MailState
from app.payments.states import PaymentState, RefundState
from app.registry.states import CancellationState
from app.screening.service import Standing

APP = Path(__file__).parents[3] / "app"
# Codes that are put together from a state.
BUILT = {"match_cleared", "match_confirmed", "application_approved", "application_refused", "application_returned"}


def codes() -> Iterator[str]:
    """The second argument of every call of `note_act`, where it is written out."""
    for path in APP.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "note_act" and len(node.args) > 1:
                what = node.args[1]
                if isinstance(what, ast.Constant) and isinstance(what.value, str):
                    yield what.value


def test_every_act_has_words(context: Flask) -> None:
    with context.test_request_context("/en/desk"):
        found = set(codes()) | BUILT
        assert len(found) > 40
        assert [code for code in sorted(found) if not has_words(code)] == []


def test_every_kind_of_decision_has_words_for_each_of_its_steps(context: Flask) -> None:
    with context.test_request_context("/en/desk"):
        # A test of another room may have registered kinds of its own in this process.
        ours = kinds() & set(words.PROPOSALS)
        assert ours == set(words.PROPOSALS)
        for kind in ours:
            for step in ("proposed", "carried_out", "declined", "withdrawn"):
                assert has_words(f"{kind}_{step}"), kind
        assert act_words("record_payout_declined") == "Declined: Record a payout"
        assert act_words("of_a_later_version") == "of a later version"


def test_every_state_rule_and_file_has_words() -> None:
    for table, codes_of_it in (
        (words.ORDER, OrderState), (words.CANCELLATION, CancellationState), (words.PAYMENT, PaymentState),
        (words.REFUND, RefundState), (words.MAIL, MailState), (words.SCREENING, Standing),
        (words.IMPORTS, IMPORTERS), (words.RULES, HOUSE_RULES), (words.EVENTS["order"], OrderState),
        (words.EVENTS["cancellation"], CancellationState), (words.EVENTS["payment"], PaymentState),
        (words.EVENTS["refund"], RefundState),
    ):  # fmt: skip
        assert set(table) == {str(code) for code in codes_of_it}


def test_a_fact_without_a_name_is_not_told(context: Flask) -> None:
    with context.test_request_context("/en/desk"):
        facts = {"amount": 1_250, "currency": "USD", "private_after": {"name": "Ana"}, "email": "ana@example.org"}
        assert told(facts) == [("Amount", "USD\xa012.50")]
        several = told({"amount": 3, "before": "", "after": True, "changed": ["name"], "what": "offers"})
        assert dict(several) == {
            "Amount": "3", "Before": "–", "After": "Yes", "Changed": "Beneficiary", "What was loaded": "Offers"
        }  # fmt: skip
