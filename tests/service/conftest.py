"""The whole shop without the outside world: real pages and services, a fake gateway, renderer and mailer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask

from app.fulfilment.process import Collaborators, collaborators, run_due
from app.kernel.clock import FixedClock
from tests import builders
from tests.conftest import AppMaker
from tests.fakes import FakeGateway, FakeMailer, FakeRenderer, ScriptedRegistry, scripted
from tests.pages import Page, Visitor


@dataclass
class Shop:
    """The application as its visitors meet it, and what stands behind it."""

    app: Flask
    clock: FixedClock
    world: Collaborators

    @contextmanager
    def inside(self) -> Iterator[Collaborators]:
        """For what happens in the shop while no visitor looks."""
        with self.app.app_context():
            yield self.world

    @property
    def gateway(self) -> FakeGateway:
        """Its gateway, with its switches."""
        return builders.gateway_of(self.world)

    @property
    def registry(self) -> ScriptedRegistry:
        """Its registry, with its script."""
        return builders.registry_of(self.world)

    @property
    def mailer(self) -> FakeMailer:
        """Its mailer, with what it sent."""
        return builders.mailer_of(self.world)

    def visitor(self) -> Visitor:
        """A new visitor, with no cookies yet."""
        return Visitor(self.app.test_client())

    def offer(self, **facts: Any) -> int:
        """Put an offer on sale; gives its id."""
        with self.inside():
            return builders.an_offer(**facts)

    def work(self) -> int:
        """Do everything that is due."""
        with self.inside():
            return run_due(self.world)

    def finished_order(self, wanted: dict[int, int], **details: Any) -> str:
        """An order that somebody placed, paid and got certificates for; gives the token of its page."""
        with self.inside():
            return builders.the_order(builders.a_finished_order(self.world, wanted, **details)).token

    def fill_basket(self, visitor: Visitor, wanted: dict[int, int]) -> None:
        """Let a visitor choose units of offers, each on its project's page."""
        for offer_id, units in wanted.items():
            page = self.project_page(visitor, offer_id)
            form = next(f for f in page.forms if f.fields.get("offer_id") == str(offer_id))
            answer = visitor.client.post(form.action, data=form.fields | {"units": str(units)})
            assert answer.status_code == 303

    def project_page(self, visitor: Visitor, offer_id: int) -> Page:
        """The page on which an offer stands."""
        with self.inside():
            code = builders.the_offer(offer_id).code
        return visitor.get(f"/en/projects/IN-{code.removeprefix('offer-')}")

    def at_review(self, visitor: Visitor, wanted: dict[int, int], **typed: str) -> Page:
        """Bring a visitor to the last page before the payment."""
        self.fill_basket(visitor, wanted)
        details = visitor.get("/en/checkout")
        visitor.send(details, "/checkout", fields={"email": "buyer@example.org"} | typed)
        return visitor.get("/en/checkout/review")


@pytest.fixture
def shop(app: Flask, clock: FixedClock) -> Shop:
    """A shop with nothing on sale yet."""
    return with_fakes(app, clock)


@pytest.fixture
def real_shop(make_app: AppMaker, clock: FixedClock) -> Shop:
    """The same shop where nothing is a demonstration: a live gateway and a declared registry of record."""
    settings = {
        "PAYMENT_GATEWAY": "stripe",
        "STRIPE_SECRET_KEY": "rk_live_of_tests",
        "STRIPE_WEBHOOK_SECRETS": "whsec_of_tests",
        "REGISTRY_OF_RECORD_NAME": "Tonne Registry Cooperative",
        "OPERATOR_NAME": "Tonne Cooperative",
    }
    return with_fakes(make_app(**settings), clock)


def with_fakes(app: Flask, clock: FixedClock) -> Shop:
    """The shop of an application whose outside world is in memory."""
    app.extensions.update(
        {
            "tonne.gateway": FakeGateway(),
            "tonne.registries": scripted(app.extensions["tonne.registries"]),
            "tonne.renderer": FakeRenderer(),
            "tonne.mailer": FakeMailer(),
            "tonne.background": (),
        }
    )
    return Shop(app, clock, collaborators(app))
