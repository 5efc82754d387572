"""Units for sale at a price, and who holds them for the moment."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import BigKey
from app.kernel.columns import Base, UTCDateTime, state_column
from app.kernel.money import Money
from app.offers.states import OfferState, ReservationState, Standing, standing


class Offer(Base):
    """Units of one issuance, in one account, at one price. The CHECK stands behind every guard."""

    __tablename__ = "offer"
    __table_args__ = (
        CheckConstraint("units_reserved >= 0 AND units_settled >= 0", name="counted"),
        CheckConstraint("units_reserved + units_settled <= units_offered", name="not_oversold"),
        CheckConstraint("unit_price > 0", name="priced"),
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

    @property
    def units_left(self) -> int:
        """Units that a new order could reserve, in whole units (tonnes)."""
        return self.units_offered - self.units_reserved - self.units_settled

    @property
    def standing(self) -> Standing:
        """How it stands for a buyer, if visitors may know of it."""
        return standing(self.state, self.units_left, self.units_reserved)

    @property
    def price(self) -> Money:
        """The price of one unit."""
        return Money(self.unit_price, self.currency)


class OfferPrice(Base):
    """The public history of an offer's price."""

    __tablename__ = "offer_price"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    offer_id: Mapped[int] = mapped_column(ForeignKey("offer.id"), index=True)
    unit_price: Mapped[int] = mapped_column(Integer)
    currency: Mapped[str] = mapped_column(String(3))
    valid_from: Mapped[datetime] = mapped_column(UTCDateTime)


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
