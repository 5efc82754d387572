"""A small believable world, made of plain rows. Call inside an application context."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import select

from app.catalog.mechanisms import ensure_mechanisms
from app.catalog.models import Issuance, Project, ProjectParty
from app.checkout import baskets, service
from app.checkout.models import Order
from app.checkout.queries import basket_view
from app.config import Settings
from app.db import db, transaction
from app.offers.models import Offer
from app.offers.states import OfferState
from app.providers.models import Provider
from app.registry.ledger import codes
from app.registry.ledger.models import LedgerAccount, LedgerBlock

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)

DETAILS: dict[str, Any] = {
    "email": "buyer@example.org",
    "beneficiary": "Amélie Nguyễn",
    "purpose": "Our office heating of 2025",
    "intent": "contribution",
    "country": "FR",
    "publish_name": False,
}


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
            session.add_all(
                [
                    LedgerAccount(
                        identifier="CDM-100-1",
                        type_code=codes.HOLDING_ACCOUNT,
                        holder=provider.legal_name,
                        provider_id=provider.id,
                    ),
                    LedgerAccount(
                        identifier=codes.CANCELLATION_ACCOUNT_IDENTIFIER,
                        type_code=codes.VOLUNTARY_CANCELLATION_ACCOUNT,
                        holder="Voluntary cancellation",
                        provider_id=None,
                    ),
                ]
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
            serial_first=first,
            serial_last=first + 99_999,
            units=100_000,
            completed_at=datetime(2016, 1, 1, tzinfo=UTC),
            monitoring_starts_on=date(2014, 1, 1),
            monitoring_ends_on=date(2014, 12, 31),
        )
        session.add(issuance)
        session.flush()
        account = session.scalars(select(LedgerAccount).where(LedgerAccount.identifier == "CDM-100-1")).one()
        if held:
            session.add(
                LedgerBlock(
                    account_id=account.id,
                    issuance_id=issuance.id,
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


def place(settings: Settings, token: str, *, now: datetime = NOW, locale: str = "en", **details: Any) -> int:
    """Place the order of a basket as a buyer would who agrees to the total shown."""
    return service.place_order(
        basket_token=token,
        details=DETAILS | details,
        locale=locale,
        consent_version="test",
        consent_text="I agree.",
        expected_total=basket_view(token, settings).total.minor,
        settings=settings,
        now=now,
    )


def the_order(order_id: int) -> Order:
    """The order as the database has it now."""
    db.session.expire_all()
    return db.session.get_one(Order, order_id)
