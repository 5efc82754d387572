"""Random histories of one pool of units: what sellers, buyers, operators, the registry and time do to it.

Each history has a pool of its own and calls the services that pages call, without pages. Two people act: while
one of them waits for the registry's answer, which is asked before the transaction, the other may act in
between. After every act the books are added up again with statements that share nothing with the product.
Times are aware instants of the world's clock, which only goes forward; nothing sleeps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random

from sqlalchemy import select, text

from app.audit.service import Actor
from app.catalog.mechanisms import ensure_mechanisms
from app.catalog.models import Issuance, Project, ProjectParty
from app.checkout import service as checkout
from app.checkout.models import Basket, BasketLine
from app.db import db, end_reading, transaction
from app.direct import service as direct
from app.fulfilment import risk
from app.fulfilment.finishing import finish_order
from app.fulfilment.process import Collaborators
from app.kernel.errors import Refusal
from app.kernel.references import unguessable_token
from app.offers import pools
from app.offers.models import Offer
from app.payments.models import Payment
from app.payments.ports import GatewayState
from app.providers.models import Evidence, ProjectAuthority, Provider
from app.providers.states import AuthorityState
from app.registry import service as registry_service
from app.registry.ledger import codes
from app.registry.ledger.models import LedgerAccount, LedgerBlock
from app.registry.ports import Holding, RefusalCode, Refused
from app.selling import service as selling
from app.selling.terms import Terms, terms_of
from tests import people
from tests.builders import (
    DETAILS,
    NOW,
    a_holding_account,
    an_entered_issuance,
    gateway_of,
    pass_time,
    registry_of,
)

ACTS = 12
PRICES = (60, 100, 250, 251, 500)
_OPEN = ("draft", "submitted", "approved", "live", "paused", "sold_out", "frozen")


_PROMISES = text(
    "SELECT"
    " (SELECT COALESCE(SUM(b.last - b.first + 1), 0) FROM ledger_block b JOIN ledger_account a ON a.id = b.account_id"
    " WHERE a.identifier = :account),"
    " (SELECT COALESCE(SUM(units), 0) FROM cancellation WHERE account = :account AND state = 'confirmed'),"
    " (SELECT COALESCE(SUM(CASE WHEN state = 'draft' THEN 0 WHEN state IN ('withdrawn', 'expired')"
    " THEN units_reserved + units_settled ELSE units_offered END), 0) FROM offer WHERE account = :account),"
    " (SELECT COALESCE(SUM(units), 0) FROM direct_cancellation WHERE account = :account AND state <> 'refused')"
)


class Broken(AssertionError):
    """A history has shown what must never be."""


Deed = Callable[["History"], None]


@dataclass
class Stage:
    """What all histories of one database share: a participant with two people who sell, and an operator."""

    world: Collaborators
    provider_id: int
    organisation_id: int
    evidence_id: int
    sellers: tuple[Actor, Actor]
    operator: Actor
    played: int = 0


@dataclass(frozen=True)
class Page:
    """What a buyer has on the screen: an offer, units, the price of one, and what an order would cost in all."""

    offer_id: int
    units: int
    price: int


@dataclass
class History:
    """One pool, everything that is done to it, and what its buyers were shown."""

    stage: Stage
    random: Random
    account: str
    issuance_id: int
    held: int
    offers: list[int] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    orders: dict[int, Page] = field(default_factory=dict)
    directs: list[int] = field(default_factory=list)
    plans: list[int] = field(default_factory=list)
    did: list[str] = field(default_factory=list)
    is_interrupted: bool = False

    # --- acts ------------------------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        return self.stage.world.clock.now()

    @property
    def seller(self) -> Actor:
        return self.random.choice(self.stage.sellers)

    def an_offer(self, *states: str) -> int:
        """Some offer; mostly one in these states, where there is one."""
        found = self.column("SELECT id FROM offer WHERE account = :account ORDER BY id", account=self.account)
        if states and self.random.random() < 0.9:
            rows = db.session.execute(text("SELECT id, state FROM offer WHERE account = :a"), {"a": self.account}).all()
            end_reading()
            found = sorted(offer_id for offer_id, state in rows if state in states) or found
        return self.random.choice(found)

    def holdings(self, account: str) -> Sequence[Holding]:
        """The registry's answer, for which the other person does not wait."""
        before, after = self.random.random() < 0.15, self.random.random() < 0.15
        if before:
            self.interrupt()
        answer = self.stage.world.registries.holdings(account)
        if after:
            self.interrupt()
        return answer

    def interrupt(self, deed: Deed | None = None) -> None:
        if not self.is_interrupted:
            self.is_interrupted = True
            try:
                self.act(deed)
            finally:
                self.is_interrupted = False

    def terms(self) -> Terms:
        price = self.random.choice(PRICES)
        minimum = self.random.choice((1, 1, 1, 2, 5))
        tiers = ((minimum + self.random.randint(1, 8), price - self.random.randint(1, 20)),)
        return Terms(
            unit_price=price,
            minimum_units=minimum,
            tiers=tiers if self.random.random() < 0.5 else (),
            opens_at=self.now + timedelta(minutes=30) if self.random.random() < 0.1 else None,
            expires_at=self.now + timedelta(minutes=90) if self.random.random() < 0.2 else None,
        )

    def units(self) -> int:
        return self.random.randint(1, max(2, self.held // 2))

    def draw_up(self) -> None:
        offer_id = selling.draw_up(
            self.stage.provider_id, self.issuance_id, self.account, self.units(), self.terms(), self.seller, self.now
        )
        self.offers.append(offer_id)
        if self.random.random() < 0.85:
            selling.submit(offer_id, self.seller, self.holdings, self.now)
        if self.random.random() < 0.85:
            selling.approve(offer_id, self.stage.operator, self.holdings, self.now)

    def submit(self) -> None:
        selling.submit(self.an_offer("draft"), self.seller, self.holdings, self.now)

    def approve(self) -> None:
        selling.approve(self.an_offer("submitted"), self.stage.operator, self.holdings, self.now)

    def change(self) -> None:
        offer_id, terms = self.an_offer(*_OPEN), self.terms()
        selling.change(offer_id, self.units(), terms, self.seller, self.holdings, self.now)

    def change_price(self) -> None:
        offer_id = self.an_offer(*_OPEN)
        offer = db.session.get_one(Offer, offer_id)
        terms, units = terms_of(offer), offer.units_offered
        end_reading()
        price = self.random.choice(PRICES)
        changed = Terms(price, terms.minimum_units, (), terms.opens_at, terms.expires_at)
        selling.change(offer_id, units, changed, self.seller, self.holdings, self.now)

    def plan(self) -> None:
        due_at = self.now + timedelta(minutes=self.random.choice((1, 10, 30)))
        price = self.random.choice(PRICES)
        self.plans.append(selling.plan_price(self.an_offer(*_OPEN), price, (), due_at, self.seller, self.now))

    def drop_plan(self) -> None:
        if self.plans:
            selling.drop_planned_price(self.random.choice(self.plans), self.seller, self.now)

    def pause(self) -> None:
        selling.pause(self.an_offer("live", "sold_out"), self.seller, self.now)

    def resume(self) -> None:
        selling.resume(self.an_offer("paused"), self.seller, self.now)

    def withdraw(self) -> None:
        selling.withdraw(self.an_offer(*_OPEN), self.seller, self.now)

    def freeze(self) -> None:
        with transaction():
            selling.freeze_all(self.stage.provider_id, "Something is looked into.", None, self.now)

    def thaw(self) -> None:
        selling.thaw(self.an_offer("frozen"), self.stage.operator, self.holdings, self.now)

    def look(self) -> None:
        """A buyer opens a page that shows an order of some units; it may be old when the button is pressed."""
        offer = db.session.get_one(Offer, self.an_offer("live"))
        units = self.random.randint(offer.minimum_units, offer.minimum_units + self.random.choice((0, 2, 12)))
        self.pages.append(Page(offer.id, units, offer.price_for(units).minor))
        end_reading()

    def order(self) -> None:
        """The button is pressed under what the page showed, new or old."""
        if not self.pages or self.random.random() < 0.5:
            self.look()
        page = self.pages.pop(self.random.randrange(len(self.pages)))
        if self.random.random() < 0.2:
            self.interrupt(History.change_price)
        with transaction() as session:
            basket = Basket(token=unguessable_token(), details={}, created_at=self.now, changed_at=self.now)
            session.add(basket)
            session.flush()
            session.add(BasketLine(basket_id=basket.id, offer_id=page.offer_id, units=page.units))
            token = basket.token
        order_id = checkout.place_order(
            basket_token=token,
            details=DETAILS,
            locale="en",
            consent_version="test",
            consent_text="I agree.",
            terms_version="2026-11-01",
            expected_total=page.price * page.units,
            settings=self.stage.world.settings,
            now=self.now,
            shown=frozenset({(page.offer_id, page.units, page.price)}),
        ).order_id
        self.orders[order_id] = page
        if self.random.random() < 0.7:
            self.open_payment(order_id)

    def open_payment(self, order_id: int) -> None:
        world = self.stage.world
        checkout.start_payment(order_id, world.gateway, world.settings, world.clock)

    def pay(self) -> None:
        """The money of some order arrives, in time or late, and we hear of it."""
        payable = self.orders_in("payment_pending", "expired")
        if not payable:
            self.order()
            return
        order_id = self.random.choice(payable)
        payments = db.session.execute(
            select(Payment.id, Payment.gateway_reference).where(Payment.order_id == order_id)
        ).all()
        end_reading()
        for payment_id, reference in payments[-1:]:
            if reference is not None:
                gateway_of(self.stage.world).payments[reference].state = GatewayState.SUCCEEDED
                self.hear(payment_id)

    def hear(self, payment_id: int) -> None:
        world = self.stage.world
        checkout.reconcile(payment_id, world.gateway, world.registries, world.settings, world.clock)

    def fulfil(self) -> None:
        """Whatever is paid or asked for is cancelled; now and then the registry refuses."""
        world = self.stage.world
        if self.random.random() < 0.25:
            registry_of(world).submits.append(Refused(RefusalCode.RULES, "not here"))
        for order_id in self.orders_in("paid"):
            risk.begin(order_id, world.registries, self.now)
        for direct_id in self.directs:
            direct.begin(direct_id, world.registries, self.now)
        self.ask_registry()
        registry_of(world).submits.clear()

    def ask_registry(self) -> None:
        world = self.stage.world
        waiting = self.column(
            "SELECT id FROM cancellation WHERE account = :account AND state = 'planned'", account=self.account
        )
        for cancellation_id in waiting:
            registry_service.send(cancellation_id, world.registries, world.clock)
        for order_id in self.orders_in("fulfilling"):
            finish_order(order_id, world.registries, world.settings, world.clock.now())
        for direct_id in self.column(
            "SELECT id FROM direct_cancellation WHERE account = :account AND state = 'fulfilling'", account=self.account
        ):
            direct.finish(direct_id, world.registries, world.settings, self.now)

    def cancel_directly(self) -> None:
        wish = direct.Wish(
            account=self.account,
            issuance_id=self.issuance_id,
            units=self.random.randint(1, max(2, self.held // 3)),
            is_for_itself=True,
            name="",
            purpose="",
            purpose_category="own_emissions",
            scheme_name="",
            intent="compensation",
            country="",
            is_name_public=False,
        )
        self.directs.append(
            direct.place(
                self.stage.provider_id,
                wish,
                once=unguessable_token(),
                consent_version="test",
                consent_text="It cannot be undone.",
                locale="en",
                is_demonstration=True,
                actor=self.seller,
                holdings=self.holdings,
                now=self.now,
            )
        )

    def wait(self) -> None:
        pass_time(self.stage.world, minutes=self.random.choice((1, 5, 15, 45)))
        self.keep_time()

    def keep_time(self) -> None:
        """What the sweeper does when time has passed."""
        world = self.stage.world
        selling.run_schedule(self.now)
        for order_id in self.column(
            "SELECT o.id FROM purchase_order o JOIN order_line l ON l.order_id = o.id"
            " WHERE l.issuance_id = :issuance AND o.state IN ('placed', 'payment_pending') AND o.expires_at <= :now",
            issuance=self.issuance_id,
            now=self.stage_time(self.now),
        ):
            checkout.close_unpaid(order_id, world.gateway, world.registries, world.settings, world.clock)

    def act(self, deed: Deed | None = None) -> None:
        """One act, random unless named. A refusal is an answer, not a failure."""
        deed = deed or (self.random.choices(*_DEEDS)[0] if self.offers else History.draw_up)
        place = len(self.did)
        self.did.append(deed.__name__)
        try:
            deed(self)
        except Refusal as refusal:
            self.did[place] += f" ({refusal.code})"
        self.check()

    # --- what must hold at every moment ------------------------------------------------------------------

    def check(self) -> None:
        """Add everything up again."""
        end_reading()
        self.check_promises()
        self.check_counters()
        self.check_prices()
        end_reading()

    def check_promises(self) -> None:
        there, cancelled, offered, asked_for = db.session.execute(_PROMISES, {"account": self.account}).one()
        if there + cancelled != self.held:
            raise Broken(f"{there} units lie there, {cancelled} were cancelled, {self.held} were there at first")
        if offered + asked_for > self.held:
            raise Broken(f"{offered + asked_for} units are promised and {self.held} are there")

    def check_counters(self) -> None:
        wrong = self.column(
            "SELECT o.code FROM offer o LEFT JOIN reservation r ON r.offer_id = o.id WHERE o.account = :account"
            " GROUP BY o.id, o.code, o.units_reserved, o.units_settled"
            " HAVING o.units_reserved <> COALESCE(SUM(CASE WHEN r.state = 'held' THEN r.units END), 0)"
            " OR o.units_settled <> COALESCE(SUM(CASE WHEN r.state = 'settled' THEN r.units END), 0)",
            account=self.account,
        )
        if wrong:
            raise Broken(f"the counters of {wrong} are not the sums of their reservations")

    def check_prices(self) -> None:
        sold = db.session.execute(
            text(
                "SELECT l.order_id, l.offer_id, l.units, l.unit_price, o.total FROM order_line l"
                " JOIN purchase_order o ON o.id = l.order_id WHERE l.issuance_id = :issuance"
            ),
            {"issuance": self.issuance_id},
        )
        for order_id, offer_id, units, price, total in sold:
            page = self.orders.get(order_id)
            if page != Page(offer_id, units, price) or total != units * price:
                raise Broken(f"{units} units were sold at {price} each to a buyer who was shown {page}")

    def check_end(self) -> None:
        """When all is over, every unit is cancelled for somebody or free to be promised again."""
        self.check()
        waiting = self.sum(
            "SELECT COUNT(*) FROM reservation r JOIN offer o ON o.id = r.offer_id"
            " WHERE o.account = :account AND r.state = 'held'"
        )
        uncancelled = self.sum(
            "SELECT COUNT(*) FROM reservation r JOIN offer o ON o.id = r.offer_id"
            " LEFT JOIN cancellation c ON c.order_line_id = r.order_line_id AND c.state = 'confirmed'"
            " WHERE o.account = :account AND r.state = 'settled' AND c.id IS NULL"
        )
        free = pools.free_units(self.account, self.issuance_id, self.stage.world.registries.holdings)
        there = self.in_account()
        if waiting or uncancelled or free != there:
            raise Broken(f"{there} units lie there and {free} are free; {waiting} held, {uncancelled} not cancelled")

    def in_account(self) -> int:
        return self.sum(
            "SELECT SUM(b.last - b.first + 1) FROM ledger_block b JOIN ledger_account a ON a.id = b.account_id"
            " WHERE a.identifier = :account"
        )

    def sum(self, statement: str) -> int:
        return int(db.session.execute(text(statement), {"account": self.account}).scalar() or 0)

    def column(self, statement: str, **values: object) -> list[int]:
        found = [row[0] for row in db.session.execute(text(statement), values)]
        end_reading()
        return found

    def orders_in(self, *states: str) -> list[int]:
        rows = db.session.execute(
            text(
                "SELECT DISTINCT o.id, o.state FROM purchase_order o JOIN order_line l ON l.order_id = o.id"
                " WHERE l.issuance_id = :issuance ORDER BY o.id"
            ),
            {"issuance": self.issuance_id},
        ).all()
        end_reading()
        return [order_id for order_id, state in rows if state in states]

    def stage_time(self, at: datetime) -> object:
        is_server = db.session.get_bind().dialect.name == "postgresql"
        return at if is_server else at.strftime("%Y-%m-%d %H:%M:%S.%f")

    # --- from the beginning to the end -----------------------------------------------------------------

    def play(self, acts: int = ACTS) -> None:
        for _act in range(acts):
            self.act()
        self.close()

    def close(self) -> None:
        """Everything ends: offers are withdrawn, unpaid orders run out, what is paid is cancelled."""
        for offer_id in self.offers:
            try:
                selling.withdraw(offer_id, self.seller, self.now)
            except Refusal:
                continue
        pass_time(self.stage.world, hours=1)
        self.keep_time()
        self.fulfil_everything()
        self.check_end()

    def fulfil_everything(self) -> None:
        world = self.stage.world
        for order_id in self.orders_in("paid"):
            risk.begin(order_id, world.registries, self.now)
        for direct_id in self.directs:
            direct.begin(direct_id, world.registries, self.now)
        self.ask_registry()


_WEIGHTS: dict[Deed, int] = {
    History.draw_up: 4,
    History.submit: 1,
    History.approve: 1,
    History.change: 3,
    History.change_price: 2,
    History.plan: 2,
    History.drop_plan: 1,
    History.pause: 2,
    History.resume: 2,
    History.withdraw: 1,
    History.freeze: 1,
    History.thaw: 3,
    History.look: 2,
    History.order: 7,
    History.pay: 5,
    History.fulfil: 2,
    History.cancel_directly: 1,
    History.wait: 3,
}
_DEEDS = (list(_WEIGHTS), list(_WEIGHTS.values()))
DEEDS = tuple(deed.__name__ for deed in _WEIGHTS)


def set_stage(world: Collaborators) -> Stage:
    """A participant with two sellers and an operator, in an empty database."""
    ensure_mechanisms()
    anna, ben, eva = people.a_person("anna@a.example"), people.a_person("ben@a.example"), people.an_operator()
    organisation_id = people.an_organisation(seller=anna, seller_2=ben)
    with transaction() as session:
        provider = Provider(code="seller", legal_name="Salkhit Wind LLC", country="MN", organisation_id=organisation_id)
        session.add(provider)
        evidence = Evidence(
            organisation_id=organisation_id,
            kind="authority",
            file_name="letter.pdf",
            media_type="application/pdf",
            size=1,
            sha256="0" * 64,
            content=b"x",
            uploaded_by=anna,
            uploaded_at=NOW,
        )
        cancelled = LedgerAccount(
            identifier=codes.CANCELLATION_ACCOUNT_IDENTIFIER,
            type_code=codes.VOLUNTARY_CANCELLATION_ACCOUNT,
            holder="Voluntary cancellation",
        )
        session.add_all([evidence, cancelled])
        session.flush()
        provider_id, evidence_id = provider.id, evidence.id
    sellers = people.actor_of(anna), people.actor_of(ben)
    stage = Stage(world, provider_id, organisation_id, evidence_id, sellers, people.actor_of(eva))
    end_reading()
    return stage


def begin(stage: Stage, random: Random) -> History:
    """A new pool with some units in it, and nothing offered of it."""
    stage.played += 1
    number, held = stage.played, random.randint(6, 40)
    with transaction() as session:
        project = Project(
            mechanism_code="CDM",
            reference=f"IN-{number}",
            reference_number=number,
            title=f"Project number {number}",
            kind="PA",
            project_type="Wind",
            sectoral_scopes="1",
            methodologies="ACM0002",
            region="Asia and the Pacific",
            page_url="https://cdm.unfccc.int/",
            parties=[ProjectParty(country="IN", position=0)],
        )
        session.add(project)
        session.flush()
        first = number * 1_000
        issuance = Issuance(
            project_id=project.id,
            unit_type="CER",
            commitment_period=2,
            originating_party="IN",
            space="IN",
            serial_first=first,
            serial_last=first + 999,
            units=1_000,
            completed_at=NOW,
            monitoring_starts_on=date(2014, 1, 1),
            monitoring_ends_on=date(2014, 12, 31),
        )
        account = a_holding_account(f"CDM-{number}", session.get_one(Provider, stage.provider_id))
        authority = ProjectAuthority(
            organisation_id=stage.organisation_id,
            project_id=project.id,
            evidence_id=stage.evidence_id,
            state=AuthorityState.APPROVED,
            claimed_at=NOW,
        )
        session.add_all([issuance, authority])
        session.flush()
        entered = an_entered_issuance(issuance, project)
        session.add(
            LedgerBlock(account_id=account.id, issuance_id=entered.id, space="IN", first=first, last=first + held - 1)
        )
        return History(stage, random, account.identifier, issuance.id, held)
