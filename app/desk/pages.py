"""The desk put together."""

from __future__ import annotations

from flask import Flask

from app.checkout.service import correct, overdue, review
from app.desk import (
    batch_views,
    decision_views,
    dispute_views,
    house_views,
    ledger_views,
    ledger_words,
    order_views,
    people_views,
    refund_views,
    registry_views,
    start_views,
    words,
)
from app.desk.act_words import act_words
from app.desk.waiting import waiting
from app.payments import payouts, refund_decisions
from app.registry.adapters.forms import WeasyPrintForms
from app.registry.batch import answers as batch_answers
from app.registry.batch import worker as batch_worker
from app.registry.ledger import decisions as ledger_decisions

# Each adds its pages to the one blueprint when it is imported.
VIEWS = (
    start_views, order_views, refund_views, registry_views, batch_views, ledger_views, decision_views, house_views,
    people_views, dispute_views,
)  # fmt: skip


def init_app(app: Flask) -> None:
    """Register the pages, their words, and what carries out what two people agree on."""
    app.register_blueprint(VIEWS[0].blueprint)
    app.jinja_env.globals.update(waiting=waiting, desk_words=words)
    app.jinja_env.filters.update(act_words=act_words, proposal_words=_proposal, state_words=_state)
    ledger_words.init_app(app)
    for room in (payouts, refund_decisions, correct, review, overdue, batch_answers, ledger_decisions):
        room.init_app()
    batch_worker.init_app(app, WeasyPrintForms())


def _proposal(kind: str) -> str:
    return str(words.PROPOSALS.get(kind, kind.replace("_", " ")))


def _state(state: str, machine: str) -> str:
    return str(words.STATES[machine].get(state, state))
