"""Web and worker are killed at every named point of a purchase, and every paid order ends well.

`make test` takes the databases in turn, so that each point has its kill on one of them; `make chaos` kills at every
point on both. `CHAOS_ROUNDS` says how many random rounds follow on each database (one on PostgreSQL), `CHAOS_SEED`
draws the same kills again.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from app.kernel import checkpoints
from tests.chaos import audit
from tests.chaos.buyer import Buyer
from tests.chaos.conftest import DATABASES, MarketMaker
from tests.chaos.market import ROLES, Market, Order

pytestmark = pytest.mark.chaos

ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "1"))
IS_ON_BOTH = "CHAOS_ROUNDS" in os.environ
SEED = os.environ.get("CHAOS_SEED") or uuid4().hex[:8]
LOCALES = ("en", "fr", "es")
SECONDS_TO_KILL = 60
# The small storm of `make test` kills at random moments, too.
DEATHS_IN_A_ROUND = 4 if IS_ON_BOTH else 2
# The real lease, the real minute between sweeps, and time to work.
SECONDS_WITH_REAL_WAITS = 200


@dataclass(frozen=True)
class Case:
    """A role dies at a point when it reaches it for the n-th time, and the buyer comes back or not."""

    point: str
    role: str
    nth: int = 1
    comes_back: bool = True
    is_drawn: bool = False
    is_refused: bool = False


CASES = (
    Case("order.placed", "web"),
    Case("gateway.before_call", "web"),
    Case("gateway.after_call", "web"),
    Case("delivery.stored", "web", comes_back=False),
    Case("order.paid", "web"),
    Case("order.paid", "worker", comes_back=False),
    Case("job.claimed", "worker"),
    Case("cancellation.intent_committed", "worker"),
    Case("ledger.inside_commit", "worker"),
    Case("ledger.after_commit", "worker"),
    Case("certificate.facts_frozen", "worker", is_drawn=True),
    Case("certificate.pdf_stored", "worker", is_drawn=True),
    # The receipt is an order's first mail, the certificates are its second.
    Case("mail.sent_not_marked", "worker", nth=2),
    Case("refund.before_call", "worker", is_refused=True),
    Case("refund.after_call", "worker", is_refused=True),
)

POINTS_OF = {role: sorted({case.point for case in CASES if case.role == role}) for role in ROLES}


def test_every_named_point_has_its_kill() -> None:
    assert {case.point for case in CASES} == set(checkpoints.POINTS)


def _kills() -> list[Any]:
    """Each case on each database, or on one of them in turn."""
    return [
        pytest.param(*database.values, case, marks=database.marks, id=f"{database.values[0]}-{case.point}-{case.role}")
        for turn, database in enumerate(DATABASES)
        for number, case in enumerate(CASES)
        if IS_ON_BOTH or number % len(DATABASES) == turn
    ]


@pytest.mark.parametrize(("market", "case"), _kills(), indirect=["market"])
def test_a_killed_process_loses_no_purchase(case: Case, market: Market) -> None:
    buyer, wanted = _buyer(market), _wanted(market)
    if case.is_refused:
        # The seller offers more than the registry holds: one line will be refused and refunded.
        reference, offer_id = market.new_offer(units=100, held=1)
        wanted[reference] = (offer_id, 2)
    market.use_real_paper(case.is_drawn)
    deaths_before = len(market.deaths)
    order = market.arm(case.role, case.point, case.nth)

    return_address = buyer.pay(buyer.order(wanted))
    if case.comes_back:
        buyer.come_back(return_address)
    market.wait_for(lambda: market.is_fired(order), SECONDS_TO_KILL, f"{case.role} killed at {case.point}")
    _assert_killed(market, case.role, deaths_before)
    market.settle()

    audit.check(market.engine)
    audit.check_mails(market.engine, market.sink.messages, buyer.email)
    assert _units_cancelled_for(market, buyer) == 6
    assert audit.column(
        market.engine,
        "SELECT state FROM purchase_order WHERE email = :email AND state <> 'expired'",
        email=buyer.email,
    ) == ["partly_fulfilled" if case.is_refused else "fulfilled"]
    if case.role == "web" and case.comes_back:
        assert buyer.broken_connections
    if case.point == "mail.sent_not_marked":
        assert _copies_of_the_last_mail(market, buyer) > 1
    buyer.come_back(return_address)
    files = buyer.certificates()
    assert [file[:5] for file in files] == [b"%PDF-"] * 4  # three certificates and a summary
    market.is_sound = True


@pytest.mark.parametrize("market", DATABASES[:1], indirect=True)
@pytest.mark.parametrize("point", ["job.claimed", "ledger.after_commit", "certificate.facts_frozen"])
def test_a_killed_worker_loses_no_direct_cancellation(point: str, market: Market) -> None:
    market.use_real_paper(False)
    deaths_before = len(market.deaths)
    order = market.arm("worker", point)

    direct_id = market.cancel_directly(units=7)
    market.wait_for(lambda: market.is_fired(order), SECONDS_TO_KILL, f"worker killed at {point}")
    _assert_killed(market, "worker", deaths_before)
    market.settle()

    audit.check(market.engine)
    assert audit.column(
        market.engine,
        """SELECT sum(b.last - b.first + 1) FROM cancelled_block b JOIN cancellation c ON c.id = b.cancellation_id
        WHERE c.direct_cancellation_id = :direct""",
        direct=direct_id,
    ) == [7]
    market.is_sound = True


@pytest.mark.parametrize("number", range(1, ROUNDS + 1))
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"] if IS_ON_BOTH else ["postgresql"])
def test_random_kills_lose_no_purchase(kind: str, number: int, make_market: MarketMaker) -> None:
    seed = f"{SEED}-{kind}-{number}"
    chance = random.Random(seed)  # noqa: S311 - no secret: a seed repeats it
    market = make_market(kind, mischief="duplicate")
    crowd = [_Customer(market, random.Random(chance.random())) for _ in range(2)]  # noqa: S311 - no secret: a seed repeats it
    try:
        for customer in crowd:
            customer.start()
        while len(market.deaths) < DEATHS_IN_A_ROUND:
            _kill_somebody(market, chance)
        for customer in crowd:
            customer.leave()
        market.settle()
        assert [customer.problem for customer in crowd] == [None] * len(crowd)
        audit.check(market.engine)
        buyers = [buyer for customer in crowd for buyer in customer.buyers]
        for buyer in buyers:
            audit.check_mails(market.engine, market.sink.messages, buyer.email)
            assert _units_cancelled_for(market, buyer) == 6
        assert len(buyers) >= len(crowd)
    except BaseException as problem:
        problem.add_note(f"repeat with CHAOS_SEED={SEED}; the deaths were {market.deaths}")
        raise
    finally:
        for customer in crowd:
            customer.leave()
        market.stop()


@pytest.mark.timeout(600)
def test_the_real_waits_lose_nothing_either(make_market: MarketMaker) -> None:
    both = [make_market(kind, waits="real") for kind in ("sqlite", "postgresql")]
    killed: list[tuple[Market, Buyer, Order]] = []
    for market in both:
        buyer = _buyer(market)
        order = market.arm("worker", "ledger.after_commit")
        buyer.come_back(buyer.pay(buyer.order(_wanted(market))))
        killed.append((market, buyer, order))
    for market, _, order in killed:
        market.wait_for(lambda market=market, order=order: market.is_fired(order), 90, "worker killed")
        _assert_killed(market, "worker", 0)
    for market, buyer, _ in killed:
        market.settle(SECONDS_WITH_REAL_WAITS)
        audit.check(market.engine)
        audit.check_mails(market.engine, market.sink.messages, buyer.email)
        assert _units_cancelled_for(market, buyer) == 6


class _Customer(threading.Thread):
    """Buys again and again, each time as somebody else, until told to leave."""

    def __init__(self, market: Market, chance: random.Random) -> None:
        super().__init__()
        self._market, self._chance = market, chance
        self._is_leaving = threading.Event()
        self.buyers: list[Buyer] = []
        self.problem: BaseException | None = None

    def run(self) -> None:
        try:
            while not self._is_leaving.is_set():
                self._buy()
        except BaseException as problem:  # noqa: BLE001 - the test shows it
            self.problem = problem

    def _buy(self) -> None:
        buyer = _buyer(self._market)
        self.buyers.append(buyer)
        return_address = buyer.pay(buyer.order(_wanted(self._market)))
        if self._chance.random() < 0.7:
            buyer.come_back(return_address)

    def leave(self) -> None:
        """Finish the present purchase and buy no more."""
        self._is_leaving.set()
        while self.is_alive():
            self.join(1)


def _kill_somebody(market: Market, chance: random.Random) -> None:
    """At a random point if it is reached soon, or just now wherever the process is."""
    role = chance.choice(ROLES)
    ends_at = time.monotonic() + chance.uniform(0.1, 2)
    if chance.random() < 0.6:
        order = market.arm(role, chance.choice(POINTS_OF[role]), chance.randint(1, 3))
        while not market.is_fired(order) and time.monotonic() < ends_at:
            time.sleep(0.05)
        market.take_back()
    else:
        time.sleep(ends_at - time.monotonic())
        market.kill(role)
    market.revive()


def _buyer(market: Market) -> Buyer:
    number = uuid4().hex[:8]
    return Buyer(
        address=market.address,
        email=f"buyer-{number}@example.org",
        locale=LOCALES[int(number, 16) % len(LOCALES)],
        when_broken=market.revive,
    )


def _wanted(market: Market) -> dict[str, tuple[int, int]]:
    return {reference: (offer_id, units) for units, (reference, offer_id) in enumerate(market.offers.items(), 1)}


def _assert_killed(market: Market, role: str, deaths_before: int) -> None:
    """One process died since, that one, and by the signal that nobody can catch."""
    market.wait_for(lambda: len(market.deaths) > deaths_before, 10, f"{role} is dead")
    deaths = market.deaths[deaths_before:]
    assert [(death.role, death.returncode) for death in deaths] == [(role, -signal.SIGKILL)]


def _units_cancelled_for(market: Market, buyer: Buyer) -> int:
    return audit.column(
        market.engine,
        """SELECT coalesce(sum(b.last - b.first + 1), 0) FROM cancelled_block b
        JOIN cancellation c ON c.id = b.cancellation_id JOIN purchase_order o ON o.id = c.order_id
        WHERE o.email = :email""",
        email=buyer.email,
    )[0]


def _copies_of_the_last_mail(market: Market, buyer: Buyer) -> int:
    identifiers = [mail["Message-ID"] for mail in market.sink.messages if mail["To"] == buyer.email]
    return identifiers.count(identifiers[-1])
