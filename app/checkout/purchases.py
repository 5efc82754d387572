"""What accounts must know of orders: whose they are, and how they look in a list."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, update

from app.accounts.ports import Purchase, PurchasedPaper
from app.certificates.models import Certificate
from app.checkout import baskets
from app.checkout.cookies import basket_token
from app.checkout.models import Order, OrderLine
from app.db import db, rows_changed
from app.kernel.references import certificate_slug


class Orders:
    """The orders of people, for `app.accounts.ports.Purchases`."""

    def claim(self, person_id: int, email: str) -> int:
        """Give a person the orders of their address that belong to nobody, in the caller's transaction; how many."""
        claimed = db.session.execute(
            update(Order)
            .where(Order.person_id.is_(None), Order.email == email)
            .values(person_id=person_id)
            .execution_options(synchronize_session=False)
        )
        return rows_changed(claimed)

    def forget_typed(self, now: datetime) -> None:
        """Forget names and addresses in the basket of this browser: its next user may be somebody else."""
        token = basket_token()
        if token is not None:
            baskets.save_details(token=token, details={}, now=now)

    def of_person(self, person_id: int) -> Sequence[Purchase]:
        """The orders of a person, the newest first, with the papers that are there."""
        orders = db.session.scalars(
            select(Order).where(Order.person_id == person_id).order_by(Order.placed_at.desc(), Order.id.desc())
        ).all()
        ids = [order.id for order in orders]
        units: dict[int, int] = {
            order_id: int(total)
            for order_id, total in db.session.execute(
                select(OrderLine.order_id, func.sum(OrderLine.units))
                .where(OrderLine.order_id.in_(ids))
                .group_by(OrderLine.order_id)
            )
        }
        papers: dict[int | None, list[PurchasedPaper]] = {}
        for order_id, number, code in db.session.execute(
            select(Certificate.order_id, Certificate.number, Certificate.verification_code)
            .where(Certificate.order_id.in_(ids))
            .order_by(Certificate.id)
        ):
            papers.setdefault(order_id, []).append(PurchasedPaper(number, certificate_slug(number), code))
        return [
            Purchase(
                order.reference,
                order.token,
                order.state.value,
                order.placed_at,
                units.get(order.id, 0),
                order.money,
                tuple(papers.get(order.id, ())),
            )
            for order in orders
        ]
