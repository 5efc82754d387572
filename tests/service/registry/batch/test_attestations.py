"""An attestation is archived as it is, and offered to those whose units it is about."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from app.audit.models import Act
from app.db import db
from app.registry.batch import queries, service
from app.registry.batch.errors import NoSuchLine, NotAPdf
from app.registry.batch.files import sha256
from app.registry.batch.models import Attestation, Batch, RegistryMessage
from tests.batch_world import SOMEBODY, BatchWorld
from tests.builders import NOW
from tests.service.registry.asking import a_request

PDF = b"%PDF-1.7 the administrator's signature"


def _answered(world: BatchWorld, *, refuse: str = "") -> int:
    """A batch of lines A, B and C, in which `refuse` was not processed; gives its id."""
    for letter in "ABC":
        world.adapter.submit(a_request(10, reference=f"TONNE-{letter}"))
    package = world.hand_over()
    assert package is not None
    world.deliver(world.answer(package, refuse={refuse: "No signature."}))
    return db.session.scalars(select(Batch.id)).one()


def _attest(batch_id: int, *numbers: int, content: bytes = PDF) -> None:
    service.attest(batch_id, numbers, content, SOMEBODY, now=NOW)


def _offered(*references: str) -> list[str]:
    return [message.sha256 for message in queries.attestations_of(references)]


def test_it_is_kept_byte_for_byte_under_a_name_of_ours(world: BatchWorld) -> None:
    batch_id = _answered(world)

    _attest(batch_id, 1)

    message = db.session.scalars(select(RegistryMessage).where(RegistryMessage.kind == "attestation")).one()
    code = db.session.get_one(Batch, batch_id).code
    assert (message.body, message.sha256, message.size) == (PDF, sha256(PDF), len(PDF))
    assert (message.name, message.media_type) == (f"attestation-{code}-{sha256(PDF)[:8]}.pdf", "application/pdf")
    act = db.session.scalars(select(Act).where(Act.what == "attestation_archived")).one()
    assert act.facts == {"count": 1, "sha256": sha256(PDF)}


def test_only_those_whose_lines_it_is_about_are_offered_it(world: BatchWorld) -> None:
    batch_id = _answered(world)

    _attest(batch_id, 1)
    _attest(batch_id, 2, content=PDF + b" another")

    assert _offered("TONNE-A") == [sha256(PDF)]
    assert _offered("TONNE-A", "TONNE-B") == [sha256(PDF), sha256(PDF + b" another")]
    assert _offered("TONNE-C") == []
    assert _offered() == []
    found = queries.find_attestation(["TONNE-A"], sha256(PDF))
    assert found is not None
    assert found.body == PDF
    assert queries.find_attestation(["TONNE-C"], sha256(PDF)) is None


def test_nobody_is_offered_a_file_that_is_about_others_too(world: BatchWorld) -> None:
    batch_id = _answered(world)

    _attest(batch_id, 1, 2)

    assert _offered("TONNE-A") == []
    assert queries.find_attestation(["TONNE-A"], sha256(PDF)) is None
    assert _offered("TONNE-A", "TONNE-B") == [sha256(PDF)]


def test_the_same_file_for_further_lines_adds_them(world: BatchWorld) -> None:
    batch_id = _answered(world)

    _attest(batch_id, 1)
    _attest(batch_id, 1, 3)

    assert _offered("TONNE-A", "TONNE-C") == [sha256(PDF)]
    assert _offered("TONNE-A") == []
    assert db.session.scalar(select(func.count()).select_from(Attestation)) == 2
    assert db.session.scalar(select(func.count()).where(RegistryMessage.kind == "attestation")) == 1


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"", "empty"), (b"<html>%PDF-", "wrong_type"), (b"%PDF-" + b"x" * 10_000_000, "too_large")],
)
def test_what_is_no_pdf_of_a_bearable_size_is_not_kept(world: BatchWorld, content: bytes, problem: str) -> None:
    batch_id = _answered(world)

    with pytest.raises(NotAPdf) as refused:
        _attest(batch_id, 1, content=content)

    assert refused.value.facts == {"problem": problem}
    assert db.session.scalar(select(func.count()).where(RegistryMessage.kind == "attestation")) == 0


@pytest.mark.parametrize("numbers", [(), (4,), (1, 4), (2,)])
def test_it_attests_lines_that_are_there_and_were_processed(world: BatchWorld, numbers: tuple[int, ...]) -> None:
    batch_id = _answered(world, refuse="TONNE-B")

    with pytest.raises(NoSuchLine):
        _attest(batch_id, *numbers)

    assert db.session.scalar(select(func.count()).select_from(Attestation)) == 0
