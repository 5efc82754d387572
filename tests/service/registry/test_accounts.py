"""An account belongs to one registry and one participant."""

from __future__ import annotations

from flask import Flask

from app.db import db
from app.providers.models import Provider
from app.registry.accounts import account_identifiers, find_account_provider, find_registry_code
from tests.builders import an_offer


def test_an_operator_notes_once_which_registry_keeps_an_account_and_for_whom(app: Flask) -> None:
    with app.app_context():
        an_offer()

    def say(*words: str) -> tuple[int, str]:
        answer = app.test_cli_runner().invoke(args=["registry", "account", *words])
        return answer.exit_code, answer.output.strip()

    assert say("ledger", "CO-7", "seller") == (0, "ledger keeps CO-7 for seller.")
    assert say("ledger", "CO-7", "seller") == (0, "ledger keeps CO-7 for seller. That was known.")
    assert say("undp", "CO-7", "seller") == (1, "Error: REGISTRIES does not name undp.")
    assert say("ledger", "CO-8", "nobody") == (1, "Error: There is no project participant nobody.")
    with app.app_context():
        assert find_registry_code("CO-7") == "ledger"
        provider_id = find_account_provider("CO-7")
        assert provider_id is not None
        assert "CO-7" in account_identifiers(provider_id)


def test_an_account_never_changes_hands(app: Flask) -> None:
    with app.app_context():
        an_offer()
        db.session.add(Provider(code="other", legal_name="Other", country="CH"))
        db.session.commit()

    answer = app.test_cli_runner().invoke(args=["registry", "account", "ledger", "CDM-100-1", "other"])

    assert answer.exit_code == 1
    assert "another participant's, or another registry keeps it" in answer.output
