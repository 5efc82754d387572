"""Purchases in a storm, and an auditor afterwards: payments = orders = cancellations = certificates = holdings.

`CHAOS_PURCHASES` says how many (16 in `make test`), `CHAOS_SEED` draws the same fates and the same weather again.
With `CHAOS_DIRECTORY` everything stays there, and a storm that was interrupted goes on where it was.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from uuid import uuid4

import pytest

from tests.chaos.storm import audit
from tests.chaos.storm.storm import Report, Storm
from tests.chaos.storm.weather import SHORT, kinds

PURCHASES = int(os.environ.get("CHAOS_PURCHASES", "16"))
SEED = os.environ.get("CHAOS_SEED") or uuid4().hex[:8]
KEPT = os.environ.get("CHAOS_DIRECTORY")

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(120 + PURCHASES * 2)]

# What an auditor has to find, and a statement that plants it in books that were right.
PLANTED = {
    "a unit is lost from the account of cancelled units": (
        "no unit of the ledger came or went",
        """UPDATE ledger_block SET last = last - 1 WHERE id = (SELECT min(b.id) FROM ledger_block b
        JOIN ledger_account a ON a.id = b.account_id WHERE a.type_code = 230 AND b.last > b.first)""",
    ),
    "a unit is lost from a holding": (
        "holdings fell by what was cancelled, in each registry",
        "UPDATE outside_holding SET units_after = units_after - 1 WHERE registry = 'undp'",
    ),
    "a cancellation is confirmed that its registry knows nothing of": (
        "a cancellation is confirmed if and only if its registry has exactly one effect of its units",
        "UPDATE ledger_transaction SET reference = 'TN-other' WHERE id = (SELECT min(id) FROM ledger_transaction)",
    ),
    "a registry has an effect that no cancellation asked for": (
        "every effect in a registry is one confirmed cancellation",
        "INSERT INTO outside_retirement VALUES ('9', 'TN-none', 3, 'Completed')",
    ),
    "a buyer is charged twice": (
        "nobody paid twice without getting one of the two back",
        """INSERT INTO outside_session SELECT 'cs_twice', order_reference, email, amount, status, payment_status,
        intent_id FROM outside_session WHERE payment_status = 'paid'
        AND intent_id = (SELECT min(id) FROM outside_intent WHERE refunded = 0 AND status = 'succeeded'
        AND id NOT IN (SELECT intent_id FROM outside_dispute))""",
    ),
    "a payment is captured that the shop knows nothing of": (
        "every payment that the gateway captured is one payment of ours that succeeded",
        """UPDATE outside_session SET id = 'cs_unknown' WHERE id = (SELECT min(id) FROM outside_session
        WHERE payment_status = 'paid')""",
    ),
    "a cent too much goes back": (
        "what was captured is what was cancelled for it and what went back, to the cent",
        """UPDATE outside_intent SET refunded = refunded + 1 WHERE id = (SELECT min(intent_id) FROM outside_session
        WHERE payment_status = 'paid' AND intent_id NOT IN (SELECT intent_id FROM outside_dispute))""",
    ),
    "a bank takes money, and the shop does not know": (
        "what banks are asked for, and what they have taken, is in our books as in the gateway's",
        """INSERT INTO outside_dispute SELECT 'du_unknown', id, amount, amount, 'lost' FROM outside_intent
        WHERE id = (SELECT min(id) FROM outside_intent WHERE status = 'succeeded')""",
    ),
    "the shop knows of a dispute that there never was": (
        "what banks are asked for, and what they have taken, is in our books as in the gateway's",
        """INSERT INTO dispute (id, payment_id, order_id, gateway_reference, state, reason, amount, currency, taken,
        opened_at, next_check_at, created_at) SELECT 1000000, id, order_id, 'du_none', 'lost', 'fraudulent', amount,
        currency, amount, created_at, created_at, created_at FROM payment
        WHERE id = (SELECT min(id) FROM payment WHERE state = 'succeeded')""",
    ),
    "the shop says that a bank gave money back, which it never took": (
        "what we say that banks gave back they have taken for good",
        """INSERT INTO refund (id, payment_id, order_id, cause, key, state, amount, currency, attempts, next_action_at,
        last_message, created_at) SELECT 1000000, id, order_id, 'held', 'planted', 'succeeded', amount + 1, currency, 0,
        created_at, '', created_at FROM payment WHERE id = (SELECT min(id) FROM payment WHERE state = 'succeeded')""",
    ),
    "money that a bank has taken goes back once more": (
        "bank and gateway together gave back no more than was captured",
        """INSERT INTO outside_dispute SELECT 'du_twice', id, amount, amount - refunded + 1, 'lost' FROM outside_intent
        WHERE id = (SELECT min(id) FROM outside_intent WHERE status = 'succeeded')""",
    ),
    "a certificate is missing": (
        "an order has one certificate for each project that units were cancelled of",
        "UPDATE certificate SET state = 'superseded' WHERE id = (SELECT min(id) FROM certificate)",
    ),
    "a number of certificates is missing": (
        "certificate numbers have no gaps",
        "UPDATE certificate SET sequence = 1000000 WHERE id = (SELECT min(id) FROM certificate)",
    ),
    "a certificate states a unit more": (
        "a certificate states what was cancelled",
        """UPDATE certificate SET facts = replace(facts, '"units":', '"units":1') WHERE id =
        (SELECT min(id) FROM certificate)""",
    ),
    "a mail with a certificate never arrived": (
        "whoever was certified something got a mail that names every certificate, under one identifier",
        "DELETE FROM outside_mail_names WHERE number = (SELECT min(number) FROM certificate)",
    ),
    "an order is stuck and no person knows": (
        "orders that were paid and are not over",
        """UPDATE purchase_order SET state = 'fulfilling' WHERE id =
        (SELECT min(id) FROM purchase_order WHERE state = 'fulfilled')""",
    ),
    "an offer is frozen for nothing": (
        "no offer is frozen, and no difference of books is told, where books agree",
        "UPDATE offer SET state = 'frozen' WHERE id = (SELECT min(id) FROM offer)",
    ),
    "an offer has sold a unit more than was cancelled": (
        "units sold, reservations settled and units cancelled are one number for each offer",
        "UPDATE offer SET units_settled = units_settled + 1 WHERE id = (SELECT min(id) FROM offer)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_payments_orders_cancellations_certificates_and_holdings_agree_after_a_storm(
    kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    storm = Storm(Path(KEPT or tempfile.mkdtemp(prefix="tonne-storm-")) / kind, kind, PURCHASES, SEED)
    try:
        report = storm.play()
        with capsys.disabled():
            print(f"\n{report}")  # noqa: T201 - what `make chaos` is for
        _assert_the_storm_was_one(report)
        assert report.contradictions == {}
        _assert_planted_faults_are_found(storm)
    except BaseException as problem:
        problem.add_note(f"what is left: {storm.directory}, seed {SEED}")
        raise
    if KEPT is None:
        storm.remove()
        storm.directory.parent.rmdir()
    else:
        storm.leave()


def _assert_the_storm_was_one(report: Report) -> None:
    """Everything broke at least once, most of the purchases were paid all the same, and units moved."""
    assert set(kinds(PURCHASES)) <= set(report.faults)
    assert report.faults["worker -9"] > 0
    assert report.counts["payments captured"] > PURCHASES / 2
    assert PURCHASES < SHORT or report.counts["payments disputed"] > 0
    assert report.counts["units cancelled"] == report.counts["units that left the holdings"] > 0


def _assert_planted_faults_are_found(storm: Storm) -> None:
    """An auditor who finds nothing proves something only if faults are found that are there: one at a time."""
    with storm.house.engine.connect() as connection:
        for fault, (sentence, plant) in PLANTED.items():
            found = connection.begin()
            assert connection.exec_driver_sql(plant).rowcount == 1, fault
            assert audit.contradictions(connection, only=sentence), fault
            found.rollback()
        assert audit.contradictions(connection) == {}
