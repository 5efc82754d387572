"""What breaks, and when: drawn from the seed, by the number of the purchase that has begun by then."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from app.kernel import checkpoints
from tests.chaos.storm.fates import PURCHASES_PER_THIN_OFFER
from tests.chaos.storm.house import House
from tests.chaos.storm.outside import Outside

# How many purchases lie between two of a kind. A short storm has each kind at least once, but for the web server:
# another test kills that at every point, and it takes longest to come back.
SHORT = 100
EVERY = {
    "worker killed somewhere": 15,
    "worker killed at a point": 15,
    "web killed somewhere": 500,
    "web killed at a point": 500,
    "hours pass": 60,
    "clock jumps": 120,
    "database restarts": 500,
    "database locked": 800,
    "disk full": 500,
    "gateway away": 300,
    "mail server down": 800,
}
MAIL_IS_DOWN_FOR = 0.4  # of the way to the next time
POINTS = {
    "web": ("order.placed", "gateway.before_call", "gateway.after_call", "delivery.stored", "order.paid"),
    "worker": tuple(
        point for point in checkpoints.POINTS if not point.startswith(("order.placed", "gateway.", "delivery."))
    ),
}
MAIL_IS_BACK, THIN_OFFER_OPENS = "mail server back", "thin offer opens"


@dataclass(frozen=True, order=True)
class Event:
    """Something that breaks when so many purchases have begun."""

    after: int
    kind: str


def kinds(purchases: int) -> list[str]:
    """What will break in a storm of so many purchases."""
    return [kind for kind in EVERY if purchases >= SHORT or not kind.startswith("web")]


def forecast(seed: str, purchases: int) -> list[Event]:
    """All that will break, the first one first."""
    chance = random.Random(f"{seed}-weather")  # noqa: S311 - a seed, not a secret
    events = []
    for kind in kinds(purchases):
        every = EVERY[kind]
        step = min(every, max(1, purchases // (2 if every < 100 else 1)))
        for number in range(0, purchases, step):
            after = min(purchases - 1, number + chance.randrange(step))
            events.append(Event(after, kind))
            if kind == "mail server down":
                events.append(Event(min(purchases, after + max(1, round(step * MAIL_IS_DOWN_FOR))), MAIL_IS_BACK))
    events += [Event(number, THIN_OFFER_OPENS) for number in range(0, purchases, PURCHASES_PER_THIN_OFFER)]
    return sorted(events)


class Weather:
    """Lets things break. `after_hours` is what people do when hours have passed, `open_offer` brings a thin offer."""

    def __init__(
        self,
        house: House,
        outside: Outside,
        purchases: int,
        after_hours: Callable[[], None],
        open_offer: Callable[[], None],
    ) -> None:
        self._house, self._outside = house, outside
        self._chance = random.Random()  # noqa: S311 - the forecast is drawn from the seed, its details are not
        self._longest = 1.0 if purchases >= SHORT else 0.3
        self._after_hours, self._open_offer = after_hours, open_offer

    def strike(self, kind: str) -> None:
        """Let one thing break, and mend it where it does not mend itself."""
        name = kind.replace(" ", "_")
        self._outside.books.count(kind)
        getattr(self, f"_{name}")()

    def clear_up(self) -> None:
        """The storm is over."""
        self._house.take_back_orders()
        self._house.clock.jump(timedelta(0))
        self._outside.gateway.is_away = False
        self._outside.mail.answers.clear()
        self._outside.be_stormy(False)

    def _wait(self, longest: float) -> None:
        """Let it be so for a while: at most so many seconds, in a short storm fewer."""
        time.sleep(self._chance.uniform(0.3, 1) * longest * self._longest)

    def _worker_killed_somewhere(self) -> None:
        self._house.kill_a_worker(self._chance.randrange(8))

    def _worker_killed_at_a_point(self) -> None:
        self._house.order_to_die("worker", self._chance.choice(POINTS["worker"]), self._chance.randint(1, 4))

    def _web_killed_somewhere(self) -> None:
        self._house.kill_web()

    def _web_killed_at_a_point(self) -> None:
        self._house.order_to_die("web", self._chance.choice(POINTS["web"]), self._chance.randint(1, 4))

    def _thin_offer_opens(self) -> None:
        self._open_offer()

    def _hours_pass(self) -> None:
        self._house.clock.pass_time(timedelta(minutes=self._chance.uniform(5, 180)))
        self._outside.banks_work(0.3)
        self._after_hours()

    def _clock_jumps(self) -> None:
        self._house.clock.jump(timedelta(minutes=self._chance.choice((-1, 1)) * self._chance.uniform(2, 180)))
        self._wait(2)
        self._house.clock.jump(timedelta(0))

    def _database_restarts(self) -> None:
        self._house.break_database()
        self._wait(1.5)
        self._house.mend_database()

    def _database_locked(self) -> None:
        """Somebody writes for longer than anybody should; sometimes for longer than the product waits."""
        engine = create_engine(self._house.url)
        with suppress(SQLAlchemyError), engine.connect() as connection:
            if engine.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            else:
                connection.execute(text("LOCK TABLE state_event, purchase_order IN EXCLUSIVE MODE"))
            self._house.is_away = True
            self._wait(17 if self._chance.random() < 0.2 else 3)
        self._house.is_away = False
        engine.dispose()

    def _disk_full(self) -> None:
        self._house.is_away = True
        self._house.volume.fill(self._house.every_process())
        self._wait(3)
        self._house.volume.make_room(self._house.every_process())
        self._house.mend_database()

    def _gateway_away(self) -> None:
        self._outside.gateway.is_away = True
        self._wait(2)
        self._outside.gateway.is_away = False

    def _mail_server_down(self) -> None:
        self._outside.mail.answers["MAIL"] = self._chance.choice(("421 closing", "451 not now", "452 full"))

    def _mail_server_back(self) -> None:
        self._outside.mail.answers.clear()
