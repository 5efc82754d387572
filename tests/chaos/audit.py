"""What an auditor would check in the tables after the lights went out. Plain SQL, on purpose.

None of it uses the product's own code: each question gives the rows that contradict its sentence.
Accounts of type 230 are for voluntary cancellation; a ledger transaction in state 4 is completed,
in state 5 refused (terminated).
"""

from __future__ import annotations

from collections.abc import Iterable
from email.message import EmailMessage
from typing import Any

from sqlalchemy import Engine, text

UNFINISHED_QUESTIONS = {
    "paid at the gateway, not at our end of the line": """
        SELECT s.reference, p.state, o.state FROM testpay_session s
        LEFT JOIN payment p ON p.gateway_reference = s.reference
        LEFT JOIN purchase_order o ON o.id = p.order_id
        WHERE s.payment_status = 'paid'
        AND (p.state IS NULL OR p.state <> 'succeeded'
        OR o.state NOT IN ('fulfilled', 'partly_fulfilled', 'refused'))""",
    "direct cancellations to be carried out": """
        SELECT reference, state FROM direct_cancellation WHERE state NOT IN ('fulfilled', 'refused')""",
    "choices to be made": "SELECT id, state FROM remedy WHERE state = 'offered'",
    "refunds to be made": "SELECT id, state FROM refund WHERE state <> 'succeeded'",
    "PDFs to be drawn": "SELECT subject, locale, attempts FROM document_request",
    "mails to be sent": "SELECT id, kind, attempts, last_message FROM mail WHERE state <> 'sent'",
    "notices to be posted by the gateway": "SELECT id, attempts FROM testpay_event WHERE sent_at IS NULL",
    "notices of the gateway to be acted on": "SELECT id FROM webhook_delivery WHERE processed_at IS NULL",
}

QUESTIONS = {
    "every payment of ours that succeeded is money at the gateway": """
        SELECT p.id FROM payment p LEFT JOIN testpay_session s
        ON s.reference = p.gateway_reference AND s.payment_status = 'paid' AND s.amount = p.amount
        WHERE p.state = 'succeeded' AND p.drawn_from_id IS NULL AND s.id IS NULL""",
    "every page that can be paid belongs to an order that waits for it": """
        SELECT s.reference, p.state, o.state FROM testpay_session s
        LEFT JOIN payment p ON p.gateway_reference = s.reference LEFT JOIN purchase_order o ON o.id = p.order_id
        WHERE s.status = 'open' AND (o.state IS NULL OR o.state <> 'payment_pending')""",
    "nobody is charged twice": """
        SELECT o.email, count(*) FROM purchase_order o JOIN payment p ON p.order_id = o.id
        WHERE p.state = 'succeeded' GROUP BY o.email HAVING count(*) > 1""",
    "a finished order was paid, once": """
        SELECT o.id, o.state FROM purchase_order o
        WHERE (SELECT count(*) FROM payment p WHERE p.order_id = o.id AND p.state = 'succeeded')
        <> CASE WHEN o.state IN ('fulfilled', 'partly_fulfilled', 'refused') THEN 1 ELSE 0 END""",
    "an order is paid once, begun once, finished once": """
        SELECT subject_id, to_state, count(*) FROM state_event WHERE machine = 'order'
        AND to_state IN ('paid', 'fulfilling', 'fulfilled', 'partly_fulfilled', 'refused')
        GROUP BY subject_id, to_state HAVING count(*) > 1""",
    "every line of a finished order has its cancellation, and no other line has one": """
        SELECT l.id, o.state, count(c.id) FROM order_line l JOIN purchase_order o ON o.id = l.order_id
        LEFT JOIN cancellation c ON c.order_line_id = l.id AND c.units = l.units
        GROUP BY l.id, o.state
        HAVING count(c.id) <> CASE WHEN o.state IN ('fulfilled', 'partly_fulfilled', 'refused') THEN 1 ELSE 0 END""",
    "every cancellation is confirmed or refused": """
        SELECT id, state, last_message FROM cancellation WHERE state NOT IN ('confirmed', 'refused')""",
    "an order says what became of its cancellations": """
        SELECT o.id, o.state FROM purchase_order o JOIN cancellation c ON c.order_id = o.id
        GROUP BY o.id, o.state HAVING sum(CASE WHEN c.state = 'manual' THEN 1 ELSE 0 END) = 0 AND o.state <> CASE
        WHEN sum(CASE WHEN c.state = 'refused' THEN 1 ELSE 0 END) = 0 THEN 'fulfilled'
        WHEN sum(CASE WHEN c.state = 'confirmed' THEN 1 ELSE 0 END) = 0 THEN 'refused'
        ELSE 'partly_fulfilled' END""",
    "each cancellation is one transaction of the ledger": """
        SELECT c.reference, c.state, count(t.id) FROM cancellation c
        LEFT JOIN ledger_transaction t ON t.reference = c.reference AND t.units = c.units
        AND t.state_code = CASE c.state WHEN 'confirmed' THEN 4 ELSE 5 END
        GROUP BY c.reference, c.state HAVING count(t.id) <> 1""",
    "each transaction of the ledger is one cancellation": """
        SELECT t.id FROM ledger_transaction t LEFT JOIN cancellation c ON c.reference = t.reference
        WHERE t.type_code = 4 AND t.origin = 'own' AND c.id IS NULL""",
    "the serial numbers of a cancellation add up to its units": """
        SELECT c.id, c.state, c.units, sum(b.last - b.first + 1) FROM cancellation c
        LEFT JOIN cancelled_block b ON b.cancellation_id = c.id GROUP BY c.id, c.state, c.units
        HAVING coalesce(sum(b.last - b.first + 1), 0) <> CASE c.state WHEN 'confirmed' THEN c.units ELSE 0 END""",
    "no serial number is cancelled twice": """
        SELECT id, next FROM (SELECT id, last, lead(first) OVER (PARTITION BY space ORDER BY first) AS next
        FROM cancelled_block) AS beside WHERE next <= last""",
    "no serial number lies in two places": """
        SELECT id, next FROM (SELECT id, last, lead(first) OVER (PARTITION BY space ORDER BY first) AS next
        FROM ledger_block) AS beside WHERE next <= last""",
    "units sold, reservations settled, units cancelled and units moved in the ledger are one number": """
        SELECT * FROM (SELECT f.id, f.units_settled AS sold,
        (SELECT coalesce(sum(r.units), 0) FROM reservation r
         WHERE r.offer_id = f.id AND r.state = 'settled') AS settled,
        (SELECT coalesce(sum(b.last - b.first + 1), 0) FROM cancelled_block b
         JOIN cancellation c ON c.id = b.cancellation_id
         WHERE c.issuance_id = f.issuance_id AND c.order_id IS NOT NULL) AS cancelled,
        (SELECT coalesce(sum(b.last - b.first + 1), 0) FROM ledger_block b
         JOIN ledger_account a ON a.id = b.account_id JOIN ledger_issuance l ON l.id = b.issuance_id
         JOIN issuance i ON i.space = l.space AND i.serial_first = l.first
         WHERE a.type_code = 230 AND i.id = f.issuance_id)
        - (SELECT coalesce(sum(d.units), 0) FROM direct_cancellation d
         WHERE d.issuance_id = f.issuance_id AND d.state = 'fulfilled') AS moved
        FROM offer f) AS counted WHERE sold <> settled OR sold <> cancelled OR sold <> moved""",
    "units held are held by somebody": """
        SELECT * FROM (SELECT f.id, f.units_reserved,
        (SELECT coalesce(sum(r.units), 0) FROM reservation r WHERE r.offer_id = f.id AND r.state = 'held') AS held
        FROM offer f) AS counted WHERE units_reserved <> held""",
    "an order holds units only while it can be paid": """
        SELECT o.id, o.state, r.id FROM reservation r JOIN order_line l ON l.id = r.order_line_id
        JOIN purchase_order o ON o.id = l.order_id
        WHERE r.state = 'held' AND o.state NOT IN ('placed', 'payment_pending')""",
    "an order has one certificate for each project that units were cancelled of": """
        SELECT done.order_id, done.project_id, count(c.id) FROM (SELECT DISTINCT l.order_id, l.project_id
        FROM cancellation x JOIN order_line l ON l.id = x.order_line_id WHERE x.state = 'confirmed'
        AND NOT EXISTS (SELECT 1 FROM cancellation w WHERE w.order_id = x.order_id AND w.state = 'manual')) AS done
        LEFT JOIN certificate c ON c.order_id = done.order_id AND c.project_id = done.project_id
        AND c.state = 'issued' GROUP BY done.order_id, done.project_id HAVING count(c.id) <> 1""",
    "nothing is certified that was not cancelled": """
        SELECT c.number FROM certificate c WHERE NOT EXISTS (SELECT 1 FROM cancellation x
        JOIN order_line l ON l.id = x.order_line_id WHERE x.state = 'confirmed'
        AND l.order_id = c.order_id AND l.project_id = c.project_id)
        AND NOT EXISTS (SELECT 1 FROM cancellation x WHERE x.state = 'confirmed'
        AND x.direct_cancellation_id = c.direct_cancellation_id)""",
    "a direct cancellation is begun once, finished once": """
        SELECT subject_id, to_state, count(*) FROM state_event WHERE machine = 'direct_cancellation'
        GROUP BY subject_id, to_state HAVING count(*) > 1""",
    "a direct cancellation has its units cancelled, one certificate, one PDF and one mail": """
        SELECT d.reference, d.state, count(DISTINCT x.id), count(DISTINCT c.id),
        count(DISTINCT p.id), count(DISTINCT m.id) FROM direct_cancellation d
        LEFT JOIN cancellation x ON x.direct_cancellation_id = d.id AND x.state = 'confirmed' AND x.units = d.units
        LEFT JOIN certificate c ON c.direct_cancellation_id = d.id
        LEFT JOIN document p ON p.subject = c.number AND p.locale = d.locale
        LEFT JOIN mail m ON m.key = 'direct_certified:' || d.reference AND m.state = 'sent'
        GROUP BY d.reference, d.state
        HAVING d.state <> 'fulfilled' OR count(DISTINCT x.id) <> 1 OR count(DISTINCT c.id) <> 1
        OR count(DISTINCT p.id) <> 1 OR count(DISTINCT m.id) <> 1""",
    "a certificate has one PDF in the language of its order": """
        SELECT c.number, count(d.id) FROM certificate c JOIN purchase_order o ON o.id = c.order_id
        LEFT JOIN document d ON d.subject = c.number AND d.locale = o.locale
        GROUP BY c.number HAVING count(d.id) <> 1""",
    "an order of several certificates has a summary": """
        SELECT o.reference FROM purchase_order o
        WHERE (SELECT count(*) FROM certificate c WHERE c.order_id = o.id) > 1 AND NOT EXISTS
        (SELECT 1 FROM document d WHERE d.subject = o.reference AND d.locale = o.locale)""",
    "money goes back for refused units, once, and for nothing else": """
        SELECT l.id, count(r.id) FROM order_line l LEFT JOIN cancellation c ON c.order_line_id = l.id
        LEFT JOIN refund r ON r.order_line_id = l.id AND r.amount = l.amount AND r.state = 'succeeded'
        GROUP BY l.id, c.state HAVING count(r.id) <> CASE c.state WHEN 'refused' THEN 1 ELSE 0 END""",
    "no money goes back that belongs to no line": "SELECT id, cause FROM refund WHERE order_line_id IS NULL",
    "what the gateway gave back is what we asked for": """
        SELECT * FROM (SELECT s.reference, s.refunded,
        (SELECT coalesce(sum(t.amount), 0) FROM testpay_refund t WHERE t.session_reference = s.reference) AS given,
        (SELECT coalesce(sum(r.amount), 0) FROM refund r JOIN payment p ON p.id = r.payment_id
         WHERE p.gateway_reference = s.reference) AS asked FROM testpay_session s) AS counted
        WHERE refunded <> given OR refunded <> asked""",
    "a finished order has one receipt, and one mail with its certificates if it has any": """
        SELECT o.id, m.kind FROM purchase_order o CROSS JOIN
        (SELECT 'order_paid' AS kind UNION SELECT 'certificates_ready') AS m
        WHERE (SELECT count(*) FROM mail x WHERE x.order_id = o.id AND x.kind = m.kind AND x.state = 'sent')
        <> CASE WHEN o.state IN ('fulfilled', 'partly_fulfilled') OR (o.state = 'refused' AND m.kind = 'order_paid')
        THEN 1 ELSE 0 END""",
}


def unfinished(engine: Engine) -> dict[str, list[Any]]:
    """What is still to be done, by question; empty when all is done."""
    return _contradictions(engine, UNFINISHED_QUESTIONS)


def check(engine: Engine) -> None:
    """Ask every question. Raises AssertionError with all contradictions at once."""
    found = _contradictions(engine, {**UNFINISHED_QUESTIONS, **QUESTIONS})
    assert not found, found
    sequences = column(engine, "SELECT sequence FROM certificate ORDER BY sequence")
    assert sequences == list(range(1, len(sequences) + 1)), "certificate numbers have gaps"
    assert column(engine, "SELECT last FROM certificate_counter") in ([len(sequences)], [])


def check_mails(engine: Engine, mails: Iterable[EmailMessage], buyer: str) -> None:
    """Each mail of a buyer arrived, and copies of one mail can be told by their Message-ID."""
    arrived = [mail for mail in mails if mail["To"] == buyer]
    subjects = {str(mail["Message-ID"]): str(mail["Subject"]) for mail in arrived}
    written = column(engine, "SELECT id FROM mail WHERE recipient = :buyer", buyer=buyer)
    assert len(subjects) == len(written), subjects
    assert len(set(subjects.values())) == len(written), "one mail went out under two Message-IDs"
    for number in column(
        engine,
        "SELECT c.number FROM certificate c JOIN purchase_order o ON o.id = c.order_id WHERE o.email = :buyer",
        buyer=buyer,
    ):
        naming = {str(mail["Message-ID"]) for mail in arrived if number in mail.get_body(("plain",)).get_content()}
        assert len(naming) == 1, f"{number} is named by {len(naming)} mails"


def column(engine: Engine, query: str, **values: Any) -> list[Any]:
    """The first column of a query's rows."""
    with engine.connect() as connection:
        return list(connection.execute(text(query), values).scalars())


def _contradictions(engine: Engine, questions: dict[str, str]) -> dict[str, list[Any]]:
    with engine.connect() as connection:
        answers = {name: [tuple(row) for row in connection.execute(text(query))] for name, query in questions.items()}
    return {name: rows for name, rows in answers.items() if rows}
