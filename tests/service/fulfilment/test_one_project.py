"""Several lines of one project in one order: what was cancelled for them is certified, wherever and however it was."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select, update

from app.catalog.models import Issuance
from app.certificates.facts import from_json
from app.checkout.order_queries import order_view
from app.db import end_reading, transaction
from app.fulfilment.process import Collaborators, run_due
from app.offers.models import Offer
from app.providers.models import Provider
from app.registry import service as registry
from app.registry.ledger.models import LedgerBlock, LedgerIssuance
from app.registry.models import RegistryAccount
from app.registry.ports import Found, Pending, Registries
from app.reporting.forms import Selection
from app.reporting.queries import every_sale
from app.reporting.statistics.forms import HereSelection
from app.reporting.statistics.here import every_row
from tests.builders import (
    a_begun_order,
    a_finished_order,
    a_holding_account,
    an_offer,
    cancellations_of,
    certificates_of,
    mailer_of,
    pass_time,
    registry_of,
    the_offer,
    the_order,
)
from tests.fakes import ScriptedRegistry


def two_offers_of_one_project() -> tuple[int, int]:
    """Offers of two issuances of the same project; gives their ids."""
    first, second = an_offer(number=1), an_offer(number=2)
    with transaction() as session:
        one, other = (session.get_one(Issuance, the_offer(id_).issuance_id) for id_ in (first, second))
        other.project_id = one.project_id
        session.execute(update(LedgerIssuance).values(project_reference="IN-1"))
    return first, second


def kept_elsewhere(world: Collaborators, offer_id: int) -> Collaborators:
    """The world with a second registry, which keeps the units of an offer in an account of its own."""
    first = world.registries.default
    second = ScriptedRegistry(first.real)  # type: ignore[attr-defined]  # the tests' registry
    second.name, second.display_name = "second", "The other registry"
    with transaction() as session:
        account = a_holding_account("CDM-100-2", session.scalars(select(Provider)).one())
        session.execute(
            update(RegistryAccount).where(RegistryAccount.identifier == "CDM-100-2").values(registry_code="second")
        )
        offer = session.get_one(Offer, offer_id)
        offer.account = "CDM-100-2"
        serials = session.get_one(Issuance, offer.issuance_id).serial_first
        session.execute(update(LedgerBlock).where(LedgerBlock.first > serials).values(account_id=account.id))
    codes = {"CDM-100-2": "second"}
    return replace(world, registries=Registries([first, second], codes.get))


def test_units_of_one_project_in_two_registries_give_a_certificate_of_each(world: Collaborators) -> None:
    first, second = two_offers_of_one_project()
    world = kept_elsewhere(world, second)

    order_id = a_finished_order(world, {first: 10, second: 20})

    assert the_order(order_id).state.value == "fulfilled"
    facts = [from_json(certificate.facts) for certificate in certificates_of(order_id)]
    assert [(each.units, each.registry_name) for each in facts] == [
        (10, world.registries.default.display_name), (20, "The other registry"),
    ]  # fmt: skip
    view = order_view(the_order(order_id), promise=timedelta(0))
    assert [link.units for link in view.certificates] == [10, 20]
    sold = list(every_sale(the_offer(first).provider_id, Selection()))
    assert [(row.units, row.certificate) for row in sold] == [(20, "TN2/2026"), (10, "TN1/2026")]
    published = every_row(HereSelection(), None, 10)
    assert [(row.units, row.certificate) for row in published] == [(10, "TN1/2026"), (20, "TN2/2026")]


def test_what_a_registry_did_before_we_remember_asking_is_certified_with_what_we_sent(world: Collaborators) -> None:
    first, second = two_offers_of_one_project()
    order_id = a_begun_order(world, {first: 10, second: 20})
    forgotten = cancellations_of(order_id)[0]
    request, forgotten_id = registry.request_of(forgotten), forgotten.id
    end_reading()
    world.registries.default.submit(request)
    registry.doubt_planned(forgotten_id, world.clock)

    run_due(world)

    assert the_order(order_id).state.value == "fulfilled"
    assert [from_json(certificate.facts).units for certificate in certificates_of(order_id)] == [30]
    assert mailer_of(world).sent


def test_what_a_registry_cancelled_before_it_was_taken_out_of_the_settings_is_certified_in_its_name(
    world: Collaborators,
) -> None:
    first, second = two_offers_of_one_project()
    both = kept_elsewhere(world, second)
    a_finished_order(both, {second: 1})
    order_id = a_begun_order(both, {first: 10, second: 20})
    registry_of(both).submits = [Pending(None, timedelta(hours=1))]
    run_due(both)
    codes = {"CDM-100-2": "second"}
    alone = replace(world, registries=Registries([both.registries.default], codes.get))

    pass_time(world, hours=1)
    registry_of(alone).lookups = [Found(registry_of(alone).real.submit(registry_of(alone).submitted[-1]))]
    run_due(alone)

    facts = [from_json(certificate.facts) for certificate in certificates_of(order_id)]
    assert [(each.units, each.registry_name) for each in facts] == [
        (10, world.registries.default.display_name), (20, "The other registry"),
    ]  # fmt: skip
