"""A certificate that somebody bought, for tests of what is shown of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests import builders
from tests.service.conftest import Shop


@dataclass(frozen=True)
class Issued:
    """What the buyer holds, and what only we know."""

    order_id: int
    order_reference: str
    number: str
    slug: str
    code: str


def a_certificate(shop: Shop, *, number: int = 1, units: int = 3, **details: Any) -> Issued:
    """Let somebody buy units of project `number`, and give the certificate."""
    offer_id = shop.offer(number=number)
    with shop.inside() as world:
        order_id = builders.a_finished_order(world, {offer_id: units}, **details)
        (certificate,) = builders.certificates_of(order_id)
        return Issued(
            order_id=order_id,
            order_reference=builders.the_order(order_id).reference,
            number=certificate.number,
            slug=certificate.number.replace("/", "-"),
            code=certificate.verification_code,
        )
