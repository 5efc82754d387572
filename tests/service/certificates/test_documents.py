"""PDFs are drawn once when somebody asks, again when they would look different, and later when drawing fails."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import delete, select

from app.certificates import service
from app.certificates.models import Document, DocumentRequest
from app.certificates.ports import CertificateFacts, SummaryFacts
from app.checkout import facts as certificate_facts
from app.checkout.models import Order
from app.db import db, transaction
from app.fulfilment.process import Collaborators
from tests.builders import NOW, a_finished_order, all_at_once, an_offer, certificates_of, pass_time, the_order
from tests.fakes import FakeRenderer


class CountingRenderer(FakeRenderer):
    """Remembers what it drew; `meanwhile` happens while it draws."""

    def __init__(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.drawn: list[tuple[str, str]] = []
        self.meanwhile = meanwhile

    def certificate(self, facts: CertificateFacts, locale: str) -> bytes:
        self.drawn.append((facts.number, locale))
        self.meanwhile()
        return super().certificate(facts, locale)


def request_in(locale: str, order_id: int, subject: str = "TN1/2026") -> int:
    """Ask for a PDF; gives the id of the request."""
    with transaction():
        service.request_documents(order_id=order_id, subjects=[subject], locale=locale, now=NOW)
    (request,) = requests()
    return request.id


def requests() -> list[DocumentRequest]:
    """Everything asked for that is not there yet."""
    db.session.expire_all()
    return list(db.session.scalars(select(DocumentRequest).order_by(DocumentRequest.id)))


def documents() -> list[tuple[str, str]]:
    """What is stored, oldest first."""
    db.session.rollback()
    return [(d.subject, d.locale) for d in db.session.scalars(select(Document).order_by(Document.id))]


def draw(world: Collaborators, request_id: int, renderer: FakeRenderer) -> None:
    """What a worker does with one request."""

    def summary_of(order_id: int) -> SummaryFacts:
        return certificate_facts.summary(order_id, world.settings)

    service.render_documents([request_id], renderer, summary_of, world.clock)


def test_a_pdf_that_was_asked_for_twice_is_drawn_once(world: Collaborators) -> None:
    order_id = a_finished_order(world, {an_offer(): 3})
    renderer = CountingRenderer()
    first = request_in("fr", order_id)
    second = request_in("fr", order_id)

    draw(world, first, renderer)
    draw(world, second, renderer)

    assert first == second
    assert renderer.drawn == [("TN1/2026", "fr")]
    assert documents() == [("TN1/2026", "en"), ("TN1/2026", "fr")]
    assert requests() == []


def test_of_workers_that_would_draw_the_same_pdf_at_the_same_moment_one_does(
    world: Collaborators, context: Flask
) -> None:
    order_id = a_finished_order(world, {an_offer(): 3})
    request_id = request_in("fr", order_id)
    renderer = CountingRenderer()

    results = all_at_once(context, [lambda: draw(world, request_id, renderer)] * 3)

    assert results == [None] * 3
    assert renderer.drawn == [("TN1/2026", "fr")]
    assert documents() == [("TN1/2026", "en"), ("TN1/2026", "fr")]
    assert requests() == []


def test_a_pdf_that_cannot_be_drawn_is_tried_again_with_growing_pauses(
    world: Collaborators, work: Callable[[], int], caplog: pytest.LogCaptureFixture
) -> None:
    order_id = a_finished_order(world, {an_offer(): 3})
    request_in("fr", order_id)
    world.renderer.problems = [MemoryError()] * 6
    pauses = []
    for _ in range(6):
        work()
        (request,) = requests()
        pauses.append((request.next_action_at - world.clock.now()).total_seconds())
        world.clock.advance(request.next_action_at - world.clock.now())

    assert pauses == [5, 60, 600, 3600, 3600, 3600]
    assert "rendering failed" in caplog.messages
    assert documents() == [("TN1/2026", "en")]
    work()
    assert documents() == [("TN1/2026", "en"), ("TN1/2026", "fr")]
    assert requests() == []


def test_a_pdf_that_fails_does_not_keep_the_others_waiting(world: Collaborators, work: Callable[[], int]) -> None:
    world.renderer.problems = [RuntimeError("a font is missing")]

    a_finished_order(world, {an_offer(number=1): 1, an_offer(number=2): 1})

    assert len(documents()) == 2
    assert len(requests()) == 1
    pass_time(world, seconds=5)
    work()
    assert sorted(subject for subject, _locale in documents())[1:] == ["TN1/2026", "TN2/2026"]


def test_a_pdf_whose_worker_died_while_drawing_is_drawn_by_another_after_the_lease(world: Collaborators) -> None:
    order_id = a_finished_order(world, {an_offer(): 3})
    request_id = request_in("fr", order_id)

    def die() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draw(world, request_id, CountingRenderer(die))
    db.session.rollback()
    another = CountingRenderer()
    draw(world, request_id, another)
    assert another.drawn == []
    pass_time(world, seconds=service.LEASE.total_seconds())
    draw(world, request_id, another)

    assert another.drawn == [("TN1/2026", "fr")]
    assert requests() == []


def test_a_request_that_is_gone_is_nothing_to_do(world: Collaborators) -> None:
    order_id = a_finished_order(world, {an_offer(): 3})
    request_id = request_in("fr", order_id)
    withdraw()
    renderer = CountingRenderer()

    draw(world, request_id, renderer)

    assert renderer.drawn == []
    assert documents() == [("TN1/2026", "en")]


def test_a_request_that_goes_while_its_drawing_fails_does_not_come_back(world: Collaborators) -> None:
    order_id = a_finished_order(world, {an_offer(): 3})
    request_id = request_in("fr", order_id)
    renderer = CountingRenderer(meanwhile=withdraw)
    renderer.problems = [RuntimeError("late")]

    draw(world, request_id, renderer)

    assert requests() == []
    assert documents() == [("TN1/2026", "en")]


def withdraw() -> None:
    """Another worker was faster."""
    with transaction() as session:
        session.execute(delete(DocumentRequest))


def test_no_transaction_is_open_while_a_pdf_is_drawn(world: Collaborators) -> None:
    order_id = a_finished_order(world, {an_offer(): 3})
    request_id = request_in("fr", order_id)
    open_while_drawing: list[bool] = []

    draw(world, request_id, CountingRenderer(lambda: open_while_drawing.append(db.session().in_transaction())))

    assert open_while_drawing == [False]


def test_another_way_of_drawing_or_another_language_is_another_document(world: Collaborators) -> None:
    order_id = a_finished_order(world, {an_offer(): 3})
    (certificate,) = certificates_of(order_id)
    content = certificate.facts

    def found(version: str, locale: str) -> bool:
        return service.find_document("TN1/2026", locale, service.content_hash(content, version, locale)) is not None

    assert found("fake-1", "en")
    assert not found("fake-2", "en")
    assert not found("fake-1", "fr")
    world.renderer.version = "fake-2"
    draw(world, request_in("en", order_id), world.renderer)
    assert found("fake-1", "en")
    assert found("fake-2", "en")
    assert documents() == [("TN1/2026", "en"), ("TN1/2026", "en")]
    assert [c.number for c in certificates_of(order_id)] == ["TN1/2026"]


def test_content_version_and_language_cannot_be_mistaken_for_each_other() -> None:
    hashes = {
        service.content_hash(*parts) for parts in [("a", "b", "c"), ("ab", "", "c"), ("a", "bc", ""), ("", "ab", "c")]
    }

    assert len(hashes) == 4


def test_a_stored_pdf_is_found_with_its_own_hash(world: Collaborators) -> None:
    order_id = a_finished_order(world, {an_offer(): 3})
    (certificate,) = certificates_of(order_id)

    stored = service.find_document("TN1/2026", "en", service.content_hash(certificate.facts, "fake-1", "en"))

    assert stored is not None
    assert stored.pdf == f"%PDF-fake en {certificate.facts}".encode()
    assert len(stored.pdf_sha256) == 64


def test_an_order_of_several_certificates_gets_a_summary_of_its_own(world: Collaborators) -> None:
    order_id = a_finished_order(world, {an_offer(number=1): 1, an_offer(number=2): 2})
    reference = the_order(order_id).reference
    facts = certificate_facts.summary(order_id, world.settings)

    stored = service.find_document(
        reference, "en", service.content_hash(service.summary_content(facts), "fake-1", "en")
    )

    assert stored is not None
    assert stored.pdf == f"%PDF-fake en summary {reference} 2".encode()
    assert [c.number for c in service.certificates_of(order_id)] == ["TN1/2026", "TN2/2026"]


def test_a_summary_of_certificates_that_are_a_demonstration_is_one_however_its_order_was_placed(
    world: Collaborators,
) -> None:
    order_id = a_finished_order(world, {an_offer(number=1): 1, an_offer(number=2): 2})
    with transaction() as session:
        session.get_one(Order, order_id).is_demonstration = False

    assert certificate_facts.summary(order_id, world.settings).is_demonstration
