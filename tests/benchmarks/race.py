"""The last five units and eight buyers who press the button at once: `make bench-race`.

A hundred rounds with 2 and with 8 web processes, on PostgreSQL. In each round a new offer of five units goes on sale,
eight guests put one unit into their baskets and go to the page with the last button, all eight press it together, and
whoever reaches the payment page pays. Exactly five must be told that they may pay, exactly five units be sold by the
offer's row, by the reservations and by the paid orders, and the other three must be refused politely: the review again
with what is wrong (409), or, for whoever comes a moment later, the basket that says so. A round with anything else ends
the benchmark. `BENCH_RACES` makes it shorter.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Barrier

from sqlalchemy import Engine, text

from tests.benchmarks.buyer import Buyer, Refused
from tests.benchmarks.processes import postgresql, settings_in
from tests.benchmarks.purchase import BUYERS, Shop, audited, new_offers, open_shop
from tests.postgres import free_port

RACES = int(os.environ.get("BENCH_RACES", "100"))
WORKERS = (2, 8)
LAST_UNITS = 5
REFUSALS = {"409", "led to the basket"}

BOOKS = text("""
    SELECT f.units_settled, f.units_reserved,
    (SELECT coalesce(sum(r.units), 0) FROM reservation r WHERE r.offer_id = f.id AND r.state = 'settled'),
    (SELECT count(*) FROM order_line l JOIN payment p ON p.order_id = l.order_id
     WHERE l.offer_id = f.id AND p.state = 'succeeded')
    FROM offer f WHERE f.id = :offer""")


def main() -> int:
    """Hold the races, print what was sold, and say by the exit code whether it was five each time."""
    holds = True
    for workers in WORKERS:
        with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
            environment = settings_in(Path(directory), free_port(), stack.enter_context(postgresql()))
            shop = stack.enter_context(open_shop(environment, workers=workers))
            holds = hold_races(workers, shop, new_offers(environment, range(101, 101 + RACES), LAST_UNITS)) and holds
    return 0 if holds else 1


def hold_races(workers: int, shop: Shop, offers: dict[str, int]) -> bool:
    """One race for each offer, and an audit at the end; gives whether everything holds."""
    begun = time.monotonic()
    problem = ""
    with ThreadPoolExecutor(BUYERS) as people:
        for turn, (reference, offer_id) in enumerate(offers.items()):
            together = Barrier(BUYERS)
            told = list(
                people.map(
                    lambda place, r=reference, o=offer_id, t=turn, b=together: race(shop, r, o, f"{t}-{place}", b),
                    range(BUYERS),
                )
            )
            problem = _problem(told, books_of(shop.engine, offer_id))
            if problem:
                break
    if problem:
        print(f"FAIL  {workers} workers, race {turn + 1}: {problem}")
        return False
    seconds = time.monotonic() - begun
    print(f"PASS  {workers} workers: {LAST_UNITS} sold in {len(offers)} of {len(offers)} races ({seconds:.0f} s)")
    return audited(f"{workers} workers", shop)


def race(shop: Shop, reference: str, offer_id: int, name: str, together: Barrier) -> str:
    """One buyer's part; gives what the shop said: `paid`, or how it refused."""
    with Buyer(shop.web.address) as buyer:
        buyer.fill_basket({reference: (offer_id, 1)})
        buyer.give_details(f"race-{offer_id}-{name}@example.org", f"Buyer {name}")
        together.wait(timeout=60)
        try:
            buyer.order()
        except Refused as refusal:
            return "led to the basket" if buyer.at.endswith("/basket") else str(refusal.args[0])
        return "paid" if "/orders/" in buyer.pay() else f"came back to {buyer.at}"


def books_of(engine: Engine, offer_id: int) -> tuple[int, ...]:
    """Units sold by the offer's row, units it still holds, units of settled reservations, lines that were paid."""
    with engine.connect() as connection:
        return tuple(int(number) for number in connection.execute(BOOKS, {"offer": offer_id}).one())


def _problem(told: Sequence[str], books: tuple[int, ...]) -> str:
    was_polite = all(word == "paid" or word in REFUSALS for word in told)
    if was_polite and told.count("paid") == LAST_UNITS and books == (LAST_UNITS, 0, LAST_UNITS, LAST_UNITS):
        return ""
    return f"buyers were told {', '.join(told)}; sold, held, settled, paid in the books: {books}"


if __name__ == "__main__":
    sys.exit(main())
