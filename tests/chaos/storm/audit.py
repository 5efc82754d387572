"""The auditor: the shop's tables beside the books of the gateway, the registries and the mail server. Plain SQL.

None of it uses the product's own code. The others' books (`books.py`) are laid beside the shop's tables as `outside_…`;
each question gives the rows that contradict its sentence. Accounts of type 100 hold units, type 230 is for voluntary
cancellation; a ledger transaction in state 4 is completed. ORDERS_WITH_A_PERSON is what waits at the operators' desk: a
retirement, too, that the UNDP registry keeps pending for ever, as it does after a race, and for which no unit moved.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, TextClause, text

from tests.chaos import audit
from tests.chaos.storm.books import Books

# What the shop calls where a dispute stands at the gateway.
STAGE = """CASE status WHEN 'won' THEN 'won' WHEN 'warning_closed' THEN 'won' WHEN 'lost' THEN 'lost'
    WHEN 'needs_response' THEN 'open' WHEN 'warning_needs_response' THEN 'open' ELSE 'under_review' END"""
COPIED = {
    "session": "id, order_reference, email, amount, status, payment_status, json_extract(content, '$.payment_intent')",
    "intent": "id, amount, refunded, status",
    "refund": "id, intent_id, amount, status",
    "dispute": f"id, intent_id, amount, taken, {STAGE}",
    "mail": "id, message_id, recipient",
    "mail_names": "message_id, number",
    "retirement": "id, reference, units, status",
    "holding": "registry, before, after",
    "purchase": "number, email, outcome",
}
TABLES = """
CREATE TABLE outside_session (id VARCHAR(80), order_reference VARCHAR(40), email VARCHAR(80), amount BIGINT,
    status VARCHAR(20), payment_status VARCHAR(20), intent_id VARCHAR(80));
CREATE TABLE outside_intent (id VARCHAR(80), amount BIGINT, refunded BIGINT, status VARCHAR(40));
CREATE TABLE outside_refund (id VARCHAR(80), intent_id VARCHAR(80), amount BIGINT, status VARCHAR(20));
CREATE TABLE outside_dispute (id VARCHAR(80), intent_id VARCHAR(80), amount BIGINT, taken BIGINT, stage VARCHAR(20));
CREATE TABLE outside_mail (id BIGINT, message_id VARCHAR(200), recipient VARCHAR(80));
CREATE TABLE outside_mail_names (message_id VARCHAR(200), number VARCHAR(40));
CREATE TABLE outside_retirement (id VARCHAR(40), reference VARCHAR(80), units BIGINT, status VARCHAR(20));
CREATE TABLE outside_holding (registry VARCHAR(20), units_before BIGINT, units_after BIGINT);
CREATE TABLE outside_purchase (number BIGINT, email VARCHAR(80), outcome VARCHAR(200));
CREATE INDEX outside_1 ON outside_session (id);
CREATE INDEX outside_2 ON outside_session (order_reference);
CREATE INDEX outside_3 ON outside_intent (id);
CREATE INDEX outside_4 ON outside_mail_names (number);
CREATE INDEX outside_5 ON outside_mail (recipient, message_id);
CREATE INDEX outside_6 ON outside_retirement (reference)
"""

ORDERS_WITH_A_PERSON = """SELECT o.id FROM purchase_order o WHERE o.state IN ('payment_review', 'risk_hold')
    UNION SELECT c.order_id FROM cancellation c WHERE c.state = 'manual' AND c.order_id IS NOT NULL
    UNION SELECT r.order_id FROM refund r WHERE r.state = 'failed'"""

# What the units were worth that were cancelled for a payment, also those of an order that it paid for instead.
WORTH_OF_THE_UNITS = """SELECT coalesce(q.drawn_from_id, q.id) AS payment_id, sum(l.amount) AS worth FROM payment q
    JOIN order_line l ON l.order_id = q.order_id JOIN cancellation c ON c.order_line_id = l.id
    WHERE q.state = 'succeeded' AND c.state = 'confirmed' GROUP BY coalesce(q.drawn_from_id, q.id)"""

# Refunds that no gateway made: two operators noted that a bank did.
GIVEN_BY_BANKS = """SELECT payment_id, sum(amount) AS noted FROM refund
    WHERE state = 'succeeded' AND gateway_reference IS NULL GROUP BY payment_id"""

UNFINISHED = {
    "orders that were paid and are not over": """
        SELECT id, reference, state FROM purchase_order
        WHERE state IN ('placed', 'payment_pending', 'paid', 'fulfilling') AND id NOT IN (ORDERS_WITH_A_PERSON)""",
    "cancellations that are neither confirmed nor refused": """
        SELECT id, state, last_message FROM cancellation WHERE state NOT IN ('confirmed', 'refused', 'manual')""",
    "payments that could still come": """
        SELECT id, state FROM payment WHERE state IN ('created', 'open', 'processing')""",
    "refunds to be made": "SELECT id, state FROM refund WHERE state NOT IN ('succeeded', 'failed')",
    "choices to be made": "SELECT id, state FROM remedy WHERE state = 'offered'",
    "PDFs to be drawn": "SELECT subject, locale, attempts FROM document_request",
    "mails to be sent": "SELECT id, kind, attempts, last_message FROM mail WHERE state <> 'sent'",
    "notices of the gateway to be acted on": "SELECT id FROM webhook_delivery WHERE processed_at IS NULL",
}  # fmt: skip

GENERAL = (
    "an order is paid once, begun once, finished once",
    "an order says what became of its cancellations",
    "the serial numbers of a cancellation add up to its units",
    "no serial number is cancelled twice",
    "no serial number lies in two places",
    "units held are held by somebody",
    "an order holds units only while it can be paid",
    "an order has one certificate for each project that units were cancelled of",
    "a certificate has one PDF in the language of its order",
    "an order of several certificates has a summary",
)

QUESTIONS = {
    "every payment that the gateway captured is one payment of ours that succeeded": """
        SELECT s.id, s.order_reference, count(p.id) FROM outside_session s
        LEFT JOIN payment p ON p.gateway_reference = s.id AND p.amount = s.amount AND p.state = 'succeeded'
        LEFT JOIN purchase_order o ON o.id = p.order_id AND o.reference = s.order_reference
        WHERE s.payment_status = 'paid' GROUP BY s.id, s.order_reference HAVING count(o.id) <> 1""",
    "every payment of ours that succeeded was captured by the gateway": """
        SELECT p.id, p.gateway_reference FROM payment p LEFT JOIN outside_session s ON s.id = p.gateway_reference
        AND s.payment_status = 'paid' AND s.amount = p.amount
        WHERE p.state = 'succeeded' AND p.drawn_from_id IS NULL AND s.id IS NULL""",
    "what was captured is what was cancelled for it and what went back, to the cent": """
        SELECT s.order_reference, s.amount, i.refunded, n.noted, w.worth FROM outside_session s
        JOIN outside_intent i ON i.id = s.intent_id JOIN payment p ON p.gateway_reference = s.id
        LEFT JOIN (WORTH_OF_THE_UNITS) AS w ON w.payment_id = p.id
        LEFT JOIN (GIVEN_BY_BANKS) AS n ON n.payment_id = p.id WHERE s.payment_status = 'paid'
        AND s.amount <> i.refunded + coalesce(n.noted, 0) + coalesce(w.worth, 0)
        AND p.order_id NOT IN (ORDERS_WITH_A_PERSON)""",
    "what the gateway gave back is what we asked for": """
        SELECT * FROM (SELECT s.id, i.refunded,
        (SELECT coalesce(sum(t.amount), 0) FROM outside_refund t
         WHERE t.intent_id = i.id AND t.status <> 'failed') AS given,
        (SELECT coalesce(sum(r.amount), 0) FROM refund r JOIN payment p ON p.id = r.payment_id
         WHERE p.gateway_reference = s.id AND r.state = 'succeeded' AND r.gateway_reference IS NOT NULL) AS asked
        FROM outside_session s JOIN outside_intent i ON i.id = s.intent_id) AS counted
        WHERE refunded <> given OR refunded <> asked""",
    "what banks are asked for, and what they have taken, is in our books as in the gateway's": """
        SELECT d.id, d.stage, d.taken, p.id, ours.state, ours.taken FROM outside_dispute d
        LEFT JOIN outside_session s ON s.intent_id = d.intent_id LEFT JOIN payment p ON p.gateway_reference = s.id
        LEFT JOIN dispute ours ON ours.gateway_reference = d.id
        WHERE ours.id IS NULL OR p.id IS NULL OR ours.payment_id <> p.id OR ours.order_id <> p.order_id
        OR ours.state <> d.stage OR ours.amount <> d.amount OR ours.taken <> d.taken
        UNION ALL SELECT ours.gateway_reference, 'none', 0, ours.payment_id, ours.state, ours.taken FROM dispute ours
        WHERE ours.gateway_reference NOT IN (SELECT id FROM outside_dispute)""",
    "what we say that banks gave back they have taken for good": """
        SELECT n.payment_id, n.noted, lost.taken FROM (GIVEN_BY_BANKS) AS n JOIN payment p ON p.id = n.payment_id
        LEFT JOIN (SELECT s.id, sum(d.taken) AS taken FROM outside_dispute d
        JOIN outside_session s ON s.intent_id = d.intent_id WHERE d.stage = 'lost' GROUP BY s.id) AS lost
        ON lost.id = p.gateway_reference WHERE n.noted > coalesce(lost.taken, 0)""",
    "bank and gateway together gave back no more than was captured": """
        SELECT i.id, i.amount, i.refunded, taken FROM outside_intent i JOIN (SELECT intent_id, sum(taken) AS taken
        FROM outside_dispute GROUP BY intent_id) AS banks ON banks.intent_id = i.id
        WHERE i.refunded + taken > i.amount""",
    # Whoever begins an order, and whoever writes down a dispute of its money, locks the order first.
    "no order begins while we know that its money is disputed": """
        SELECT e.subject_id, e.id, told.id, told.to_state FROM state_event e
        JOIN payment p ON p.order_id = e.subject_id
        JOIN dispute d ON d.payment_id = coalesce(p.drawn_from_id, p.id)
        JOIN state_event told ON told.id = (SELECT max(x.id) FROM state_event x
        WHERE x.machine = 'dispute' AND x.subject_id = d.id AND x.id < e.id)
        WHERE e.machine = 'order' AND e.to_state = 'fulfilling' AND told.to_state <> 'won'""",
    "nobody paid twice without getting one of the two back": """
        SELECT s.email, count(*) FROM outside_session s JOIN outside_intent i ON i.id = s.intent_id
        WHERE s.payment_status = 'paid' AND i.refunded < i.amount
        - coalesce((SELECT sum(d.taken) FROM outside_dispute d WHERE d.intent_id = i.id), 0)
        AND NOT EXISTS (SELECT 1 FROM refund r JOIN payment p ON p.id = r.payment_id
        WHERE p.gateway_reference = s.id AND r.state = 'failed') GROUP BY s.email HAVING count(*) > 1""",
    "no page is left on which somebody could still pay": """
        SELECT s.id, s.order_reference, p.state, o.state FROM outside_session s
        LEFT JOIN payment p ON p.gateway_reference = s.id LEFT JOIN purchase_order o ON o.id = p.order_id
        WHERE s.status = 'open'""",
    "a finished order was paid": """
        SELECT o.id, o.state FROM purchase_order o WHERE o.state IN ('fulfilled', 'partly_fulfilled', 'refused')
        AND NOT EXISTS (SELECT 1 FROM payment p WHERE p.order_id = o.id AND p.state = 'succeeded')""",
    "every line of an order that was paid was cancelled, or its money went back: one of the two": """
        SELECT * FROM (SELECT l.id, o.state, o.id AS order_id,
        (SELECT count(*) FROM cancellation c WHERE c.order_line_id = l.id AND c.units = l.units
         AND c.state = 'confirmed') AS cancelled,
        (SELECT count(*) FROM refund r WHERE r.state = 'succeeded' AND (r.order_line_id = l.id AND r.amount = l.amount
         OR r.cause = 'held' AND r.order_id = l.order_id AND NOT EXISTS
         (SELECT 1 FROM refund x WHERE x.order_line_id = l.id))) AS paid_back
        FROM order_line l JOIN purchase_order o ON o.id = l.order_id) AS counted
        WHERE cancelled + paid_back <> CASE WHEN state IN ('fulfilled', 'partly_fulfilled', 'refused') THEN 1 ELSE 0 END
        AND order_id NOT IN (ORDERS_WITH_A_PERSON)""",
    "a cancellation is confirmed if and only if its registry has exactly one effect of its units": """
        SELECT * FROM (SELECT c.reference, c.registry_code, c.state, c.units,
        (SELECT count(*) FROM ledger_transaction t WHERE t.reference = c.reference AND t.state_code = 4)
        + (SELECT count(*) FROM outside_retirement r WHERE r.reference = c.reference
           AND r.status IN ('Completed', 'Pending')) AS effects,
        (SELECT coalesce(sum(t.units), 0) FROM ledger_transaction t
         WHERE t.reference = c.reference AND t.state_code = 4)
        + (SELECT coalesce(sum(r.units), 0) FROM outside_retirement r
           WHERE r.reference = c.reference AND r.status = 'Completed') AS moved FROM cancellation c) AS counted
        WHERE CASE state WHEN 'confirmed' THEN units ELSE 0 END <> moved
        OR ((state = 'confirmed') <> (effects > 0) AND NOT (state = 'manual' AND effects = 1))
        OR (registry_code = 'ledger' AND effects > 1)""",
    "every effect in a registry is one confirmed cancellation": """
        SELECT reference FROM (SELECT t.reference FROM ledger_transaction t
        WHERE t.type_code = 4 AND t.state_code = 4 AND t.origin = 'own'
        UNION ALL SELECT r.reference FROM outside_retirement r
        WHERE r.status IN ('Completed', 'Pending')) AS effects
        WHERE reference NOT IN (SELECT c.reference FROM cancellation c WHERE c.state IN ('confirmed', 'manual'))""",
    "holdings fell by what was cancelled, in each registry": """
        SELECT * FROM (SELECT h.registry, h.units_before, h.units_after,
        (SELECT coalesce(sum(c.units), 0) FROM cancellation c
         WHERE c.registry_code = h.registry AND c.state = 'confirmed') AS cancelled,
        (SELECT coalesce(sum(b.last - b.first + 1), 0) FROM cancelled_block b JOIN cancellation c
         ON c.id = b.cancellation_id WHERE c.registry_code = h.registry) AS numbered
        FROM outside_holding h) AS counted
        WHERE units_before - units_after <> cancelled OR cancelled <> numbered""",
    "no unit of the ledger came or went": """
        SELECT * FROM (SELECT h.units_before, (SELECT sum(b.last - b.first + 1) FROM ledger_block b) AS there
        FROM outside_holding h WHERE h.registry = 'ledger') AS counted WHERE units_before <> there""",
    # Of an order that is held nothing is cancelled yet.
    "units sold, reservations settled and units cancelled are one number for each offer": """
        SELECT * FROM (SELECT f.id, f.units_settled AS sold,
        (SELECT coalesce(sum(r.units), 0) FROM reservation r
         WHERE r.offer_id = f.id AND r.state = 'settled') AS settled,
        (SELECT coalesce(sum(c.units), 0) FROM cancellation c JOIN order_line l ON l.id = c.order_line_id
         WHERE l.offer_id = f.id AND c.state <> 'refused')
        + (SELECT coalesce(sum(l.units), 0) FROM order_line l JOIN purchase_order o ON o.id = l.order_id
         JOIN reservation r ON r.order_line_id = l.id AND r.state = 'settled'
         WHERE l.offer_id = f.id AND o.state = 'risk_hold') AS cancelled
        FROM offer f) AS counted WHERE sold <> settled OR sold <> cancelled""",
    "a certificate states what was cancelled": """
        SELECT c.number, done.units FROM certificate c LEFT JOIN
        (SELECT l.order_id, l.project_id, l.beneficiary_id, sum(x.units) AS units FROM cancellation x
        JOIN order_line l ON l.id = x.order_line_id WHERE x.state = 'confirmed'
        GROUP BY l.order_id, l.project_id, l.beneficiary_id) AS done ON done.order_id = c.order_id
        AND done.project_id = c.project_id AND done.beneficiary_id = c.beneficiary_id
        WHERE done.units IS NULL OR c.facts NOT LIKE '%"units":' || done.units || ',%'""",
    "certificate numbers have no gaps": """
        SELECT year, max(sequence), count(*) FROM certificate GROUP BY year HAVING max(sequence) <> count(*)""",
    "whoever was certified something got a mail that names every certificate, under one identifier": """
        SELECT c.number, count(DISTINCT n.message_id) FROM certificate c JOIN purchase_order o ON o.id = c.order_id
        LEFT JOIN outside_mail_names n ON n.number = c.number AND n.message_id IN
        (SELECT m.message_id FROM outside_mail m WHERE m.recipient = o.email)
        GROUP BY c.number HAVING count(DISTINCT n.message_id) <> 1""",
    "every mail that we take for sent arrived": """
        SELECT ours.recipient, ours.sent, theirs.arrived
        FROM (SELECT recipient, count(*) AS sent FROM mail WHERE state = 'sent' GROUP BY recipient) AS ours
        LEFT JOIN (SELECT recipient, count(DISTINCT message_id) AS arrived FROM outside_mail GROUP BY recipient)
        AS theirs ON theirs.recipient = ours.recipient WHERE coalesce(theirs.arrived, 0) <> ours.sent""",
    # Of disputed money nobody can say that it goes back.
    "money that went back was said to go back": """
        SELECT o.reference FROM purchase_order o WHERE EXISTS (SELECT 1 FROM refund r WHERE r.order_id = o.id
        AND r.payment_id NOT IN (SELECT d.payment_id FROM dispute d))
        AND NOT EXISTS (SELECT 1 FROM mail m WHERE m.order_id = o.id AND m.state = 'sent'
        AND m.kind IN ('refund_made', 'remedy_offered', 'choice_offered', 'certificates_ready', 'order_refused'))""",
    # A thin offer is of 200 units and has 60. Time leaps, so much waits too long; a registry may be silent.
    "no offer is frozen, and no difference of books is told, where books agree": """
        SELECT code, state_reason FROM offer WHERE state = 'frozen' AND units_offered <> 200
        UNION ALL SELECT kind, subject FROM reconciliation_finding
        WHERE kind NOT IN ('pending_long', 'not_read')
        AND NOT (kind = 'pool_short' AND (ours = '200' OR theirs = '60'))""",
    "nothing that was restored is held back": "SELECT id FROM restoration_hold WHERE lifted_at IS NULL",
}

COUNTS = {
    "payments captured": "SELECT count(*) FROM outside_session WHERE payment_status = 'paid'",
    "orders that were paid": "SELECT count(*) FROM purchase_order WHERE paid_at IS NOT NULL",
    "  fulfilled": "SELECT count(*) FROM purchase_order WHERE state = 'fulfilled'",
    "  partly fulfilled": "SELECT count(*) FROM purchase_order WHERE state = 'partly_fulfilled'",
    "  refused, all money back": "SELECT count(*) FROM purchase_order WHERE state = 'refused'",
    "orders that expired": "SELECT count(*) FROM purchase_order WHERE state = 'expired'",
    "orders with a person": "SELECT count(*) FROM (ORDERS_WITH_A_PERSON) AS people",
    "cancellations confirmed": "SELECT count(*) FROM cancellation WHERE state = 'confirmed'",
    "  at the national registry": """
        SELECT count(*) FROM cancellation WHERE state = 'confirmed' AND registry_code = 'undp'""",
    "cancellations refused": "SELECT count(*) FROM cancellation WHERE state = 'refused'",
    "units cancelled": "SELECT coalesce(sum(units), 0) FROM cancellation WHERE state = 'confirmed'",
    "units that left the holdings": "SELECT sum(units_before - units_after) FROM outside_holding",
    "certificates": "SELECT count(*) FROM certificate",
    "refunds": "SELECT count(*) FROM refund WHERE state = 'succeeded'",
    "payments disputed": "SELECT count(*) FROM outside_dispute",
    "  lost": "SELECT count(*) FROM outside_dispute WHERE stage = 'lost'",
    "  won": "SELECT count(*) FROM outside_dispute WHERE stage = 'won'",
    "  of orders that were not begun then": """
        SELECT count(DISTINCT e.subject_id) FROM state_event e JOIN dispute d ON d.order_id = e.subject_id
        WHERE e.machine = 'order' AND e.to_state = 'risk_hold'""",
    "  noted as given back by the bank": "SELECT count(*) FROM (GIVEN_BY_BANKS) AS noted",
    "mails sent": "SELECT count(*) FROM mail WHERE state = 'sent'",
    "mails that arrived": "SELECT count(*) FROM outside_mail",
    "calls to registries recorded": "SELECT count(*) FROM registry_attempt",
    "  with an unknown outcome": "SELECT count(*) FROM registry_attempt WHERE outcome = 'unknown'",
}  # fmt: skip


def unfinished(connection: Connection) -> dict[str, list[Any]]:
    """What is still to be done, by sentence; empty when all is done."""
    return _contradictions(connection, UNFINISHED)


def unheard(connection: Connection, books: Books) -> list[Any]:
    """The disputes that do not stand in the shop's books as they stand at the gateway."""
    told = connection.execute(text("SELECT gateway_reference, amount, taken, state FROM dispute"))
    ours = {tuple(row) for row in told}
    return [row for row in books.rows(f"SELECT id, amount, taken, {STAGE} FROM dispute") if row not in ours]  # noqa: S608 - ours


def lay_beside(connection: Connection, books: Books) -> None:
    """Copy the books of everybody else into the shop's database, anew."""
    for statement in TABLES.split(";"):
        name = statement.split()[2]
        if statement.split()[1] == "TABLE":
            connection.execute(text(f"DROP TABLE IF EXISTS {name}"))
        connection.execute(text(statement))
    for table, columns in COPIED.items():
        rows = books.rows(f"SELECT {columns} FROM {table}")  # noqa: S608 - our own names
        marks = ", ".join(f":v{index}" for index in range(len(rows[0]) if rows else 0))
        values = [{f"v{index}": value for index, value in enumerate(row)} for row in rows]
        if values:
            connection.execute(text(f"INSERT INTO outside_{table} VALUES ({marks})"), values)  # noqa: S608 - as above
    connection.execute(
        text(
            """UPDATE outside_holding SET units_after = (SELECT sum(b.last - b.first + 1) FROM ledger_block b
            JOIN ledger_account a ON a.id = b.account_id WHERE a.type_code = 100) WHERE registry = 'ledger'"""
        )
    )


def contradictions(connection: Connection, *, only: str = "") -> dict[str, list[Any]]:
    """Every sentence (or this one) that is not true, with the rows that say so; the books lie beside the tables."""
    general = {name: audit.QUESTIONS[name] for name in GENERAL}
    asked = UNFINISHED | general | QUESTIONS
    return _contradictions(connection, {only: asked[only]} if only else asked)


def counts(connection: Connection) -> dict[str, int]:
    """How many there are of everything."""
    return {name: int(connection.execute(_whole(query)).scalar() or 0) for name, query in COUNTS.items()}


def _contradictions(connection: Connection, questions: dict[str, str]) -> dict[str, list[Any]]:
    answers = {name: [tuple(row) for row in connection.execute(_whole(query))] for name, query in questions.items()}
    return {name: rows for name, rows in answers.items() if rows}


def _whole(query: str) -> TextClause:
    """A question with what its words in capitals stand for."""
    whole = query.replace("ORDERS_WITH_A_PERSON", ORDERS_WITH_A_PERSON).replace("GIVEN_BY_BANKS", GIVEN_BY_BANKS)
    return text(whole.replace("WORTH_OF_THE_UNITS", WORTH_OF_THE_UNITS))
