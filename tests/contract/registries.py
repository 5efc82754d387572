"""The three registries with everything a test may do to them from the other side of the port.

Each world sells units that its registry keeps, so that a cancellation is part of a paid order and a refund is real
money of the fake gateway. What is broken is broken where it breaks in life: on the wire for the registry over HTTP,
between our call and its return for the two whose books are in our own database.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol, cast

from flask import Flask
from sqlalchemy import func, select

from app.catalog.models import Issuance, Project, ProjectParty
from app.checkout.models import Order
from app.checkout.states import ORDER
from app.db import db, end_reading, transaction
from app.fulfilment.process import Collaborators, run_due
from app.kernel.clock import FixedClock
from app.offers.models import Offer
from app.offers.states import OfferState
from app.payments.models import Refund
from app.providers.models import Provider
from app.registry.accounts import find_registry_code
from app.registry.ledger import codes
from app.registry.ledger.models import LedgerAccount, LedgerBlock, LedgerTransaction, LedgerTransactionBlock
from app.registry.models import Cancellation, RegistryAccount
from app.registry.ports import CancellationRequest, Outcome, Registries, RegistryAdapter
from app.registry.states import CANCELLATION, CancellationState
from tests import batch_world
from tests.builders import an_offer, refunds_of, registry_of
from tests.fakes import FakeGateway, FakeMailer, FakeRenderer, ScriptedRegistry
from tests.undp_standin.world import ACCOUNT as UNDP_ACCOUNT
from tests.undp_standin.world import UndpWorld as UndpRegistryWorld

S = CancellationState
UNITS = 1_000
MOST_STEPS = 80


@dataclass(frozen=True)
class Effects:
    """What a reference did in a registry's own books.

    `live` is how often units are held or cancelled for it, `units` how many, `done` how many are cancelled for good.
    """

    live: int
    units: int
    done: int


class Wire(ScriptedRegistry):
    """An adapter whose calls can be watched and torn: `after_submit` runs between the effect and its return."""

    def __init__(self, real: RegistryAdapter) -> None:
        super().__init__(real)
        self.promised_within = real.promised_within
        self.after_submit: list[Callable[[], object]] = []

    def submit(self, request: CancellationRequest) -> Outcome:
        outcome = super().submit(request)
        if self.after_submit:
            self.after_submit.pop(0)()
        return outcome


class RegistryWorld(Protocol):
    """A registry, the shop that sells units it keeps, and the people on its far side."""

    code: str
    shop: Collaborators
    clock: FixedClock

    def an_offer(self, *, number: int = 1, units: int = UNITS, held: int | None = None) -> int:
        """Units for sale, of which the registry holds `held`."""
        ...

    def another_worker(self) -> Wire:
        """The registry as a second process would reach it."""
        ...

    def breaks(self, *faults: str) -> None:
        """What happens to the next requests to cancel, one each."""
        ...

    def other_side(self) -> None:
        """What the people of the registry do when a while has passed."""
        ...

    def effects(self, reference: str) -> Effects: ...

    def hides(self) -> None:
        """From now on the registry does what it is asked for, and nobody sees it."""
        ...

    def shows(self) -> None:
        """All of it can be seen again."""
        ...

    def refuses_next(self) -> None:
        """The registry will decide against the next cancellation."""
        ...


def shop_of(app: Flask, adapter: RegistryAdapter, **changes: Any) -> Collaborators:
    """The product over one registry."""
    registries = Registries([Wire(adapter)], find_registry_code)
    app.extensions["tonne.registries"] = registries
    facts: dict[str, Any] = {
        "gateway": FakeGateway(),
        "registries": registries,
        "renderer": FakeRenderer(),
        "mailer": FakeMailer(),
        "settings": app.extensions["tonne.settings"],
        "clock": app.extensions["tonne.clock"],
    }
    return Collaborators(**(facts | changes))


class LedgerWorld:
    """The embedded ledger: cancels in one transaction of our own database."""

    code = "ledger"

    def __init__(self, app: Flask) -> None:
        self._real = app.extensions["tonne.registries"].of(self.code)
        self.shop = shop_of(app, self._real)
        self.clock = cast(FixedClock, self.shop.clock)

    def an_offer(self, *, number: int = 1, units: int = UNITS, held: int | None = None) -> int:
        return an_offer(number=number, units=units, held=held)

    def another_worker(self) -> Wire:
        return Wire(self._real)

    def breaks(self, *faults: str) -> None:
        registry_of(self.shop).submits += [OWN_DATABASE[fault] for fault in faults]

    def other_side(self) -> None:
        """Nobody has to do anything."""

    def effects(self, reference: str) -> Effects:
        entries = db.session.scalars(
            select(LedgerTransaction).where(
                LedgerTransaction.reference == reference, LedgerTransaction.state_code == codes.COMPLETED
            )
        ).all()
        done = sum(
            block.last - block.first + 1
            for block in db.session.scalars(
                select(LedgerTransactionBlock).where(
                    LedgerTransactionBlock.transaction_id.in_([entry.id for entry in entries])
                )
            )
        )
        end_reading()
        return Effects(len(entries), done, done)

    def refuses_next(self) -> None:
        """The units leave the account by another door."""
        with transaction() as session:
            elsewhere = LedgerAccount(identifier="CDM-100-9", type_code=codes.HOLDING_ACCOUNT, holder="Elsewhere")
            session.add(elsewhere)
            session.flush()
            for block in session.scalars(select(LedgerBlock)):
                block.account_id = elsewhere.id

    def take_away(self, units: int) -> None:
        """The lowest units of the block are cancelled for somebody else."""
        with transaction() as session:
            block = session.scalars(select(LedgerBlock).order_by(LedgerBlock.first)).one()
            block.first += units

    def hides(self) -> None:
        raise NotImplementedError

    def shows(self) -> None:
        raise NotImplementedError


class BatchWorld(LedgerWorld):
    """A registry that is reached by files. Its administrator works whenever a while has passed."""

    code = "batch"

    def __init__(self, app: Flask) -> None:
        super().__init__(app)
        self.office = batch_world.BatchWorld(app)
        self.is_quiet = False
        self._refuses = 0

    def an_offer(self, *, number: int = 1, units: int = UNITS, held: int | None = None) -> int:
        offer_id = an_offer(number=number, units=units, held=held)
        self.office.keeps("CDM-100-1")
        return offer_id

    def other_side(self) -> None:
        """The batch is handed over, and answered with the next post unless the post is late."""
        package = self.office.hand_over()
        if package is None:
            return
        refused = {line["reference"]: "no such units" for line in batch_world.read_lines(package)[: self._refuses]}
        self._refuses = 0
        answer = self.office.answer(package, refuse=refused)
        if not self.is_quiet:
            self.office.deliver(answer)

    def effects(self, reference: str) -> Effects:
        entries = [entry for entry in self.office.entries.get(reference, []) if entry.blocks]
        units = sum(entry.units for entry in entries)
        return Effects(len(entries), units, units)

    def refuses_next(self) -> None:
        self._refuses = 1

    def hides(self) -> None:
        self.is_quiet = True

    def shows(self) -> None:
        self.is_quiet = False
        for answer in self.office.files:
            self.office.deliver(answer)


class UndpWorld:
    """The UNDP registry over HTTP, whose authority we are as well."""

    code = "undp"

    def __init__(self, app: Flask, far: UndpRegistryWorld) -> None:
        self.far = far
        self.shop = shop_of(app, far.adapter())
        self.clock = cast(FixedClock, self.shop.clock)
        self._refuses = False

    def an_offer(self, *, number: int = 1, units: int = UNITS, held: int | None = None) -> int:
        an_offer(number=90 + number, units=1)  # the seller and the mechanisms
        self.far.issue(project=number, units=units if held is None else held)
        return a_national_offer(number, units)

    def another_worker(self) -> Wire:
        return Wire(self.far.adapter())

    def breaks(self, *faults: str) -> None:
        self.far.faults.script(*(ON_THE_WIRE[fault] for fault in faults))

    def other_side(self) -> None:
        if self._refuses:
            self.far.rules.catch_up()
            shown = [r for r in self.far.rules.shown.values() if r.status == "Pending"]
            for reference in {reference_in(retirement.remarks) for retirement in shown}:
                self.far.decide("REJECT", reference)
                self._refuses = False

    def effects(self, reference: str) -> Effects:
        live = [r for r in self.far.requests(reference) if r.status in {"Pending", "Completed"}]
        parts = Counter(retirement.remarks for retirement in live)
        return Effects(
            max(parts.values(), default=0),
            sum(retirement.amount for retirement in live),
            sum(retirement.amount for retirement in live if retirement.status == "Completed"),
        )

    def refuses_next(self) -> None:
        self._refuses = True

    def hides(self) -> None:
        self.far.pause()

    def shows(self) -> None:
        self.far.resume()


# What a fault is where there is no wire: the call comes back with nothing, before or after the commit.
OWN_DATABASE = {"lost after effect": "lose", "lost before effect": "raise"}
ON_THE_WIRE = {
    "lost after effect": "lose_after",
    "lost before effect": "lose_before",
    "500 after effect": "error_after",
    "unlisted 400 after effect": "odd_400_after",
    "truncated JSON": "truncate",
    "too slow": "slow",
    "well": "",
}


def reference_in(remarks: str | None) -> str:
    """Our reference in a remark of the UNDP registry."""
    return (remarks or "").removeprefix("[").partition("/")[0]


def a_national_offer(number: int, units: int) -> int:
    """Units of a project whose numbers a national registry counts by itself."""
    reference = f"NG-{number}"
    with transaction() as session:
        provider = session.scalars(select(Provider).where(Provider.code == "seller")).one()
        if session.get(RegistryAccount, UNDP_ACCOUNT) is None:
            session.add(
                RegistryAccount(
                    identifier=UNDP_ACCOUNT, registry_code="undp", provider_id=provider.id, holder=provider.legal_name
                )
            )
        project = Project(
            mechanism_code="CDM",
            reference=reference,
            reference_number=number + 500_000,
            title=f"Solar power project number {number}",
            kind="PA",
            project_type="Solar",
            region="Africa",
            parties=[ProjectParty(country="NG", position=0)],
        )
        session.add(project)
        session.flush()
        issuance = Issuance(
            project_id=project.id,
            unit_type="CER",
            commitment_period=2,
            originating_party="NG",
            space=f"CA0NNN-NG-XX-{number}",
            serial_first=1,
            serial_last=100_000,
            units=100_000,
            completed_at=datetime(2024, 1, 1, tzinfo=UTC),
            monitoring_starts_on=date(2023, 1, 1),
            monitoring_ends_on=date(2023, 12, 31),
        )
        session.add(issuance)
        session.flush()
        offer = Offer(
            code=f"offer-{reference}",
            provider_id=provider.id,
            issuance_id=issuance.id,
            account=UNDP_ACCOUNT,
            state=OfferState.LIVE,
            unit_price=250,
            currency="USD",
            units_offered=units,
            units_reserved=0,
            units_settled=0,
        )
        session.add(offer)
        session.flush()
        return int(offer.id)


@contextmanager
def a_world(code: str, app: Flask) -> Iterator[RegistryWorld]:
    """The world of a registry, over an application whose context is pushed."""
    if code == "undp":
        with UndpRegistryWorld(app.extensions["tonne.clock"]) as far:
            yield UndpWorld(app, far)
    else:
        yield LedgerWorld(app) if code == "ledger" else BatchWorld(app)


# --- time passes, and what must be so then -----------------------------------------------------------------


def open_cancellations() -> Sequence[Cancellation]:
    """Those that a worker still has to do something about."""
    db.session.rollback()
    return db.session.scalars(
        select(Cancellation).where(Cancellation.state.in_([S.PLANNED, S.SENDING, S.WAITING, S.UNKNOWN]))
    ).all()


def settle(world: RegistryWorld, most: int = MOST_STEPS) -> None:
    """Let the worker work and time pass until every cancellation is over, or waits for a person."""
    for _step in range(most):
        run_due(world.shop)
        world.other_side()
        still = open_cancellations()
        if not still:
            run_due(world.shop)
            return
        wait_until(world.clock, min(cancellation.next_action_at for cancellation in still))
    states = [(cancellation.state.value, cancellation.last_message) for cancellation in open_cancellations()]
    raise AssertionError(f"not over: {states}")


def wait_until(clock: FixedClock, at: datetime) -> None:
    """Move the clock to `at`, or by a second."""
    clock.advance(max(timedelta(seconds=1), at - clock.now()))


def check_books(world: RegistryWorld) -> None:
    """At most one live effect, confirmed if and only if exactly one, and no refund with one: for every reference."""
    db.session.rollback()
    for cancellation in db.session.scalars(select(Cancellation).order_by(Cancellation.id)).all():
        facts = (cancellation.reference, cancellation.state, cancellation.units, cancellation.last_message)
        effects = world.effects(cancellation.reference)
        refunds = db.session.scalar(
            select(func.count()).select_from(Refund).where(Refund.order_line_id == cancellation.order_line_id)
        )
        assert effects.live <= 1, (facts, effects)
        if CANCELLATION.is_final(cancellation.state):
            units = cancellation.units if cancellation.state is S.CONFIRMED else 0
            assert effects == Effects(units > 0, units, units), (facts, effects)
        assert not (refunds and effects.live), (facts, effects)
        assert bool(refunds) == (cancellation.state is S.REFUSED), (facts, refunds)
        if CANCELLATION.is_final(cancellation.state) and cancellation.order_id is not None:
            assert ORDER.is_final(db.session.get_one(Order, cancellation.order_id).state), facts


def owed(order_id: int) -> int:
    """What was given back of an order, in minor units."""
    return sum(refund.amount for refund in refunds_of(order_id))


class InThread(threading.Thread):
    """Another worker beside this one, with a database session of its own."""

    def __init__(self, app: Flask, job: Callable[[], object]) -> None:
        super().__init__()
        self._app, self._job = app, job
        self.result: object = None

    def run(self) -> None:
        with self._app.app_context():
            self.result = self._job()

    @classmethod
    def of(cls, app: Flask, job: Callable[[], object]) -> object:
        """Run a job in another worker and wait for it."""
        thread = cls(app, job)
        thread.start()
        thread.join()
        return thread.result
