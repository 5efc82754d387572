"""Several people at once on a few offers and baskets: no two wait for each other, and the books agree.

Everybody calls the services that pages and workers call. `AT_ONCE=2000` lets each of them do more than the few acts of
`make test` (`make histories` a thousand), and `SEED=7` others; how they come between each other is not drawn. With 300
it found a reservation that its offer did not count, within ten seconds.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from app.checkout import baskets
from app.checkout import service as checkout
from app.checkout.models import Order, Remedy
from app.checkout.queries import basket_view
from app.checkout.states import RemedyState
from app.db import db, end_reading, transaction
from app.fulfilment import disputes
from app.fulfilment.process import Collaborators, run_due
from app.kernel.errors import Refusal
from app.offers.models import Offer
from app.offers.states import OfferState
from app.payments.models import Payment
from app.payments.ports import DisputeState, GatewayState
from app.payments.states import PaymentState
from app.reconciliation import balance
from app.registry.accounts import find_registry_code
from app.registry.models import Cancellation
from app.registry.ports import CancellationRequest, Outcome, RefusalCode, Refused, Registries, Unknown
from app.registry.states import CancellationState
from tests.builders import DETAILS, NOW, a_basket, all_at_once, an_offer, gateway_of, registry_of
from tests.fakes import ScriptedRegistry

ACTS = int(os.environ.get("AT_ONCE", "40"))
SEED = int(os.environ.get("SEED", "2026"))
PEOPLE = 5
_OFFERED = select(Remedy.id).where(Remedy.state == RemedyState.OFFERED).limit(3)
TERMS = {"consent_text": "I agree.", "terms_version": "2026-11-01"}

Act = Callable[[Random], object]


class Moody(ScriptedRegistry):
    """Refuses much, and loses the answer to some of what it does."""

    mood = Random(SEED)  # noqa: S311 - repeatable, not secret

    def submit(self, request: CancellationRequest) -> Outcome:
        dice = self.mood.random()
        if dice < 0.3:
            return Refused(RefusalCode.RULES, "no")
        outcome = self.real.submit(request)
        return Unknown("lost") if dice > 0.9 else outcome


@dataclass
class Street:
    """What a few people do with the same offers and baskets. Whatever there is nothing of to do it to is not done."""

    world: Collaborators
    offers: list[int]
    baskets: list[str]

    def acts(self) -> list[Act]:
        """What they do, the usual more often."""
        return [
            *([self.buy] * 6 + [self.change] * 3 + [self.pay] * 8 + [self.work] * 5 + [self.thaw] * 2),
            *([self.withdraw] + [self.dispute] * 4 + [self.take_other_units] * 4 + [self.take_money]),
        ]

    def buy(self, chance: Random) -> None:
        """Put some of the offers into a basket and order it."""
        token = chance.choice(self.baskets)
        for offer_id in chance.sample(self.offers, chance.randint(1, len(self.offers))):
            baskets.add_to_basket(token=token, offer_id=offer_id, units=chance.randint(1, 3), now=NOW)
        total = basket_view(token, self.world.settings).total.minor
        end_reading()
        payment_id = checkout.order_basket(
            basket_token=token,
            details=DETAILS,
            locale="en",
            consent_version="test",
            expected_total=total,
            gateway=self.world.gateway,
            registries=self.world.registries,
            settings=self.world.settings,
            clock=self.world.clock,
            **TERMS,
        )
        checkout.open_payment(payment_id, self.world.gateway, self.world.settings, self.world.clock)

    def change(self, chance: Random) -> None:
        """Want other quantities, and sometimes one line less."""
        token = chance.choice(self.baskets)
        wanted = {offer_id: chance.randint(1, 5) for offer_id in self.offers}
        baskets.set_units(token=token, quantities=wanted, now=NOW)
        if chance.random() < 0.5:
            baskets.remove_line(token=token, offer_id=chance.choice(self.offers), now=NOW)

    def pay(self, chance: Random) -> None:
        """Pay on one of the newest pages, in time or late, and come back."""
        gateway = gateway_of(self.world)
        for reference in _one_of(list(gateway.payments)[-8:], chance):
            if gateway.payments[reference].state in (GatewayState.OPEN, GatewayState.EXPIRED):
                gateway.pay(reference)
            for payment_id in _read(select(Payment.id).where(Payment.gateway_reference == reference)):
                world = self.world
                checkout.reconcile(payment_id, gateway, world.registries, world.settings, world.clock)

    def withdraw(self, chance: Random) -> None:
        """Give up one of the newest orders."""
        world = self.world
        for order_id in _one_of(_read(select(Order.id).order_by(Order.id.desc()).limit(8)), chance):
            checkout.withdraw(order_id, world.gateway, world.registries, world.settings, world.clock)

    def work(self, _chance: Random) -> None:
        """Do what a worker does."""
        run_due(self.world)

    def thaw(self, chance: Random) -> None:
        """Put an offer that was frozen for a refusal on sale again."""
        with transaction() as session:
            session.execute(update(Offer).where(Offer.id == chance.choice(self.offers)).values(state=OfferState.LIVE))

    def dispute(self, chance: Random) -> None:
        """Ask the bank for the money of one of the newest payments, or lose before it."""
        charges = select(Payment.id, Payment.charge_reference).where(Payment.charge_reference.is_not(None))
        paid = charges.where(Payment.state == PaymentState.SUCCEEDED)
        for payment_id, charge in _one_of(_rows(paid.order_by(Payment.id.desc()).limit(4)), chance):
            state = chance.choice([DisputeState.OPEN, DisputeState.WON])
            gateway_of(self.world).dispute(charge, state, NOW)
            disputes.look_into(payment_id, self.world.gateway, self.world.clock)

    def take_money(self, chance: Random) -> None:
        """Take the money for units that the registry refused."""
        for remedy_id in _one_of(_read(_OFFERED), chance):
            checkout.take_money(remedy_id, self.world.settings, NOW)

    def take_other_units(self, chance: Random) -> None:
        """Take units of another offer for those that the registry refused."""
        for remedy_id in _one_of(_read(_OFFERED), chance):
            checkout.take_units(
                remedy_id,
                *chance.choice(_rows(select(Offer.id, Offer.unit_price))),
                consent_version="test",
                registries=self.world.registries,
                settings=self.world.settings,
                now=NOW,
                **TERMS,
            )


def _read(statement: Any) -> Sequence[Any]:
    found = db.session.scalars(statement).all()
    end_reading()
    return found


def _rows(statement: Any) -> Sequence[tuple[Any, ...]]:
    found = [tuple(row) for row in db.session.execute(statement)]
    end_reading()
    return found


def _one_of(things: Sequence[Any], chance: Random) -> list[Any]:
    return [chance.choice(things)] if things else []


def _live(street: Street, seed: int) -> list[str]:
    """Do as many acts as everybody does; gives what went wrong, which a refusal is not."""
    chance = Random(seed)  # noqa: S311 - repeatable, not secret
    problems = []
    for _turn in range(ACTS):
        act = chance.choice(street.acts())
        try:
            act(chance)
        except Refusal:
            pass
        except Exception as problem:  # noqa: BLE001 - whatever it is, it is told
            problems.append(f"{act.__name__}: {problem!r}")
        finally:
            db.session.rollback()
    return problems


def test_people_who_do_everything_at_once_keep_nobody_waiting_and_the_books_agree(
    world: Collaborators, context: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    registry = Moody(registry_of(world).real)
    world = replace(world, registries=Registries([registry], find_registry_code))
    wanted = [an_offer(number=number, price=200 + 10 * number, units=5_000, held=5_000) for number in (1, 2, 3)]
    street = Street(world, wanted, [a_basket(dict.fromkeys(wanted, 2)) for _basket in range(4)])

    with caplog.at_level(logging.ERROR):
        told = all_at_once(context, [partial(_live, street, SEED + number) for number in range(PEOPLE)])
        run_due(world)

    assert told == [[]] * PEOPLE
    assert [repr(each.exc_info[1]) for each in caplog.records if each.exc_info] == []
    # Money that went back twice, by us and by the bank, is a difference that people are told of.
    differences = [each for each in balance.check(NOW)[1] if not each.subject.startswith("disputes:")]
    assert differences == []
    assert db.session.scalar(select(func.count()).where(Cancellation.state == CancellationState.CONFIRMED))
