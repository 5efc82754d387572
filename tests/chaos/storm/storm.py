"""The storm from the first purchase to the audit. It may be interrupted at any moment, and goes on where it was."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.db import db
from app.registry import leases
from tests.builders import an_offer
from tests.chaos.storm import audit
from tests.chaos.storm.books import Books
from tests.chaos.storm.clock import HouseClock
from tests.chaos.storm.desk import Desk
from tests.chaos.storm.fates import NATIONAL_OFFERS, STEADY_OFFERS, Fate, fate
from tests.chaos.storm.house import House, kill_left_behind
from tests.chaos.storm.outside import Outside
from tests.chaos.storm.shopper import Browser, Shopper, TurnedAway
from tests.chaos.storm.volume import Volume
from tests.chaos.storm.weather import Weather, forecast
from tests.contract.registries import a_national_offer

BUYERS = 4
# Buyers wait while the shop has so many orders in hand: a shop with a queue of thousands proves nothing more.
MOST_IN_HAND = 100
LONG_CROWDED, TIME_FOR_A_CROWD = 20, timedelta(minutes=15)  # seconds of real time, and what passes then
PULSE = 0.1  # seconds
STEADY_UNITS, THIN_UNITS, THIN_HELD, NATIONAL_UNITS = 97_000, 200, 60, 40_000
WEEKS = timedelta(days=15)  # longer than units are held for a transfer


@dataclass
class Report:
    """What a storm left behind."""

    kind: str
    seed: str
    purchases: int
    seconds: float
    settled_in: float
    outcomes: dict[str, int]
    faults: dict[str, int]
    counts: dict[str, int]
    contradictions: dict[str, list[Any]]

    def __str__(self) -> str:
        each = self.seconds / max(1, self.purchases)
        lines = [
            f"{self.purchases:,} purchases on {self.kind}, seed {self.seed}: {self.seconds:.0f} s ({each:.3f} s each), "
            f"then {self.settled_in:.0f} s until everything was over",
            "  How they ended: " + ", ".join(f"{number:,} {name}" for name, number in self.outcomes.items()),
            "  What broke: " + ", ".join(f"{number:,} × {name}" for name, number in self.faults.items()),
            *(f"  {number:>10,}  {name}" for name, number in self.counts.items()),
            f"  {len(audit.UNFINISHED) + len(audit.GENERAL) + len(audit.QUESTIONS)} sentences of the audit, "
            f"{len(self.contradictions)} contradicted: {'FAIL' if self.contradictions else 'PASS'}",
            *(f"  FAIL {name}: {len(rows)} rows, {rows[:5]}" for name, rows in self.contradictions.items()),
        ]
        return "\n".join(lines)


@dataclass
class Storm:
    """`purchases` of the shop over a database of a `kind`; everything lies in `directory`."""

    directory: Path
    kind: str
    purchases: int
    seed: str
    _began: set[int] = field(default_factory=set)
    _deaths: int = 0

    def play(self) -> Report:
        """Buy in the storm, let it pass, and compare the books. Raises AssertionError when the shop does not finish."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.parent.chmod(0o755)  # the database's user lives further down
        with ExitStack() as stack:
            self.books = self._the_books()
            stack.callback(self.books.close)
            self.seed = self.books.noted("seed", self.seed)
            self.books.note("seed", self.seed)
            self.clock = HouseClock(self.directory)
            stack.callback(self.clock.close)
            self.outside = Outside(self.books, self.clock, self.seed)
            self.house = House(self.directory, self.kind, self.books, self.clock, self.outside.port("shop"))
            stack.push(lambda problem, *_what: self.leave() if problem else None)
            stack.enter_context(self.outside)
            self.house.connect(self.outside.settings())
            stack.callback(self.house.stop)
            (self.directory / "deaths").touch()
            self._open_shop()
            self.house.start()
            self.desk = Desk(self.house)
            self.outside.postman(self.house.port)
            self._rage()
            settled_in = self._settle()
            return self._compare(settled_in)

    def leave(self) -> None:
        """Leave everything as it is, with nobody at work."""
        if self.house.cluster:
            self.house.cluster.kill()

    def remove(self) -> None:
        """Leave nothing behind."""
        if self.house.cluster:
            self.house.cluster.remove()
        self.house.volume.remove()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _the_books(self) -> Books:
        """Those of the storm that goes on; of one that had not begun nothing is kept."""
        path = self.directory / "books.sqlite"
        books = Books(path)
        if books.noted("offers"):
            return books
        books.close()
        kill_left_behind(self.directory)
        Volume(self.directory / "volume").remove()
        shutil.rmtree(self.directory)
        self.directory.mkdir(mode=0o755)
        return Books(path)

    # --- before --------------------------------------------------------------------------------------

    def _open_shop(self) -> None:
        if self.books.noted("offers"):
            self.books.write("UPDATE purchase SET outcome = 'interrupted' WHERE outcome = 'begun'")
            return
        self.house.migrate()
        rules = self.outside.registry
        offers: dict[str, int] = {}
        with self.house.app().app_context():
            for index in range(STEADY_OFFERS):
                offers[f"steady-{index}"] = an_offer(number=index + 1, units=STEADY_UNITS, price=120 + index)
            for index in range(NATIONAL_OFFERS + 1):
                name = f"national-{index}" if index < NATIONAL_OFFERS else "national-thin"
                units = NATIONAL_UNITS if index < NATIONAL_OFFERS else THIN_UNITS
                rules.issue(project=index + 1, units=units if index < NATIONAL_OFFERS else THIN_HELD)
                offers[name] = a_national_offer(index + 1, units)
            held = db.session.execute(text("SELECT sum(last - first + 1) FROM ledger_block")).scalar()
            db.session.remove()
            db.engine.dispose()
        self.outside.remember(rules)
        self.books.put("holding", "ledger", int(held or 0), None)
        self.books.put("holding", "undp", self.outside.units_of_the_shop(), None)
        self.books.note("offers", offers)

    def _open_thin_offer(self) -> None:
        """One more offer of more units than its registry has; a comparison of the books at night would find it."""
        index = sum(name.startswith("thin") for name in self._offers)
        with self.house.app().app_context():
            self._offers[f"thin-{index}"] = an_offer(
                number=STEADY_OFFERS + 1 + index, units=THIN_UNITS, held=THIN_HELD, price=300
            )
            db.session.remove()
            db.engine.dispose()
        self.books.write("UPDATE holding SET before = before + ? WHERE registry = 'ledger'", THIN_HELD)
        self.books.note("offers", self._offers)

    # --- the storm -----------------------------------------------------------------------------------

    def _rage(self) -> None:
        done = {number for (number,) in self.books.rows("SELECT number FROM purchase")}
        self._offers = self.books.noted("offers")
        self._to_buy = iter([number for number in range(self.purchases) if number not in done])
        self._began, self._lock, self._is_crowded = done, threading.Lock(), threading.Event()
        self._crowded_since = 0.0
        self._problems: list[BaseException] = []
        self.house.take_back_orders()
        self.clock.jump(timedelta(0))
        self.weather = Weather(self.house, self.outside, self.purchases, self._after_hours, self._open_thin_offer)
        begun, before = time.monotonic(), self.books.noted("seconds", 0.0)
        self.outside.be_stormy(True)
        crowd = [threading.Thread(target=self._buy, daemon=True) for _ in range(BUYERS)]
        for buyer in crowd:
            buyer.start()
        events = iter(forecast(self.seed, self.purchases)[self.books.noted("events", 0) :])
        event = next(events, None)
        while any(buyer.is_alive() for buyer in crowd):
            time.sleep(PULSE)
            self._look_around()
            self.books.note("seconds", before + time.monotonic() - begun)
            while event is not None and event.after < len(self._began):
                self.books.note("events", self.books.noted("events", 0) + 1)
                self.weather.strike(event.kind)
                self.house.revive()
                event = next(events, None)
        assert not self._problems, self._problems
        self.weather.clear_up()
        self.house.mend_database()

    def _look_around(self) -> None:
        """Bring back what is dead, let the leases of the dead run out, and nobody in while there is much in hand."""
        self.house.revive()
        deaths = (self.directory / "deaths").stat().st_size
        if deaths != self._deaths:
            self._deaths = deaths
            self.clock.pass_time(leases.LENGTH + timedelta(seconds=1))
        try:
            with self.house.engine.connect() as connection:
                in_hand = connection.execute(
                    text("SELECT count(*) FROM purchase_order WHERE state IN ('paid', 'fulfilling')")
                ).scalar()
        except SQLAlchemyError:
            return
        if int(in_hand or 0) <= MOST_IN_HAND:
            self._is_crowded.clear()
            return
        if not self._is_crowded.is_set():
            self._is_crowded.set()
            self._crowded_since = time.monotonic()
        elif time.monotonic() > self._crowded_since + LONG_CROWDED:
            # Somebody died with a lease taken while the clock was hours ahead. Nobody buys, so no other event comes.
            self._crowded_since = time.monotonic()
            self.clock.pass_time(TIME_FOR_A_CROWD)

    def _buy(self) -> None:
        try:
            with self._a_browser() as browser:
                for made in self._fates():
                    self.books.put("purchase", made.number, made.email, "begun")
                    try:
                        outcome = Shopper(made, browser, self._offers).buy()
                    except TurnedAway as reason:
                        outcome = f"left: {reason}"
                    self.books.put("purchase", made.number, made.email, outcome)
                    self._note_failures(browser)
        except BaseException as problem:  # noqa: BLE001 - the storm shows it
            self._problems.append(problem)

    def _a_browser(self) -> Browser:
        return Browser(self.house.port, self.outside.port("gateway"))

    def _note_failures(self, browser: Browser) -> None:
        for what, times in browser.failed.items():
            self.books.count(what, times)
        browser.failed.clear()

    def _fates(self) -> Iterator[Fate]:
        while True:
            while self._is_crowded.is_set():
                time.sleep(PULSE)
            with self._lock:
                number = next(self._to_buy, None)
                if number is None:
                    return
                self._began.add(number)
            yield fate(self.seed, number)

    def _after_hours(self) -> None:
        """What people do when hours have passed."""
        self._pay_after_hours()
        self.desk.decide()

    def _pay_after_hours(self) -> None:
        waiting = self.books.rows("SELECT number, outcome FROM purchase WHERE outcome LIKE 'card_after_hours:%'")
        with self._a_browser() as browser:
            for number, outcome in waiting:
                made = fate(self.seed, number)
                try:
                    ended = Shopper(made, browser, self._offers).pay(outcome.partition(":")[2])
                except TurnedAway as reason:
                    ended = f"left: {reason}"
                self.books.put("purchase", number, made.email, f"{ended} after hours")

    # --- after ---------------------------------------------------------------------------------------

    def _settle(self) -> float:
        """Let everything finish; gives the seconds that it took."""
        begun = time.monotonic()
        self._pay_after_hours()
        self._wait_until_over(weeks_later=False)
        self.clock.pass_time(WEEKS)
        self._wait_until_over(weeks_later=True)
        return time.monotonic() - begun

    def _wait_until_over(self, *, weeks_later: bool) -> None:
        ends_at, step, moved = time.monotonic() + 60 + self.purchases / 5, timedelta(minutes=10), (-1, -1)
        while True:
            self.house.revive()
            self.outside.banks_work(1, weeks_later=weeks_later)
            time.sleep(3 * PULSE)
            with self.house.engine.connect() as connection:
                left = audit.unfinished(connection)
                newest = connection.execute(text("SELECT max(id) FROM state_event")).scalar_one()
                # Drawing and mailing leave no event, and are not to be held up by nights that pass.
                unheard = audit.unheard(connection, self.books)
                before, moved = moved, (newest, sum(map(len, left.values())) + len(unheard))
                if not weeks_later:
                    self._forgive_transfers(left, connection)
            if unheard:
                left["disputes that the shop has not heard of, or not how they stand"] = unheard
            if not left and not self.books.rows("SELECT id FROM notice") and not self.desk.decide():
                return
            assert time.monotonic() < ends_at, {name: (len(rows), rows[:5]) for name, rows in left.items()}
            if moved == before:
                self.clock.pass_time(step)
                step = min(2 * step, timedelta(hours=8))

    def _forgive_transfers(self, left: dict[str, list[Any]], connection: Any) -> None:
        """Transfers that arrive after weeks are still on their way."""
        waiting = {
            row[0] for row in connection.execute(text("SELECT order_id FROM payment WHERE state = 'processing'"))
        }
        for name, position in (("payments that could still come", None), ("orders that were paid and are not over", 0)):
            rows = [
                row
                for row in left.pop(name, ())
                if not (row[1] == "processing" if position is None else row[position] in waiting)
            ]
            if rows:
                left[name] = rows

    def _compare(self, settled_in: float) -> Report:
        self.outside.write_retirements()
        self.books.write("UPDATE holding SET after = ? WHERE registry = 'undp'", self.outside.units_of_the_shop())
        with self.house.engine.begin() as connection:
            audit.lay_beside(connection, self.books)
        with self.house.engine.connect() as connection:
            found, counts = audit.contradictions(connection), audit.counts(connection)
        deaths = Counter((self.directory / "deaths").read_text().splitlines())
        ended: Counter[str] = Counter()
        for (outcome,) in self.books.rows("SELECT outcome FROM purchase"):
            ended[outcome.partition(":http")[0]] += 1
        return Report(
            self.kind, self.seed, self.purchases, self.books.noted("seconds"), settled_in, dict(ended.most_common()),
            dict(self.books.rows("SELECT kind, times FROM fault ORDER BY kind")) | dict(deaths), counts, found,
        )  # fmt: skip


if __name__ == "__main__":
    print(Storm(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]).play())  # noqa: T201 - a command
