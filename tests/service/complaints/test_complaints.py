"""A complaint gets a number and a deadline, is answered once, and is counted in public."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.complaints import queries, service
from app.complaints.errors import ComplaintClosed, NoSuchComplaint, ReplyUnfit
from app.complaints.queries import YearCounts, yearly_counts
from app.complaints.states import COMPLAINT, ComplaintState
from app.config import Settings
from app.db import db
from app.fulfilment.process import Collaborators, run_due
from app.notifications.models import Mail
from tests.builders import NOW, all_at_once, mailer_of, pass_time
from tests.service.complaints.complaining import TYPED, a_complaint, moves, numbers, the_complaint

_S = ComplaintState
TODAY = NOW.date()


@pytest.fixture
def settings(context: Flask) -> Settings:
    return context.extensions["tonne.settings"]  # type: ignore[no-any-return]  # extensions are of any type


def test_a_complaint_has_a_number_of_its_year_and_a_deadline(settings: Settings) -> None:
    complaint = the_complaint(a_complaint(settings))

    assert complaint.number == "C1/2026"
    assert complaint.state is _S.RECEIVED
    assert complaint.received_at == NOW
    assert complaint.due_on == date(2026, 12, 6)
    assert (complaint.email, complaint.about, complaint.problem, complaint.wish) == tuple(TYPED.values())
    assert moves() == [(None, "received", {})]


def test_numbers_have_no_gaps_and_begin_again_each_year(settings: Settings) -> None:
    for now in (NOW, NOW, datetime(2027, 1, 1, tzinfo=UTC)):
        a_complaint(settings, now=now)

    assert numbers() == ["C1/2026", "C2/2026", "C1/2027"]


def test_the_deadline_is_a_setting(settings: Settings) -> None:
    token = a_complaint(replace(settings, complaint_days=1))

    assert the_complaint(token).due_on == date(2026, 11, 23)


def test_the_same_form_sent_twice_is_one_complaint_with_one_mail(settings: Settings) -> None:
    first = a_complaint(settings, once="o" * 27)

    assert a_complaint(settings, once="o" * 27, now=NOW + timedelta(minutes=1)) == first
    assert numbers() == ["C1/2026"]
    assert len(db.session.scalars(select(Mail)).all()) == 1


def test_the_same_form_with_other_words_is_another_complaint(settings: Settings) -> None:
    a_complaint(settings, once="o" * 27)
    a_complaint(settings, once="o" * 27, problem="Something else.")

    assert numbers() == ["C1/2026", "C2/2026"]


def test_of_many_presses_at_once_one_makes_the_complaint_and_all_lead_to_it(app: Flask, settings: Settings) -> None:
    tokens = all_at_once(app, [lambda: a_complaint(settings, once="o" * 27)] * 4)
    others = all_at_once(app, [lambda: a_complaint(settings)] * 3)

    assert len(set(tokens)) == 1
    assert len(set(others)) == 3
    assert sorted(numbers()) == ["C1/2026", "C2/2026", "C3/2026", "C4/2026"]


def test_the_receipt_goes_out_in_the_language_of_the_page_and_repeats_nothing(world: Collaborators) -> None:
    token = a_complaint(world.settings, locale="fr")
    run_due(world)

    (mail,) = mailer_of(world).sent
    assert (mail.recipient, mail.locale) == (TYPED["email"], "fr")
    assert "C1/2026" in mail.subject
    assert f"http://127.0.0.1:5000/fr/complaint/{token}" in mail.text
    assert "6 décembre 2026" in mail.text
    for typed in ("twice", "T-7KMQ", "second payment"):
        assert typed not in mail.text + mail.html


@pytest.mark.parametrize("outcome", [_S.UPHELD, _S.ANSWERED, _S.REJECTED])
def test_an_answer_closes_a_complaint_and_is_mailed_word_for_word(
    world: Collaborators, outcome: ComplaintState
) -> None:
    token = a_complaint(world.settings)
    pass_time(world, days=3)

    reply = "Dear Amélie,\r\n\r\n\r\nit is on its way.\u202e\n"
    service.answer("C1/2026", outcome, reply, world.settings, world.clock.now())
    run_due(world)

    complaint = the_complaint(token)
    assert (complaint.state, complaint.closed_on) == (outcome, date(2026, 11, 25))
    assert complaint.reply == "Dear Amélie,\n\nit is on its way."
    assert "Dear Amélie,\n\nit is on its way." in mailer_of(world).sent[-1].text
    assert moves()[-1] == ("received", outcome.value, {})


def test_the_first_answer_stands(settings: Settings) -> None:
    token = a_complaint(settings)
    service.answer("C1/2026", _S.UPHELD, "Yes.", settings, NOW)

    with pytest.raises(ComplaintClosed) as refused:
        service.answer("C1/2026", _S.REJECTED, "No.", settings, NOW)

    assert refused.value.facts == {"number": "C1/2026", "state": _S.UPHELD}
    assert the_complaint(token).reply == "Yes."
    assert len(db.session.scalars(select(Mail)).all()) == 2


def test_of_two_answers_at_once_one_is_given(app: Flask, settings: Settings) -> None:
    a_complaint(settings)

    results = all_at_once(app, [lambda: service.answer("C1/2026", _S.UPHELD, "Yes.", settings, NOW)] * 3)

    assert [type(result) for result in results].count(ComplaintClosed) == 2
    assert len(moves()) == 2


@pytest.mark.parametrize("reply", ["", " \n\u200b ", "x" * (service.LONGEST_REPLY + 1)])
def test_an_answer_without_words_or_with_too_many_is_refused(settings: Settings, reply: str) -> None:
    a_complaint(settings)

    with pytest.raises(ReplyUnfit):
        service.answer("C1/2026", _S.UPHELD, reply, settings, NOW)


def test_nothing_but_an_outcome_closes_a_complaint_with_an_answer(settings: Settings) -> None:
    a_complaint(settings)

    with pytest.raises(ValueError, match="withdrawn"):
        service.answer("C1/2026", _S.WITHDRAWN, "Bye.", settings, NOW)
    with pytest.raises(NoSuchComplaint):
        service.answer("C2/2026", _S.UPHELD, "Yes.", settings, NOW)


def test_a_complaint_can_be_taken_back_once_and_not_after_the_answer(settings: Settings) -> None:
    token = a_complaint(settings)

    assert service.withdraw(token, NOW)
    assert not service.withdraw(token, NOW)
    with pytest.raises(ComplaintClosed):
        service.answer("C1/2026", _S.UPHELD, "Yes.", settings, NOW)
    with pytest.raises(NoSuchComplaint):
        service.withdraw("nobody", NOW)
    assert the_complaint(token).state is _S.WITHDRAWN


def test_whatever_closed_a_complaint_is_final() -> None:
    assert {state for state in _S if COMPLAINT.is_final(state)} == set(_S) - {_S.RECEIVED}


def test_what_waits_is_listed_by_urgency_and_says_what_is_late(settings: Settings) -> None:
    a_complaint(settings, now=NOW)
    a_complaint(settings, now=NOW - timedelta(days=14))
    a_complaint(settings, now=NOW - timedelta(days=15))
    service.withdraw(a_complaint(settings), NOW)

    found = [(complaint.number, complaint.is_late) for complaint in queries.waiting(TODAY)]

    assert found == [("C3/2026", True), ("C2/2026", False), ("C1/2026", False)]


def test_each_year_counts_what_came_and_what_became_of_it(settings: Settings) -> None:
    old = datetime(2025, 1, 10, 9, tzinfo=UTC)
    a_complaint(settings, now=old)
    a_complaint(settings, now=old)
    service.answer("C1/2025", _S.REJECTED, "No.", settings, datetime(2025, 1, 24, 23, 59, tzinfo=UTC))
    service.answer("C2/2025", _S.UPHELD, "Yes.", settings, datetime(2025, 1, 25, tzinfo=UTC))
    for _ in range(4):
        a_complaint(settings)
    service.answer("C1/2026", _S.UPHELD, "Yes.", settings, NOW)
    service.answer("C2/2026", _S.ANSWERED, "So it is.", settings, NOW)
    service.withdraw(the_complaint(queries.waiting(TODAY)[0].token).token, NOW)

    assert yearly_counts(is_demonstration=True, this_year=2027) == [
        YearCounts(2027),
        YearCounts(2026, received=4, answered_in_time=2, withdrawn=1, open=1, upheld=1),
        YearCounts(2025, received=2, answered_in_time=1, answered_late=1, upheld=1, rejected=1),
    ]
    for year in yearly_counts(is_demonstration=True, this_year=2027):
        assert year.received == year.answered_in_time + year.answered_late + year.withdrawn + year.open


def test_complaints_about_a_demonstration_are_not_counted_among_real_ones(settings: Settings) -> None:
    a_complaint(settings)

    assert yearly_counts(is_demonstration=False, this_year=2026) == [YearCounts(2026)]


def test_no_log_line_and_no_event_has_anything_that_a_person_wrote(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        token = a_complaint(settings)
        service.answer("C1/2026", _S.UPHELD, "Dear Amélie, yes.", settings, NOW)

    told = " ".join(f"{record.getMessage()} {record.__dict__.get('facts')}" for record in caplog.records)
    assert "complaint received {'number': 'C1/2026'}" in told
    for secret in (token, "Amélie", *TYPED.values()):
        assert secret not in told
        assert secret not in str(moves())
