"""Units for sale at a price, and who holds them for the moment."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, Date, ForeignKey, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app import current
from app.db import BigKey
from app.kernel.columns import Base, UTCDateTime, state_column
from app.kernel.money import Money
from app.offers.states import VISIBLE, OfferState, PriceChangeState, ReservationState, Standing, standing
from app.offers.tiers import Levels, levels, price_at


class Terms:
    """What follows from an offer's columns, of a row that can be changed and of one that was only read."""

    if TYPE_CHECKING:
        state: Any
        unit_price: Any
        currency: Any
        units_offered: Any
        units_reserved: Any
        units_settled: Any
        minimum_units: Any
        tiers: Any

    @property
    def units_left(self) -> int:
        """Units that a new order could reserve, in whole units (tonnes)."""
        left: int = self.units_offered - self.units_reserved - self.units_settled
        return left

    @property
    def standing(self) -> Standing:
        """How it stands for a buyer, if visitors may know of it; in a currency of the past it is not sold."""
        is_sold = self.currency == current.settings().currency
        return standing(self.state, self.units_left, self.units_reserved) if is_sold else Standing.HELD

    def price_for(self, units: int) -> Money:
        """The price of one unit in a purchase of `units` (tonnes)."""
        return Money(price_at(self.unit_price, self.tiers, units), self.currency)

    @property
    def prices(self) -> Levels:
        """Every price of it with the number of units (tonnes) from which it holds."""
        return levels(self.unit_price, self.tiers)

    def least_of(self, units_left: int) -> int:
        """The smallest purchase where `units_left` are for sale: the minimum, or else all that is left."""
        least: int = min(self.minimum_units, units_left)
        return least


class Offer(Terms, Base):
    """Units of one issuance, in one account, at one price. The CHECK stands behind every guard.

    `tiers` are lower prices from a number of units on: `[[from_units, unit_price], ...]`, rising units,
    falling prices. `price_version` grows with every change of price, tiers or minimum: an order that was
    drawn up with an older one is told, not charged.
    """

    __tablename__ = "offer"
    __table_args__ = (
        CheckConstraint("units_reserved >= 0 AND units_settled >= 0", name="counted"),
        CheckConstraint("units_reserved + units_settled <= units_offered", name="not_oversold"),
        CheckConstraint("unit_price > 0", name="priced"),
        CheckConstraint("minimum_units > 0", name="minimum"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    code: Mapped[str] = mapped_column(String(60), unique=True)
    provider_id: Mapped[int] = mapped_column(ForeignKey("provider.id"), index=True)
    issuance_id: Mapped[int] = mapped_column(ForeignKey("issuance.id"), index=True)
    account: Mapped[str] = mapped_column(String(60))  # registry account that holds the units
    state: Mapped[OfferState] = mapped_column(state_column(OfferState, "offer_state"), index=True)
    unit_price: Mapped[int] = mapped_column(Integer)  # minor units of `currency`
    currency: Mapped[str] = mapped_column(String(3))
    units_offered: Mapped[int] = mapped_column(BigInteger)
    units_reserved: Mapped[int] = mapped_column(BigInteger, default=0)
    units_settled: Mapped[int] = mapped_column(BigInteger, default=0)
    # When the registry last said that the units lie there; a later cancellation confirms it again.
    holding_confirmed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    minimum_units: Mapped[int] = mapped_column(BigInteger, default=1, server_default="1")  # of one purchase
    tiers: Mapped[list[list[int]]] = mapped_column(JSON, default=list, server_default="[]")
    price_version: Mapped[int] = mapped_column(Integer, default=1, server_default="1")
    opens_at: Mapped[datetime | None] = mapped_column(UTCDateTime)  # not for sale before
    expires_at: Mapped[datetime | None] = mapped_column(UTCDateTime, index=True)  # not for sale from then on
    texts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default="{}")  # by language
    # Why it is paused, frozen, returned or withdrawn: a code of `app.offers.reasons`, or an operator's words.
    state_reason: Mapped[str] = mapped_column(String(1000), default="", server_default="")
    created_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    def is_visible(self, now: datetime) -> bool:
        """Whether a visitor may know of it at an instant. One that was frozen before its opening waits for that."""
        return self.state in VISIBLE and self._has_opened(now)

    def is_on_sale(self, now: datetime) -> bool:
        """Whether units that are left can be ordered at an instant: it is live, has opened and has not expired."""
        is_over = self.expires_at is not None and self.expires_at <= now
        return self.state is OfferState.LIVE and self._has_opened(now) and not is_over

    def _has_opened(self, now: datetime) -> bool:
        return self.opens_at is None or self.opens_at <= now

    @property
    def price(self) -> Money:
        """The price of one unit in the smallest purchases, which is the highest."""
        return Money(self.unit_price, self.currency)


@dataclass(frozen=True, slots=True)
class OfferRead(Terms):
    """An offer as a purchase reads it, a fraction of the work of a mapped row: of the columns in `READ`, in order."""

    id: int
    provider_id: int
    issuance_id: int
    state: OfferState
    unit_price: int
    currency: str
    units_offered: int
    units_reserved: int
    units_settled: int
    minimum_units: int
    tiers: list[list[int]]
    price_version: int

    @classmethod
    def first_of(cls, row: Any) -> OfferRead:
        """The offer whose columns stand first in a row."""
        return cls(*row[: len(READ)])


READ = tuple(Offer.__table__.c[part.name] for part in fields(OfferRead))


class OfferPrice(Base):
    """The public history of an offer's price."""

    __tablename__ = "offer_price"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    offer_id: Mapped[int] = mapped_column(ForeignKey("offer.id"), index=True)
    unit_price: Mapped[int] = mapped_column(Integer)
    currency: Mapped[str] = mapped_column(String(3))
    tiers: Mapped[list[list[int]]] = mapped_column(JSON, default=list, server_default="[]")
    valid_from: Mapped[datetime] = mapped_column(UTCDateTime)


class PriceChange(Base):
    """A price that an offer will have from an instant on; planned by its seller, applied by the sweeper."""

    __tablename__ = "price_change"
    __table_args__ = (
        CheckConstraint("unit_price > 0", name="priced"),
        Index("ix_price_change_due", "state", "due_at"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    offer_id: Mapped[int] = mapped_column(ForeignKey("offer.id"), index=True)
    state: Mapped[PriceChangeState] = mapped_column(state_column(PriceChangeState, "price_change_state"))
    unit_price: Mapped[int] = mapped_column(Integer)  # minor units of the offer's currency
    tiers: Mapped[list[list[int]]] = mapped_column(JSON, default=list)
    due_at: Mapped[datetime] = mapped_column(UTCDateTime)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)


class OfferInterest(Base):
    """How often an offer's page was seen and its units put into a basket on one day (UTC); nobody's name."""

    __tablename__ = "offer_interest"

    offer_id: Mapped[int] = mapped_column(ForeignKey("offer.id"), primary_key=True)
    on: Mapped[date] = mapped_column(Date, primary_key=True)
    views: Mapped[int] = mapped_column(Integer, default=0)
    baskets: Mapped[int] = mapped_column(Integer, default=0)


class Reservation(Base):
    """Units of one offer taken out of sale for one order line."""

    __tablename__ = "reservation"
    __table_args__ = (
        CheckConstraint("units > 0", name="positive"),
        Index(
            "uq_reservation_active",
            "order_line_id",
            unique=True,
            sqlite_where=text("state <> 'released'"),
            postgresql_where=text("state <> 'released'"),
        ),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    offer_id: Mapped[int] = mapped_column(ForeignKey("offer.id"), index=True)
    order_line_id: Mapped[int] = mapped_column(ForeignKey("order_line.id"), index=True)
    units: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[ReservationState] = mapped_column(state_column(ReservationState, "reservation_state"))
