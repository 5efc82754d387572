"""One cancellation in the embedded ledger, written by hand: what the product's rows and commits cost by themselves."""

from __future__ import annotations

import json
import secrets
import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from sqlalchemy import make_url

HOLDING_OF = (
    "SELECT b.id, b.issuance_id, b.first, b.last FROM ledger_block b JOIN ledger_account a ON a.id = b.account_id "
    "WHERE a.identifier = %s ORDER BY b.first LIMIT 1"
)
ENTRY = (
    "INSERT INTO state_event (machine, subject_id, from_state, to_state, at, facts) "
    "VALUES ('cancellation', %s, %s, %s, %s, %s)"
)


class BareLedger:
    """Cancels from one account with plain SQL over the database's own driver."""

    def __init__(self, url: str, account: str) -> None:
        self._account = account
        self._is_sqlite = url.startswith("sqlite")
        if self._is_sqlite:
            connection: Any = sqlite3.connect(make_url(url).database or "", isolation_level=None)
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=15000"):
                connection.execute(f"PRAGMA {pragma}")
        else:
            plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
            connection = psycopg.connect(plain, autocommit=True)
        self._connection = connection
        self._cursor: Any = connection.cursor()
        self._source = self._ask("SELECT id FROM ledger_account WHERE identifier = %s", account)[0]
        self._target = self._ask("SELECT id FROM ledger_account WHERE type_code = 230")[0]
        self._issuance = self._ask("SELECT id, serial_first, serial_last FROM issuance")

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def cancel(self, cause: int) -> None:
        """Cancel for one direct cancellation: planned, sent, cancelled, confirmed, each a commit of its own."""
        now, units, reference = self._now(), 1 + cause % 7, "TONNE-" + secrets.token_hex(11).upper()
        self._begin()
        cancellation = self._plan(cause, reference, units, now)
        self._commit()
        self._begin()
        fence = self._send(cancellation, now)
        self._commit()
        self._begin()
        entry, first = self._move(reference, units, now)
        self._commit()
        self._begin()
        self._confirm(cancellation, fence, f"TN{entry}", (first, first + units - 1), now)
        self._commit()

    def _plan(self, cause: int, reference: str, units: int, now: Any) -> int:
        self._ask(
            "INSERT INTO cancellation (direct_cancellation_id, issuance_id, registry_code, account, reference, "
            "fingerprint, project_reference, unit_type, commitment_period, units, beneficiary_name, purpose, state, "
            "attempts, next_action_at, last_message, created_at) VALUES (%s, %s, 'ledger', %s, %s, %s, 'IN-1', 'CER', "
            "2, %s, 'Written by hand', 'Our office heating of 2025', 'planned', 0, %s, '', %s) RETURNING id",
            cause, self._issuance[0], self._account, reference, secrets.token_hex(32), units, now, now,
        )  # fmt: skip
        cancellation: int = self._answer[0]
        self._do(ENTRY, cancellation, None, "planned", now, "{}")
        return cancellation

    def _send(self, cancellation: int, now: Any) -> int:
        until = self._now(timedelta(seconds=60))
        self._do(
            "INSERT INTO registry_lease (registry_code, account, fence, holder, expires_at) "
            "VALUES ('ledger', %s, 1, 'by hand', %s) ON CONFLICT (registry_code, account) DO UPDATE "
            "SET fence = registry_lease.fence + 1, holder = 'by hand', expires_at = excluded.expires_at "
            "WHERE registry_lease.holder IS NULL OR registry_lease.expires_at <= %s",
            self._account, until, now,
        )  # fmt: skip
        fence: int = self._ask("SELECT fence FROM registry_lease WHERE account = %s", self._account)[0]
        self._do(
            "UPDATE cancellation SET state = 'sending', attempts = attempts + 1, "
            "first_sent_at = %s, lease_until = %s, next_action_at = %s WHERE id = %s AND state = 'planned'",
            now, until, until, cancellation,
        )  # fmt: skip
        self._do(ENTRY, cancellation, "planned", "sending", now, "{}")
        return fence

    def _move(self, reference: str, units: int, now: Any) -> tuple[int, int]:
        if not self._is_sqlite:
            self._ask("SELECT id FROM ledger_account WHERE id = %s FOR UPDATE", self._source)
        block, issuance, first, last = self._ask(HOLDING_OF, self._account)
        assert last - first >= units
        entry: int = self._ask(
            "INSERT INTO ledger_transaction (reference, fingerprint, type_code, state_code, supplementary_code, "
            "mechanism_code, origin, channel, from_account_id, to_account_id, commitment_period, units, "
            "beneficiary_name, purpose, refusal_message, completed_at) VALUES (%s, %s, 4, 4, 0, 'CDM', 'own', "
            "'platform', %s, %s, 2, %s, 'Written by hand', 'Our office heating of 2025', '', %s) RETURNING id",
            reference, secrets.token_hex(32), self._source, self._target, units, now,
        )[0]  # fmt: skip
        self._do("UPDATE ledger_transaction SET identifier = %s WHERE id = %s", f"BARE{entry:08d}", entry)
        self._do("UPDATE ledger_block SET first = %s WHERE id = %s", first + units, block)
        self._do(
            "INSERT INTO ledger_block (account_id, issuance_id, space, first, last) VALUES (%s, %s, 'IN', %s, %s)",
            self._target, issuance, first, first + units - 1,
        )  # fmt: skip
        self._do(
            "INSERT INTO ledger_transaction_block (transaction_id, issuance_id, space, first, last) "
            "VALUES (%s, %s, 'IN', %s, %s)",
            entry, issuance, first, first + units - 1,
        )  # fmt: skip
        return entry, first

    def _confirm(self, cancellation: int, fence: int, entry: str, span: tuple[int, int], now: Any) -> None:
        texts = [f"IN-5-{serial}-2-2-0-1" for serial in span]
        answer = {"result": {"registry_transaction": entry, "blocks": [{"space": "ledger:IN", "texts": texts}]}}
        self._do(
            "INSERT INTO registry_attempt (cancellation_id, kind, started_at, ended_at, outcome, answer) "
            "VALUES (%s, 'submit', %s, %s, 'completed', %s)",
            cancellation, now, now, json.dumps(answer),
        )  # fmt: skip
        self._do(
            "UPDATE registry_lease SET holder = NULL, expires_at = NULL "
            "WHERE registry_code = 'ledger' AND account = %s AND fence = %s",
            self._account, fence,
        )  # fmt: skip
        self._do(
            "UPDATE cancellation SET state = 'confirmed', registry_transaction = %s, completed_at = %s "
            "WHERE id = %s AND state = 'sending'",
            entry, now, cancellation,
        )  # fmt: skip
        self._do(ENTRY, cancellation, "sending", "confirmed", now, json.dumps({"transaction": entry}))
        self._do(
            "INSERT INTO cancelled_block (cancellation_id, space, first, last, text_first, text_last) "
            "VALUES (%s, 'ledger:IN', %s, %s, %s, %s)",
            cancellation, *span, *texts,
        )  # fmt: skip

    def _begin(self) -> None:
        self._cursor.execute("BEGIN IMMEDIATE" if self._is_sqlite else "BEGIN")

    def _commit(self) -> None:
        self._cursor.execute("COMMIT")

    def _do(self, query: str, *values: Any) -> None:
        self._cursor.execute(query.replace("%s", "?") if self._is_sqlite else query, values)

    def _ask(self, query: str, *values: Any) -> Any:
        self._do(query, *values)
        self._answer = self._cursor.fetchone()
        return self._answer

    def _now(self, later: timedelta = timedelta(0)) -> Any:
        at = datetime.now(UTC) + later
        return at.strftime("%Y-%m-%d %H:%M:%S.%f") if self._is_sqlite else at
