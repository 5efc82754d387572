"""One reference, one effect or none, however often and from wherever it is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from threading import Thread

import pytest
from flask import Flask
from sqlalchemy import insert, select, update

from app.catalog.models import UnitType
from app.db import transaction
from app.kernel import checkpoints
from app.registry.ledger import codes
from app.registry.ledger.models import LedgerAccount, LedgerBlock, LedgerIssuance
from app.registry.ports import Absent, CancellationRequest, Completed, Found, RefusalCode, Refused
from tests.builders import all_at_once
from tests.service.registry.asking import a_request
from tests.service.registry.books import an_issuance, ask_about, cancelled, entries, held, refusal, submit, the_ledger


def more_units(first: int, last: int) -> None:
    """The seller gets more units of the issuance of project 1."""
    with transaction() as session:
        known = session.scalars(select(LedgerBlock).where(LedgerBlock.first >= 1_000_000)).first()
        assert known is not None
        values = {"account_id": known.account_id, "issuance_id": known.issuance_id, "space": "IN"}
        session.execute(insert(LedgerBlock).values(first=1_000_000 + first, last=1_000_000 + last, **values))


def test_a_repeated_request_gets_the_first_answer_and_has_no_second_effect(context: Flask) -> None:
    an_issuance((2_000, 2_009))
    answers = [the_ledger(context).submit(a_request(3)) for _ in range(4)]

    assert isinstance(answers[0], Completed)
    assert answers == [answers[0]] * 4
    assert (len(entries()), cancelled(), held()) == (1, [(2_000, 2_002)], [(2_003, 2_009)])


def test_the_same_request_from_many_sides_at_once_takes_effect_once(context: Flask) -> None:
    an_issuance((2_000, 2_009))

    answers = all_at_once(context, [lambda: the_ledger(context).submit(a_request(3))] * 5)

    assert answers == [answers[0]] * 5
    assert isinstance(answers[0], Completed)
    assert (len(entries()), cancelled()) == (1, [(2_000, 2_002)])


def test_different_requests_at_once_never_get_the_same_serial_number(context: Flask) -> None:
    an_issuance((2_000, 2_004), (2_010, 2_014))
    requests = [a_request(3, reference=f"TONNE-{n}") for n in range(4)]

    answers = all_at_once(context, [ask(context, request) for request in requests])

    assert sorted(type(answer).__name__ for answer in answers) == ["Completed", "Completed", "Completed", "Refused"]
    assert (held(), sum(last - first + 1 for first, last in cancelled())) == ([(2_014, 2_014)], 9)
    assert len({entry.identifier for entry in entries()}) == 4


def ask(app: Flask, request: CancellationRequest) -> Callable[[], object]:
    """What one of several workers does."""
    return lambda: the_ledger(app).submit(request)


def test_a_reference_cannot_be_used_for_another_request(context: Flask) -> None:
    an_issuance((2_000, 2_009))
    submit(context, a_request(3))
    other = a_request(4)

    assert refusal(context, other) is RefusalCode.KEY_REUSED
    found = ask_about(context, other)
    assert isinstance(found, Found)
    assert isinstance(found.outcome, Refused)
    assert found.outcome.code is RefusalCode.KEY_REUSED
    assert (len(entries()), cancelled()) == (1, [(2_000, 2_002)])


def test_a_look_up_finds_what_was_done_and_proves_what_was_not(context: Flask) -> None:
    an_issuance((2_000, 2_009))
    done = the_ledger(context).submit(a_request(3))

    assert ask_about(context, a_request(3)) == Found(done)
    absent = ask_about(context, a_request(3, reference="TONNE-B"))
    assert isinstance(absent, Absent)
    assert absent.proven
    assert len(entries()) == 1


def test_a_refused_request_stays_refused_even_when_units_have_come_since(context: Flask) -> None:
    an_issuance((2_000, 2_009))
    first = the_ledger(context).submit(a_request(11))
    more_units(2_010, 2_019)

    assert isinstance(first, Refused)
    assert first.code is RefusalCode.INSUFFICIENT
    assert "10 units" in first.message
    assert the_ledger(context).submit(a_request(11)) == first
    assert ask_about(context, a_request(11)) == Found(first)
    assert (cancelled(), held()) == ([], [(2_000, 2_009), (2_010, 2_019)])
    assert submit(context, a_request(11, reference="TONNE-B")) == [(2_000, 2_009), (2_010, 2_010)]


def test_a_refusal_is_on_the_books_as_a_terminated_transaction(context: Flask) -> None:
    an_issuance((2_000, 2_009))
    refusal(context, a_request(11))

    (entry,) = entries()
    assert (entry.state_code, entry.refusal_code, entry.units, entry.blocks) == (
        codes.TERMINATED,
        "insufficient",
        11,
        [],
    )
    assert entry.identifier == "TN00000001"


REFUSED = {
    "no units": ({"units": 0}, RefusalCode.INVALID),
    "less than nothing": ({"units": -5}, RefusalCode.INVALID),
    "unknown account": ({"account": "CDM-100-77"}, RefusalCode.NOT_OWNER),
    "out of the cancellation account": ({"account": codes.CANCELLATION_ACCOUNT_IDENTIFIER}, RefusalCode.NOT_OWNER),
    "account of another seller": ({"account": "CDM-100-2"}, RefusalCode.INSUFFICIENT),
    "other commitment period": ({"commitment_period": 1}, RefusalCode.INSUFFICIENT),
    "other unit type": ({"unit_type": "tCER"}, RefusalCode.INSUFFICIENT),
    "other project": ({"project_reference": "IN-2"}, RefusalCode.INSUFFICIENT),
    "other Party": ({"space": "BR"}, RefusalCode.INSUFFICIENT),
    "other start": ({"serial_first": 1_000_001}, RefusalCode.INSUFFICIENT),
    "other end": ({"serial_last": 1_099_998}, RefusalCode.INSUFFICIENT),
    "one unit too many": ({"units": 11}, RefusalCode.INSUFFICIENT),
}


def test_what_does_not_fit_the_books_is_refused_and_moves_nothing(context: Flask) -> None:
    an_issuance((2_000, 2_009))
    submit(context, a_request(2, reference="TONNE-EARLIER"))
    with transaction() as session:
        session.add(LedgerAccount(identifier="CDM-100-2", type_code=codes.HOLDING_ACCOUNT, holder="Seller 2"))

    refused = {
        case: refusal(context, replace(a_request(3, reference=f"TONNE-{number}"), **changes))
        for number, (case, (changes, _why)) in enumerate(REFUSED.items())
    }

    assert refused == {case: why for case, (_changes, why) in REFUSED.items()}
    assert (cancelled(), held()) == ([(2_000, 2_001)], [(2_002, 2_009)])


def test_a_first_request_for_an_unknown_account_from_many_sides_is_never_carried_out(context: Flask) -> None:
    an_issuance((2_000, 2_009))
    request = a_request(3, account="CDM-100-77")

    answers = all_at_once(context, [ask(context, request)] * 3)

    # Without an account there is nothing to wait at; whoever meets the other's entry has no answer, and looks up.
    assert not [answer for answer in answers if isinstance(answer, Completed)]
    found = ask_about(context, request)
    assert isinstance(found, Found)
    assert isinstance(found.outcome, Refused)
    assert (len(entries()), cancelled()) == (1, [])


def test_nobody_sees_half_a_cancellation(context: Flask) -> None:
    an_issuance((2_000, 2_009), (2_020, 2_029))
    seen: list[object] = []

    def look(point: str) -> None:
        if point == "ledger.inside_commit":
            reader = Thread(target=from_outside)
            reader.start()
            reader.join(30)

    def from_outside() -> None:
        with context.app_context():
            seen.append((len(entries()), cancelled(), held(), ask_about(context, a_request(13))))

    checkpoints.observe(look)
    submit(context, a_request(13))

    ((count, gone, there, found),) = seen
    assert (count, gone, there) == (0, [], [(2_000, 2_009), (2_020, 2_029)])
    assert isinstance(found, Absent)


def test_a_cancellation_that_is_torn_off_in_the_middle_never_happened(context: Flask) -> None:
    an_issuance((2_000, 2_009), (2_020, 2_029))

    def fail(point: str) -> None:
        if point == "ledger.inside_commit":
            raise ConnectionError(point)

    checkpoints.observe(fail)
    with pytest.raises(ConnectionError):
        the_ledger(context).submit(a_request(13))
    checkpoints.forget_observers()

    assert (entries(), cancelled(), held()) == ([], [], [(2_000, 2_009), (2_020, 2_029)])
    assert submit(context, a_request(13)) == [(2_000, 2_009), (2_020, 2_022)]


def test_afforestation_units_say_so_in_their_serial_numbers(context: Flask) -> None:
    an_issuance((2_000, 2_009))
    with transaction() as session:
        assert session.get(UnitType, "tCER") is not None
        session.execute(update(LedgerIssuance).values(unit_type="tCER"))

    outcome = the_ledger(context).submit(a_request(1, unit_type="tCER"))

    assert isinstance(outcome, Completed)
    assert outcome.result.blocks[0].text_first == "IN-6-1002000-2-2-1-1"
