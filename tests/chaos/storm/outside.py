"""Everybody but the shop: gateway, national registry, mail server. What they did is in the books at once."""

from __future__ import annotations

import pickle
import random
import re
from contextlib import ExitStack
from email import message_from_bytes
from email.policy import default
from typing import Any, Self

from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.chaos.storm.books import Books
from tests.chaos.storm.clock import WorldClock
from tests.chaos.storm.fates import Fate, fate
from tests.chaos.storm.gateway import Gateway, Postman
from tests.contract.registries import reference_in
from tests.postgres import free_port
from tests.smtp_sink import Sink, smtp_sink
from tests.undp_standin.world import HOLDER, UndpWorld

CERTIFICATE_NUMBER = re.compile(r"\bTN\d+/\d{4}\b")
# Faults of the registry over HTTP in bad weather: shares of its calls that write, and that read.
WRITES_FAIL = {"lose_after": 0.15, "lose_before": 0.05, "error_after": 0.05, "odd_400_after": 0.03, "truncate": 0.03}
READS_FAIL = {"lose_before": 0.03, "error_before": 0.03, "busy": 0.02}


class MailServer(Sink):
    """Keeps who was sent what, and which certificates it names."""

    def keep_in(self, books: Books, chance: random.Random) -> Self:
        """Write to these books."""
        self._books, self._chance, self.is_stormy = books, chance, False
        return self

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - the library's name
        """Keep the mail; in bad weather say sometimes that it was not taken."""
        mail = message_from_bytes(envelope.original_content or b"", policy=default)
        body = mail.get_body(("plain",))
        numbers = set(CERTIFICATE_NUMBER.findall(body.get_content())) if body else set()
        identifier = str(mail["Message-ID"])
        with self._books.at_once():
            self._books.write(
                "INSERT INTO mail (message_id, recipient, subject) VALUES (?, ?, ?)",
                identifier, str(mail["To"]), str(mail["Subject"]),
            )  # fmt: skip
            for number in numbers:
                self._books.put("mail_names", identifier, number)
        if self.is_stormy and self._chance.random() < 0.01:
            self._books.count("mail: taken, and answered that it was not")
            return "451 try again"
        return "250 OK"


class Outside:
    """The world around the shop while the `with` block lasts."""

    def __init__(self, books: Books, clock: WorldClock, seed: str) -> None:
        self.books, self.clock, self.seed = books, clock, seed
        self._chance = random.Random(f"{seed}-outside")  # noqa: S311 - chances, not secrets
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.gateway = self._stack.enter_context(Gateway(self.books, self.clock, self.port("gateway"), self._chance))
        self.registry = self._stack.enter_context(self._a_registry())
        self.mail = self._stack.enter_context(smtp_sink(MailServer().keep_in(self.books, self._chance)))
        return self

    def __exit__(self, *_what: object) -> None:
        self._stack.close()

    def port(self, name: str) -> int:
        """A port that somebody keeps for as long as the books last."""
        port = self.books.noted(f"port of {name}") or free_port()
        self.books.note(f"port of {name}", port)
        return int(port)

    def postman(self, port: int) -> Postman:
        """Who brings the gateway's notices to the shop at `port`, from now on until the block ends."""
        postman = Postman(self.gateway, port)
        postman.start()
        self._stack.callback(postman.stop)
        return postman

    def settings(self) -> dict[str, str]:
        """The environment that connects the shop to all of them."""
        return {
            "PAYMENT_GATEWAY": "stripe",
            "STRIPE_SECRET_KEY": self.gateway.api_key,
            "STRIPE_WEBHOOK_SECRETS": self.gateway.webhook_secret,
            "STRIPE_API_BASE": self.gateway.base,
            "STRIPE_CHECKOUT_ORIGIN": self.gateway.base,
            "REGISTRIES": "ledger,undp",
            "MAIL_URL": f"smtp://127.0.0.1:{self.mail.port}",
            "MAIL_FROM": "Tonne <no-reply@tonne.example>",
            **self.registry.settings(),
        }

    def be_stormy(self, is_stormy: bool) -> None:
        """Bad weather on all lines, or none."""
        self.gateway.is_stormy = self.mail.is_stormy = is_stormy
        self.registry.faults.calm()
        if is_stormy:
            self.registry.faults.weather(self._chance.randrange(10**6), **WRITES_FAIL)
            self.registry.faults.weather(self._chance.randrange(10**6), on="reads", **READS_FAIL)

    def banks_work(self, share: float, *, weeks_later: bool = False) -> None:
        """A share of the transfers and refunds that are on their way arrive, or fail, as their buyers' fates say.

        As many buyers dispute who meant to do so later, and as many disputes go a step further.
        """
        self._buyers_dispute(share)
        self._banks_decide(share)
        waiting = self.books.rows(
            "SELECT s.id, s.email FROM session s JOIN intent i ON i.id = json_extract(s.content, '$.payment_intent') "
            "WHERE i.status = 'processing'"
        )
        for session_id, email in waiting:
            pays = self._fate_of(email).pays
            if self._chance.random() < share and (weeks_later or pays != "bank_after_weeks"):
                self.gateway.behind_the_counter("fail_bank" if pays == "bank_fails" else "settle_bank", session_id)
        for (refund_id,) in self.books.rows("SELECT id FROM refund WHERE status = 'pending'"):
            if self._chance.random() < share:
                self.gateway.behind_the_counter("settle_refund", refund_id)

    def _buyers_dispute(self, share: float) -> None:
        paid = self.books.rows(
            "SELECT id, email FROM session WHERE payment_status = 'paid' "
            "AND json_extract(content, '$.payment_intent') NOT IN (SELECT intent_id FROM dispute)"
        )
        for session_id, email in paid:
            made = self._fate_of(email)
            if made.disputes == "later" and self._chance.random() < share:
                self.gateway.dispute(session_id, is_inquiry=made.is_inquiry)

    def _banks_decide(self, share: float) -> None:
        """An inquiry that the shop loses becomes more first; of other disputes every second one has its evidence.

        Whoever got money back meanwhile is not given it once more: the shop may have refunded before it heard.
        """
        open_ = self.books.rows(
            "SELECT d.id, d.status, s.email, i.refunded + d.amount > i.amount FROM dispute d "
            "JOIN intent i ON i.id = d.intent_id "
            "JOIN session s ON json_extract(s.content, '$.payment_intent') = d.intent_id "
            "WHERE d.status NOT IN ('won', 'lost', 'warning_closed')"
        )
        for dispute_id, status, email, is_refunded in open_:
            made = self._fate_of(email)
            if self._chance.random() >= share:
                continue
            if status == "needs_response" and made.number % 2:
                self.gateway.behind_the_counter("submit_evidence", dispute_id)
            elif made.bank == "won" or is_refunded:
                self.gateway.behind_the_counter("win_dispute", dispute_id)
            elif made.bank == "lost" and status.startswith("warning"):
                self.gateway.behind_the_counter("escalate_inquiry", dispute_id)
            elif made.bank == "lost":
                self.gateway.behind_the_counter("lose_dispute", dispute_id)

    def _fate_of(self, email: str) -> Fate:
        return fate(self.seed, int(email.partition("@")[0].rpartition("-")[2]))

    def units_of_the_shop(self) -> int:
        """What the national registry has in the shop's account, by its own books."""
        blocks = self.registry.rules.blocks.values()
        return sum(block.units for block in blocks if block.owner == HOLDER.company.id)

    def write_retirements(self) -> None:
        """What became of every request at the national registry, for the auditor."""
        for record in self.registry.rules.records.values():
            self.books.put("retirement", record.id, reference_in(record.remarks), record.amount, record.status)

    # --- the national registry ------------------------------------------------------------------------

    def _a_registry(self) -> UndpWorld:
        world = UndpWorld(self.clock, seed=self._chance.randrange(10**6))
        memory = self.books.rows("SELECT value FROM note WHERE name = 'registry'")
        if memory:
            vars(world.rules).update(pickle.loads(bytes.fromhex(memory[0][0])))  # noqa: S301 - our own file
        server, answer_unkept = world.server, world.server.answer
        seen = [self._extent(world)]

        def answer(*call: Any) -> tuple[int, object, str]:
            try:
                return answer_unkept(*call)
            finally:
                extent = self._extent(world)
                if extent != seen[0]:
                    with server._lock:  # noqa: SLF001 - nobody may change what is written down just now
                        seen[0] = self._extent(world)
                        self.remember(world)

        server.answer = answer  # type: ignore[method-assign] # the one place that every call passes
        server.unplug()
        server.base = f"http://127.0.0.1:{self.port('registry')}"
        server.plug()
        server._server.handle_error = lambda *_what: None  # type: ignore[method-assign] # noqa: SLF001 - killed callers are no news
        return world

    def remember(self, world: UndpWorld) -> None:
        """Write down all that the registry knows."""
        known = {name: value for name, value in vars(world.rules).items() if name != "clock"}
        self.books.put("note", "registry", pickle.dumps(known).hex())

    @staticmethod
    def _extent(world: UndpWorld) -> tuple[int, int]:
        return world.rules.next_id, len(world.rules.log)
