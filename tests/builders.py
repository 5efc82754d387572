"""A small believable world, made of plain rows. Call inside an application context."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from threading import Barrier
from typing import Any, cast

from flask import Flask
from sqlalchemy import delete, select, update

from app.catalog import book
from app.catalog.mechanisms import ensure_mechanisms
from app.catalog.models import Issuance, LevyRule, Mechanism, Project, ProjectParty, UnitType
from app.certificates.models import Certificate
from app.checkout import baskets, consent, service
from app.checkout.models import Order, Remedy
from app.checkout.queries import Shown, basket_view
from app.checkout.service.remedy import TIME_TO_DECIDE
from app.config import Settings
from app.db import db, transaction
from app.fulfilment import risk
from app.fulfilment.process import Collaborators, run_due
from app.kernel.clock import FixedClock
from app.offers.models import Offer, PriceChange
from app.offers.states import OfferState, PriceChangeState
from app.payments.models import Payment, Refund
from app.providers.models import Provider
from app.registry.ledger import codes
from app.registry.ledger.models import LedgerAccount, LedgerBlock, LedgerIssuance
from app.registry.models import Cancellation, RegistryAccount
from tests.fakes import FakeGateway, FakeMailer, FakeRenderer, ScriptedRegistry

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)

DETAILS: dict[str, Any] = {
    "email": "buyer@example.org",
    "beneficiary": "Amélie Nguyễn",
    "purpose": "Our office heating of 2025",
    "intent": "contribution",
    "country": "FR",
    "publish_name": False,
}


def a_holding_account(identifier: str, provider: Provider) -> LedgerAccount:
    """A participant's account in the embedded ledger, inside the caller's transaction."""
    account = LedgerAccount(identifier=identifier, type_code=codes.HOLDING_ACCOUNT, holder=provider.legal_name)
    db.session.add(account)
    db.session.add(
        RegistryAccount(
            identifier=identifier, registry_code="ledger", provider_id=provider.id, holder=provider.legal_name
        )
    )
    db.session.flush()
    return account


def an_entered_issuance(issuance: Issuance, project: Project) -> LedgerIssuance:
    """An issuance of the catalogue as the embedded ledger has it, inside the caller's transaction."""
    entered = LedgerIssuance(
        mechanism_code=project.mechanism_code,
        project_reference=project.reference,
        unit_type=issuance.unit_type,
        commitment_period=issuance.commitment_period,
        vintage_year=issuance.vintage_year,
        party=issuance.originating_party,
        space=issuance.space,
        first=issuance.serial_first,
        last=issuance.serial_last,
    )
    db.session.add(entered)
    db.session.flush()
    return entered


def no_mechanisms() -> None:
    """Take away the mechanisms that every test database begins with: nothing was ever loaded."""
    with transaction() as session:
        for table in (LevyRule, UnitType, Mechanism):
            session.execute(delete(table))
    book.forget()


def an_offer(
    *, number: int = 1, units: int = 1_000, price: int = 250, held: int | None = None, commitment_period: int = 2
) -> int:
    """An offer of `units` of its own project `number`, with `held` units in the ledger; gives the offer's id."""
    ensure_mechanisms()
    with transaction() as session:
        provider = session.scalar(select(Provider).where(Provider.code == "seller"))
        if provider is None:
            provider = Provider(code="seller", legal_name="Demonstration seller 1", country="CH", is_demonstration=True)
            session.add(provider)
            session.flush()
            a_holding_account("CDM-100-1", provider)
            session.add(
                LedgerAccount(
                    identifier=codes.CANCELLATION_ACCOUNT_IDENTIFIER,
                    type_code=codes.VOLUNTARY_CANCELLATION_ACCOUNT,
                    holder="Voluntary cancellation",
                )
            )
            session.flush()
        project = Project(
            mechanism_code="CDM",
            reference=f"IN-{number}",
            reference_number=number,
            title=f"Wind power project number {number}",
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
        first = number * 1_000_000
        held = units if held is None else held
        issuance = Issuance(
            project_id=project.id,
            unit_type="CER",
            commitment_period=commitment_period,
            originating_party="IN",
            space="IN",
            serial_first=first,
            serial_last=first + 99_999,
            units=100_000,
            completed_at=datetime(2016, 1, 1, tzinfo=UTC),
            monitoring_starts_on=date(2014, 1, 1),
            monitoring_ends_on=date(2014, 12, 31),
        )
        session.add(issuance)
        session.flush()
        entered = an_entered_issuance(issuance, project)
        account = session.scalars(select(LedgerAccount).where(LedgerAccount.identifier == "CDM-100-1")).one()
        if held:
            session.add(
                LedgerBlock(
                    account_id=account.id,
                    issuance_id=entered.id,
                    space="IN",
                    first=first + 2_000,
                    last=first + 2_000 + held - 1,
                )
            )
        offer = Offer(
            code=f"offer-{number}",
            provider_id=provider.id,
            issuance_id=issuance.id,
            account="CDM-100-1",
            state=OfferState.LIVE,
            unit_price=price,
            currency="USD",
            units_offered=units,
            units_reserved=0,
            units_settled=0,
        )
        session.add(offer)
        session.flush()
        return int(offer.id)


def a_basket(wanted: dict[int, int], *, now: datetime = NOW) -> str:
    """A basket with units by offer; gives its token."""
    token: str | None = None
    for offer_id, units in wanted.items():
        token = baskets.add_to_basket(token=token, offer_id=offer_id, units=units, now=now)
    assert token is not None
    return token


def a_placed_order(settings: Settings, wanted: dict[int, int], *, now: datetime = NOW, **details: Any) -> int:
    """An order of units by offer, placed and not paid; gives its id."""
    token = a_basket(wanted, now=now)
    return place(settings, token, now=now, **details)


def place(
    settings: Settings,
    token: str,
    *,
    now: datetime = NOW,
    locale: str = "en",
    shown: Collection[Shown] | None = None,
    **details: Any,
) -> int:
    """Place the order of a basket as a buyer would who agrees to the total shown, or to these lines."""
    return service.place_order(
        basket_token=token,
        details=DETAILS | details,
        locale=locale,
        consent_version="test",
        consent_text="I agree.",
        terms_version="2026-11-01",
        expected_total=basket_view(token, settings).total.minor,
        settings=settings,
        now=now,
        shown=shown,
    ).order_id


def a_payable_order(world: Collaborators, wanted: dict[int, int], **details: Any) -> int:
    """An order whose payment page is open; gives its id."""
    order_id = a_placed_order(world.settings, wanted, now=world.clock.now(), **details)
    service.start_payment(order_id, world.gateway, world.settings, world.clock)
    return order_id


def a_paid_order(world: Collaborators, wanted: dict[int, int], **details: Any) -> int:
    """An order whose payment the fake gateway has, and that we know of; gives its id."""
    order_id = a_payable_order(world, wanted, **details)
    gateway_of(world).pay()
    look_again(world, order_id)
    return order_id


def a_begun_order(world: Collaborators, wanted: dict[int, int], **details: Any) -> int:
    """A paid order whose cancellations are planned and not sent; gives its id."""
    order_id = a_paid_order(world, wanted, **details)
    risk.begin(order_id, world.registries, world.clock.now())
    return order_id


def a_finished_order(world: Collaborators, wanted: dict[int, int], **details: Any) -> int:
    """A paid order after everything due was done; gives its id."""
    order_id = a_paid_order(world, wanted, **details)
    run_due(world)
    return order_id


def gateway_of(world: Collaborators) -> FakeGateway:
    """The gateway of a test's world, with its switches."""
    return cast(FakeGateway, world.gateway)


def registry_of(world: Collaborators) -> ScriptedRegistry:
    """The registry of a test's world, with its script."""
    return cast(ScriptedRegistry, world.registries.default)


def mailer_of(world: Collaborators) -> FakeMailer:
    """The mailer of a test's world, with what it sent."""
    return cast(FakeMailer, world.mailer)


def renderer_of(world: Collaborators) -> FakeRenderer:
    """The renderer of a test's world, with its problems."""
    return cast(FakeRenderer, world.renderer)


def look_again(world: Collaborators, order_id: int) -> None:
    """Ask the gateway about every payment of an order, as a notice would make us do."""
    for payment_id in [payment.id for payment in payments_of(order_id)]:
        service.reconcile(payment_id, world.gateway, world.registries, world.settings, world.clock)


def pass_time(world: Collaborators, **by: float) -> None:
    """Move the clock forward by a distance, such as minutes=5."""
    cast(FixedClock, world.clock).advance(timedelta(**by))


def choose_nothing(world: Collaborators) -> None:
    """Let the time pass in which buyers may choose other units: their money goes back."""
    pass_time(world, seconds=TIME_TO_DECIDE.total_seconds())
    run_due(world)


def payments_of(order_id: int) -> Sequence[Payment]:
    """An order's payments as the database has them now, oldest first."""
    db.session.expire_all()
    return db.session.scalars(select(Payment).where(Payment.order_id == order_id).order_by(Payment.id)).all()


def refunds_of(order_id: int) -> Sequence[Refund]:
    """An order's refunds as the database has them now, oldest first."""
    db.session.expire_all()
    return db.session.scalars(select(Refund).where(Refund.order_id == order_id).order_by(Refund.id)).all()


def cancellations_of(order_id: int) -> Sequence[Cancellation]:
    """An order's cancellations as the database has them now, in order of the lines."""
    db.session.expire_all()
    return db.session.scalars(
        select(Cancellation).where(Cancellation.order_id == order_id).order_by(Cancellation.id)
    ).all()


def take_units_instead(world: Collaborators, order_id: int, offer_id: int, price: int = 250) -> int:
    """The buyer of a refused line takes the units of another offer; gives the id of that order."""
    db.session.expire_all()
    return service.take_units(
        db.session.scalars(select(Remedy.id).where(Remedy.order_id == order_id)).one(),
        offer_id,
        price,
        consent_version=consent.VERSION,
        consent_text="I agree.",
        terms_version="2026-11-01",
        registries=world.registries,
        settings=world.settings,
        now=world.clock.now(),
    )


def certificates_of(order_id: int) -> Sequence[Certificate]:
    """An order's certificates as the database has them now."""
    db.session.expire_all()
    return db.session.scalars(
        select(Certificate).where(Certificate.order_id == order_id).order_by(Certificate.id)
    ).all()


def the_offer(offer_id: int) -> Offer:
    """The offer as the database has it now."""
    db.session.expire_all()
    return db.session.get_one(Offer, offer_id)


def change_offer(offer_id: int, **values: Any) -> None:
    """What a seller or an operator does to an offer, straight in the table."""
    with transaction() as session:
        session.execute(update(Offer).where(Offer.id == offer_id).values(**values))


def a_planned_price_that_cannot_be_read(offer_id: int, now: datetime) -> None:
    """A row that no page lets anybody write, and that is due."""
    with transaction() as session:
        state, tiers = PriceChangeState.PLANNED, [["many", "cheap"]]
        session.add(
            PriceChange(offer_id=offer_id, state=state, unit_price=100, tiers=tiers, due_at=now, created_at=now)
        )


def ledger_effects() -> int:
    """Units that the embedded registry has cancelled, by its own books."""
    rows = db.session.scalars(
        select(LedgerBlock)
        .join(LedgerAccount, LedgerAccount.id == LedgerBlock.account_id)
        .where(LedgerAccount.identifier == codes.CANCELLATION_ACCOUNT_IDENTIFIER)
    ).all()
    return sum(block.last - block.first + 1 for block in rows)


def all_at_once(app: Flask, jobs: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run each job in a thread with its own database session, all let go together.

    Gives what each returned, or the exception that ended it, in the order of the jobs.
    """
    start = Barrier(len(jobs))

    def run(job: Callable[[], Any]) -> Any:
        with app.app_context():
            start.wait(30)
            try:
                return job()
            except Exception as problem:  # noqa: BLE001 - handed to the test, which says what it expects
                return problem

    db.session.rollback()
    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


def the_order(order_id: int) -> Order:
    """The order as the database has it now."""
    db.session.expire_all()
    return db.session.get_one(Order, order_id)
