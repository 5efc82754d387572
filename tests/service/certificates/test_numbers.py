"""Certificates are numbered without gaps, whoever issues them at the same moment, and anew each year."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.catalog import book
from app.catalog.models import Mechanism
from app.certificates import service
from app.certificates.facts import fingerprint, from_json, to_json
from app.certificates.models import Certificate, CertificateCounter
from app.certificates.states import CertificateState
from app.checkout import facts as certificate_facts
from app.db import StateEvent, db, transaction
from app.fulfilment import process
from app.fulfilment.finishing import finish_order
from app.fulfilment.process import Collaborators
from tests.builders import a_finished_order, a_paid_order, all_at_once, an_offer, certificates_of, pass_time, the_order


def a_certain_order(world: Collaborators, offer_id: int) -> int:
    """A paid order whose units are cancelled and that has no certificate yet."""
    order_id = a_paid_order(world, {offer_id: 2})
    process.begin_orders(world)
    process.cancel_units(world)
    return order_id


def finishing(world: Collaborators, order_id: int) -> Callable[[], None]:
    """What one of several workers does."""
    return lambda: finish_order(order_id, world.registries, world.settings, world.clock.now())


def numbers() -> list[str]:
    """Every number given out, oldest first."""
    return list(db.session.scalars(select(Certificate.number).order_by(Certificate.year, Certificate.sequence)))


def test_orders_that_are_finished_at_the_same_moment_get_consecutive_numbers(
    world: Collaborators, context: Flask
) -> None:
    offer_id = an_offer()
    orders = [a_certain_order(world, offer_id) for _ in range(5)]

    results = all_at_once(context, [finishing(world, order_id) for order_id in orders])

    assert results == [None] * 5
    assert numbers() == ["TN1/2026", "TN2/2026", "TN3/2026", "TN4/2026", "TN5/2026"]
    assert [len(certificates_of(order_id)) for order_id in orders] == [1] * 5


def test_one_order_that_several_workers_finish_at_the_same_moment_gets_one_certificate(
    world: Collaborators, context: Flask
) -> None:
    order_id = a_certain_order(world, an_offer())

    results = all_at_once(context, [finishing(world, order_id)] * 4)

    assert results == [None] * 4
    assert numbers() == ["TN1/2026"]


def test_an_issue_that_fails_leaves_no_gap(world: Collaborators) -> None:
    offer_id = an_offer()
    order_id = a_certain_order(world, offer_id)
    order = the_order(order_id)
    (draft,) = certificate_facts.drafts(order, world.settings, world.registries)

    def issue_and_fail() -> None:
        with transaction():
            (issued,) = service.issue(
                [draft], order_id=order_id, base_url="https://tonne.example", now=world.clock.now()
            )
            raise ConnectionError(issued.number)

    with pytest.raises(ConnectionError, match="TN1/2026"):
        issue_and_fail()
    finish_order(order_id, world.registries, world.settings, world.clock.now())
    a_finished_order(world, {offer_id: 1})

    assert numbers() == ["TN1/2026", "TN2/2026"]


def test_a_new_year_counts_from_one_again_and_the_old_one_goes_on_where_it_was(world: Collaborators) -> None:
    offer_id = an_offer()
    with transaction() as session:
        # A mechanism that goes on when the CDM has closed.
        session.execute(update(Mechanism).values(sales_close_at=None, last_order_at=None, ends_at=None))
    book.forget()
    a_finished_order(world, {offer_id: 1})
    a_finished_order(world, {offer_id: 1})
    new_year = datetime(2027, 1, 1, tzinfo=UTC)
    world.clock.advance(new_year - world.clock.now() - timedelta(microseconds=1))
    a_finished_order(world, {offer_id: 1})
    pass_time(world, seconds=1)
    a_finished_order(world, {offer_id: 1})

    assert numbers() == ["TN1/2026", "TN2/2026", "TN3/2026", "TN1/2027"]
    counters = db.session.scalars(select(CertificateCounter).order_by(CertificateCounter.year)).all()
    assert [(counter.year, counter.last) for counter in counters] == [(2026, 3), (2027, 1)]


def test_facts_are_frozen_with_number_code_address_and_time_and_have_a_fingerprint(world: Collaborators) -> None:
    order_id = a_finished_order(world, {an_offer(): 3})

    (certificate,) = certificates_of(order_id)
    facts = from_json(certificate.facts)

    assert (facts.number, facts.verification_code) == (certificate.number, certificate.verification_code)
    assert facts.verify_url == "http://127.0.0.1:5000/verify/TN1-2026"
    assert facts.issued_at == certificate.issued_at == world.clock.now()
    assert (facts.units, facts.beneficiary_name, facts.is_demonstration) == (3, "Amélie Nguyễn", True)
    assert (facts.registry_name, facts.registry_of_record) == ("Tonne embedded ledger", False)
    assert to_json(facts) == certificate.facts
    assert fingerprint(certificate.facts) == certificate.facts_sha256
    assert certificate.state is CertificateState.ISSUED


def test_every_certificate_has_a_code_of_its_own_and_an_entry_in_the_history(world: Collaborators) -> None:
    offer_id = an_offer()
    issued = [certificates_of(a_finished_order(world, {offer_id: 1}))[0] for _ in range(3)]

    assert len({certificate.verification_code for certificate in issued}) == 3
    of_certificates = select(StateEvent).where(StateEvent.machine == "certificate").order_by(StateEvent.id)
    events = db.session.scalars(of_certificates).all()
    assert [(e.subject_id, e.from_state, e.to_state) for e in events] == [(c.id, None, "issued") for c in issued]
