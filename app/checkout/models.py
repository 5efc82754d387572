"""Before and after "buy": baskets and orders."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.checkout.states import OrderState, RemedyState
from app.db import BigKey
from app.kernel.columns import Base, UTCDateTime, state_column
from app.kernel.money import Money


class BasketLine(Base):
    """Units of one offer."""

    __tablename__ = "basket_line"
    __table_args__ = (UniqueConstraint("basket_id", "offer_id"), CheckConstraint("units > 0", name="positive"))

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    basket_id: Mapped[int] = mapped_column(ForeignKey("basket.id", ondelete="CASCADE"), index=True)
    offer_id: Mapped[int] = mapped_column(ForeignKey("offer.id"))
    units: Mapped[int] = mapped_column(BigInteger)


class Basket(Base):
    """What a visitor means to buy. Nothing is reserved for it."""

    __tablename__ = "basket"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    token: Mapped[str] = mapped_column(String(40), unique=True)
    details: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # the checkout form as typed so far
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    changed_at: Mapped[datetime] = mapped_column(UTCDateTime)

    lines: Mapped[list[BasketLine]] = relationship(order_by="BasketLine.id", cascade="all, delete-orphan")


class OrderLine(Base):
    """Units of one offer at the price the buyer saw, and who gets what of it, to the cent."""

    __tablename__ = "order_line"
    __table_args__ = (
        UniqueConstraint("order_id", "position"),
        CheckConstraint("units > 0", name="positive"),
        CheckConstraint("unit_price * units = amount", name="listed_price_is_paid"),
        CheckConstraint("seller_share + payment_cost + tax + platform_fee = amount", name="adds_up"),
        Index("ix_order_line_seller", "provider_id", "id"),
        Index("ix_order_line_project", "project_id", "provider_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("purchase_order.id"), index=True)
    position: Mapped[int] = mapped_column(Integer)
    offer_id: Mapped[int] = mapped_column(ForeignKey("offer.id"))
    issuance_id: Mapped[int] = mapped_column(ForeignKey("issuance.id"))
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    provider_id: Mapped[int] = mapped_column(ForeignKey("provider.id"))
    beneficiary_id: Mapped[int] = mapped_column(ForeignKey("beneficiary.id"))
    units: Mapped[int] = mapped_column(BigInteger)
    unit_price: Mapped[int] = mapped_column(Integer)
    amount: Mapped[int] = mapped_column(BigInteger)
    seller_share: Mapped[int] = mapped_column(BigInteger)
    payment_cost: Mapped[int] = mapped_column(BigInteger)
    tax: Mapped[int] = mapped_column(BigInteger)
    platform_fee: Mapped[int] = mapped_column(BigInteger)


class Order(Base):
    """A binding order with frozen prices. `token` opens its page and cannot be guessed."""

    __tablename__ = "purchase_order"
    __table_args__ = (
        CheckConstraint("total > 0", name="positive"),
        Index("ix_purchase_order_due", "state", "expires_at"),
        Index("ix_purchase_order_email", "email"),
        Index("ix_purchase_order_placed", "placed_at"),
        Index("ix_purchase_order_paid", "paid_at"),
        # However often the last button is pressed: one basket has one order that can be paid.
        Index(
            "uq_purchase_order_open_basket",
            "basket_id",
            unique=True,
            sqlite_where=text("state IN ('placed', 'payment_pending')"),
            postgresql_where=text("state IN ('placed', 'payment_pending')"),
        ),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    reference: Mapped[str] = mapped_column(String(16), unique=True)
    token: Mapped[str] = mapped_column(String(40), unique=True)
    basket_id: Mapped[int | None] = mapped_column(ForeignKey("basket.id", ondelete="SET NULL"), index=True)
    state: Mapped[OrderState] = mapped_column(state_column(OrderState, "order_state"))
    locale: Mapped[str] = mapped_column(String(8))
    # A buyer with an account, or one who proved later that the address is theirs.
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    email: Mapped[str] = mapped_column(String(254))  # as `plain_email` gives it, so that it is found by equality
    currency: Mapped[str] = mapped_column(String(3))
    total: Mapped[int] = mapped_column(BigInteger)
    is_demonstration: Mapped[bool] = mapped_column(Boolean)
    consent_version: Mapped[str] = mapped_column(String(24))
    consent_text: Mapped[str] = mapped_column(Text)
    # An operator's reason to look at it before the irreversible step; empty for none.
    hold_reason: Mapped[str] = mapped_column(String(1000), default="", server_default="")
    terms_version: Mapped[str | None] = mapped_column(String(10))  # None: placed before terms had versions
    placed_at: Mapped[datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)  # until then the units are held
    paid_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    lines: Mapped[list[OrderLine]] = relationship(order_by="OrderLine.position")

    @property
    def money(self) -> Money:
        """What the buyer pays in all."""
        return Money(self.total, self.currency)


class Beneficiary(Base):
    """On whose behalf the units are cancelled, and why, in the words of who has them cancelled.

    It belongs to an order or to a direct cancellation; only the latter has a purpose category and the
    name of a scheme.
    """

    __tablename__ = "beneficiary"
    __table_args__ = (CheckConstraint("(order_id IS NULL) <> (direct_cancellation_id IS NULL)", name="one_cause"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    order_id: Mapped[int | None] = mapped_column(ForeignKey("purchase_order.id"), index=True)
    direct_cancellation_id: Mapped[int | None] = mapped_column(ForeignKey("direct_cancellation.id"), unique=True)
    name: Mapped[str] = mapped_column(String(200), default="")
    purpose: Mapped[str] = mapped_column(String(500), default="")
    intent: Mapped[str] = mapped_column(String(16))  # contribution or compensation
    country: Mapped[str] = mapped_column(String(2), default="")
    is_name_public: Mapped[bool] = mapped_column(Boolean, default=False)
    purpose_category: Mapped[str] = mapped_column(String(24), default="", server_default="")
    scheme_name: Mapped[str] = mapped_column(String(120), default="", server_default="")


class Remedy(Base):
    """The choice of a buyer whose line was paid and certainly not cancelled: money back, or other units for it.

    Without a choice until `decide_by` the money goes back. `substitute_order_id` is the order that the other
    units were bought with.
    """

    __tablename__ = "remedy"
    __table_args__ = (
        CheckConstraint("(state = 'substituted') = (substitute_order_id IS NOT NULL)", name="substitute"),
        Index("ix_remedy_due", "state", "decide_by"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    order_line_id: Mapped[int] = mapped_column(ForeignKey("order_line.id"), unique=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("purchase_order.id"), index=True)
    state: Mapped[RemedyState] = mapped_column(state_column(RemedyState, "remedy_state"))
    offered_at: Mapped[datetime] = mapped_column(UTCDateTime)
    decide_by: Mapped[datetime] = mapped_column(UTCDateTime)
    substitute_order_id: Mapped[int | None] = mapped_column(ForeignKey("purchase_order.id"), unique=True)
