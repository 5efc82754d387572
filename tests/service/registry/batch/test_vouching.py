"""Somebody vouches for a response file: the administrator's signature, or two operators."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select, update

from app.audit.errors import AlreadyProposed, ReasonMissing, SamePerson
from app.audit.models import Act, Proposal
from app.audit.service import agree, decline
from app.db import db, transaction
from app.kernel.csvtable import ImportRefused
from app.providers.errors import OwnOrganisation
from app.providers.models import Provider
from app.registry.batch.answers import Fate
from app.registry.batch.errors import SignatureWrong
from app.registry.batch.models import BatchBlock, BatchLine, RegistryMessage
from app.registry.batch.response import SIGNATURE_PREFIX, signature_of
from app.registry.batch.states import LineState
from tests.batch_world import SECRET, BatchWorld
from tests.builders import NOW
from tests.people import actor_of, an_operator, an_organisation
from tests.service.registry.asking import a_request


def _unsigned(world: BatchWorld) -> bytes:
    world.adapter.submit(a_request(10))
    package = world.hand_over()
    assert package is not None
    return world.answer(package, signed=False)


def _propose(world: BatchWorld, raw: bytes, email: str = "eva@tonne.example") -> int:
    receipt = world.deliver(raw, actor=actor_of(an_operator(email)), reason="Received by mail today.")
    assert receipt.fate is Fate.PROPOSED
    return db.session.scalars(select(Proposal.id).order_by(Proposal.id.desc())).first() or 0


def _state() -> LineState:
    db.session.expire_all()
    return db.session.scalars(select(BatchLine.state)).one()


def test_a_signed_file_counts_at_once(world: BatchWorld) -> None:
    raw = _unsigned(world)
    head = f"{SIGNATURE_PREFIX}{signature_of(raw, SECRET)}\n".encode()

    assert world.deliver(head + raw, actor=actor_of(an_operator())).fate is Fate.APPLIED

    message = db.session.scalars(select(RegistryMessage).where(RegistryMessage.kind == "response")).one()
    act = db.session.scalars(select(Act).where(Act.what == "batch_response_applied")).one()
    assert (message.is_signed, message.applied_at) == (True, NOW)
    assert (act.actor, act.subject_id) == ("eva@tonne.example", message.batch_id)
    assert (act.facts["processed"], act.facts["not_processed"], act.facts["sha256"]) == (1, 0, message.sha256)


def test_the_signature_may_come_apart_from_the_file(world: BatchWorld) -> None:
    raw = _unsigned(world)

    assert world.deliver(raw, signature=signature_of(raw, SECRET).upper()).fate is Fate.APPLIED


def test_a_byte_order_mark_before_the_signature_does_no_harm(world: BatchWorld) -> None:
    raw = _unsigned(world)
    head = f"{SIGNATURE_PREFIX}{signature_of(raw, SECRET)}\r\n".encode()

    assert world.deliver(b"\xef\xbb\xbf" + head + raw).fate is Fate.APPLIED


def test_a_wrong_signature_keeps_a_file_out_altogether(world: BatchWorld) -> None:
    raw = _unsigned(world)
    signature = signature_of(raw, SECRET)
    changed = raw.replace(b"CDM000001", b"CDM000002")
    assert changed != raw

    for wrong in ({"raw": changed, "signature": signature}, {"raw": raw, "signature": "é"}):
        with pytest.raises(SignatureWrong):
            world.deliver(wrong["raw"], signature=wrong["signature"])  # type: ignore[arg-type]  # both kinds in one
    with pytest.raises(SignatureWrong):
        world.deliver(f"{SIGNATURE_PREFIX}{signature}\n".encode() + changed)
    assert _state() is LineState.PENDING


def test_without_a_shared_secret_no_signature_can_be_checked(world: BatchWorld) -> None:
    raw = _unsigned(world)
    signature = signature_of(raw, SECRET)
    world.settings = replace(world.settings, batch_shared_secret="")

    receipt = world.deliver(raw, signature=signature, actor=actor_of(an_operator()), reason="By mail.")

    assert receipt.fate is Fate.PROPOSED


def test_a_statement_that_was_taken_in_is_no_response(world: BatchWorld) -> None:
    world.states("CDM-100-1")
    statement = db.session.scalars(select(RegistryMessage.body)).one()

    with pytest.raises(ImportRefused):
        world.deliver(statement)


def test_an_unsigned_file_waits_for_a_second_operator(world: BatchWorld) -> None:
    proposal_id = _propose(world, _unsigned(world))
    assert _state() is LineState.PENDING
    with pytest.raises(SamePerson):
        agree(proposal_id, actor_of(an_operator()), now=NOW)

    agree(proposal_id, actor_of(an_operator("ola@tonne.example")), now=NOW)

    message = db.session.scalars(select(RegistryMessage).where(RegistryMessage.kind == "response")).one()
    assert _state() is LineState.PROCESSED
    assert (message.is_signed, message.applied_at) == (False, NOW)


def test_a_file_that_the_second_operator_declines_never_counts(world: BatchWorld) -> None:
    raw = _unsigned(world)
    decline(_propose(world, raw), actor_of(an_operator("ola@tonne.example")), reason="Not theirs.", now=NOW)

    assert _state() is LineState.PENDING
    # It may be proposed again, for a declined file was not applied.
    assert _propose(world, raw)


def test_an_unsigned_file_needs_its_reason_and_is_proposed_once(world: BatchWorld) -> None:
    raw = _unsigned(world)
    with pytest.raises(ReasonMissing):
        world.deliver(raw, actor=actor_of(an_operator()))
    _propose(world, raw)

    with pytest.raises(AlreadyProposed):
        _propose(world, raw, "ola@tonne.example")


def test_a_file_is_checked_again_when_the_second_operator_agrees(world: BatchWorld) -> None:
    raw = _unsigned(world)
    proposal_id = _propose(world, raw)
    other = raw.replace(b"CDM000001", b"CDM000002")
    world.deliver(other, signature=signature_of(other, SECRET))

    with pytest.raises(ImportRefused):
        agree(proposal_id, actor_of(an_operator("ola@tonne.example")), now=NOW)

    assert db.session.scalars(select(BatchLine.registry_transaction)).one() == "CDM000002"
    assert len(db.session.scalars(select(BatchBlock)).all()) == 1


def test_a_proposed_file_that_came_signed_meanwhile_is_done(world: BatchWorld) -> None:
    raw = _unsigned(world)
    proposal_id = _propose(world, raw)
    assert world.deliver(raw, signature=signature_of(raw, SECRET)).fate is Fate.APPLIED

    agree(proposal_id, actor_of(an_operator("ola@tonne.example")), now=NOW)

    assert len(db.session.scalars(select(BatchBlock)).all()) == 1


def _employ(email: str) -> None:
    """Let an operator work for the organisation whose units these are."""
    organisation_id = an_organisation(owner=an_operator(email))
    with transaction() as session:
        session.execute(update(Provider).values(organisation_id=organisation_id))


def test_nobody_proposes_what_became_of_their_own_organisations_units(world: BatchWorld) -> None:
    raw = _unsigned(world)
    _employ("eva@tonne.example")

    with pytest.raises(OwnOrganisation):
        _propose(world, raw)


def test_nobody_agrees_to_what_became_of_their_own_organisations_units(world: BatchWorld) -> None:
    proposal_id = _propose(world, _unsigned(world))
    _employ("ola@tonne.example")

    with pytest.raises(OwnOrganisation):
        agree(proposal_id, actor_of(an_operator("ola@tonne.example")), now=NOW)

    assert _state() is LineState.PENDING


def test_an_account_that_nobody_owns_here_keeps_nobody_from_vouching(world: BatchWorld) -> None:
    world.adapter.submit(a_request(10, account="CDM-100-77"))
    package = world.hand_over()
    assert package is not None

    agree(_propose(world, world.answer(package, signed=False)), actor_of(an_operator("ola@tonne.example")), now=NOW)

    assert _state() is LineState.PROCESSED
