"""Closing freezes a batch; what is handed over is one package, and the same bytes whenever it is asked for."""

from __future__ import annotations

import csv
import io
import json
import zipfile

import pytest
from sqlalchemy import func, select, update

from app.audit.models import Act
from app.db import StateEvent, db, transaction
from app.jobs.models import RestorationHold
from app.registry.batch import packages, queries, service
from app.registry.batch.errors import AcknowledgementMissing, BatchEmpty, BatchHeldBack, BatchMovedOn
from app.registry.batch.files import DEMONSTRATION, sha256
from app.registry.batch.models import Batch, BatchLine, RegistryMessage
from app.registry.batch.ports import ForwardingRequest
from app.registry.batch.response import check, read_response
from app.registry.batch.states import BatchState
from app.registry.models import RegistryAccount
from tests.batch_world import SOMEBODY, BatchWorld, FakeForms, read_lines
from tests.builders import NOW, an_offer
from tests.service.registry.asking import a_request


def _close(world: BatchWorld, batch_id: int, *, is_demonstration: bool = False) -> None:
    service.close(batch_id, SOMEBODY, acquiring_account="VCA", is_demonstration=is_demonstration, now=NOW)


def _open(world: BatchWorld) -> int:
    batch_id = world.open_batch()
    assert batch_id is not None
    return batch_id


def _contents(package: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_closing_numbers_the_lines_and_fixes_the_hash_of_their_file(world: BatchWorld) -> None:
    for reference, units in (("TONNE-A", 10), ("TONNE-B", 20)):
        world.adapter.submit(a_request(units, reference=reference))
    world.adapter.submit(a_request(5, reference="TONNE-C", account="CDM-100-0"))
    batch_id = _open(world)

    _close(world, batch_id)

    batch = db.session.get_one(Batch, batch_id)
    kept = db.session.scalars(select(RegistryMessage).where(RegistryMessage.kind == "lines")).one()
    rows = list(csv.DictReader(io.StringIO(kept.body.decode("utf-8-sig"))))
    assert (batch.state, batch.closed_at, batch.lines, batch.units) == (BatchState.CLOSED, NOW, 3, 35)
    assert batch.lines_sha256 == kept.sha256 == sha256(kept.body)
    assert [(row["line"], row["from_account"], row["reference"]) for row in rows] == [
        ("1", "CDM-100-0", "TONNE-C"),
        ("2", "CDM-100-1", "TONNE-A"),
        ("3", "CDM-100-1", "TONNE-B"),
    ]
    act = db.session.scalars(select(Act).where(Act.what == "batch_closed")).one()
    assert act.facts == {"count": 3, "units": 35, "sha256": batch.lines_sha256}


def test_a_line_says_all_that_an_administrator_needs(world: BatchWorld) -> None:
    world.adapter.submit(a_request(10))
    package = world.hand_over()
    assert package is not None

    (row,) = read_lines(package)

    batch = db.session.scalars(select(Batch)).one()
    assert row == {
        "batch": batch.code,
        "line": "1",
        "reference": "TONNE-A",
        "acquiring_account": "Voluntary cancellation account",
        "from_account": "CDM-100-1",
        "project": "IN-1",
        "unit_type": "CER",
        "commitment_period": "2",
        "vintage_year": "",
        "space": "IN",
        "serial_first": "1000000",
        "serial_last": "1099999",
        "units": "10",
        "beneficiary": "Amélie Nguyễn",
        "purpose": "Our office heating of 2025",
        "remark": "",
    }


def test_what_a_buyer_typed_never_becomes_a_formula(world: BatchWorld) -> None:
    world.adapter.submit(a_request(10, beneficiary_name='=HYPERLINK("http://x")', purpose="+1 000"))
    package = world.hand_over()
    assert package is not None

    (row,) = read_lines(package)

    assert row["beneficiary"] == '\'=HYPERLINK("http://x")'
    assert row["purpose"] == "'+1 000"


def test_a_demonstration_says_so_on_every_line_in_the_manifest_and_on_the_form(world: BatchWorld) -> None:
    world.adapter.submit(a_request(10))
    batch_id = _open(world)
    _close(world, batch_id, is_demonstration=True)
    world.pack()

    package = world.package(batch_id)

    assert [row["remark"] for row in read_lines(package)] == [DEMONSTRATION]
    assert json.loads(_contents(package)["manifest.json"])["demonstration"] == DEMONSTRATION
    assert world.forms.drawn[0].is_demonstration


def test_a_package_has_lines_a_manifest_a_file_to_answer_in_and_one_request_for_each_holder(world: BatchWorld) -> None:
    an_offer(number=2)
    with transaction() as session:
        provider = session.scalars(select(RegistryAccount.provider_id)).first()
        session.add(
            RegistryAccount(
                identifier="CDM-100-2", registry_code="batch", provider_id=provider or 0, holder="Second Holder Ltd"
            )
        )
    world.adapter.submit(a_request(10, reference="TONNE-A"))
    world.adapter.submit(a_request(20, reference="TONNE-B", number=2, account="CDM-100-2"))
    world.adapter.submit(a_request(30, reference="TONNE-C", account="CDM-100-3"))
    package = world.hand_over()
    assert package is not None

    contents = _contents(package)
    answers = list(csv.DictReader(io.StringIO(contents["response.csv"].decode("utf-8-sig"))))

    assert set(contents) == {
        "lines.csv",
        "manifest.json",
        "response.csv",
        "forwarding-request-CDM-100-1.pdf",
        "forwarding-request-CDM-100-2.pdf",
        "forwarding-request-CDM-100-3.pdf",
    }
    assert [(form.holder, form.units) for form in world.forms.drawn] == [
        ("Demonstration seller 1", 10),
        ("Second Holder Ltd", 20),
        ("", 30),
    ]
    assert world.forms.drawn[1].lines[0].project_title == "Wind power project number 2"
    assert [(row["reference"], row["units"], row["outcome"]) for row in answers] == [
        ("TONNE-A", "10", ""),
        ("TONNE-B", "20", ""),
        ("TONNE-C", "30", ""),
    ]


def test_the_file_to_answer_in_can_be_handed_in_as_it_is_and_answers_nothing(world: BatchWorld) -> None:
    world.adapter.submit(a_request(10))
    package = world.hand_over()
    assert package is not None

    checked = check(read_response(_contents(package)["response.csv"]), "batch", NOW)

    assert (list(checked.answers), list(checked.errors)) == ([], [])


def test_a_vintage_stands_where_other_units_have_a_commitment_period(world: BatchWorld) -> None:
    world.adapter.submit(a_request(10, commitment_period=None, vintage_year=2023))

    assert world.hand_over() is not None
    assert world.forms.drawn[0].lines[0].period == "2023"


def test_two_workers_make_one_package(world: BatchWorld) -> None:
    world.adapter.submit(a_request(10))
    batch_id = world.close()
    other = BatchWorld(world.app)

    class _Slow(FakeForms):
        def forwarding_request(self, request: ForwardingRequest) -> bytes:
            other.pack()  # another worker is done before this one
            return b"%PDF- of the slower worker"

    made = packages.pack_due(_Slow(), world.settings, NOW)

    assert made == 0
    assert b"slower" not in world.package(batch_id)
    assert db.session.scalar(select(func.count()).where(RegistryMessage.kind == "package")) == 1


def test_a_package_is_the_same_bytes_for_ever(world: BatchWorld) -> None:
    world.adapter.submit(a_request(10))
    package = world.hand_over()
    batch = db.session.scalars(select(Batch)).one()
    with transaction() as session:
        session.execute(update(BatchLine).values(purpose="changed behind our back"))
    world.pack()

    assert world.package(batch.id) == package
    assert (batch.state, batch.exported_at) == (BatchState.EXPORTED, NOW)
    message = next(m for m in queries.messages_of(batch.id) if m.kind == "package")
    assert message.name == f"{batch.code}.zip"
    assert queries.find_message(message.sha256) is message


def test_the_same_facts_make_the_same_package(world: BatchWorld) -> None:
    world.adapter.submit(a_request(10))
    batch_id = world.close()

    once = packages._package(batch_id, world.forms, world.settings)  # noqa: SLF001 - before it is stored
    again = packages._package(batch_id, world.forms, world.settings)  # noqa: SLF001 - as above

    assert once == again


def test_an_empty_batch_is_not_closed(world: BatchWorld) -> None:
    world.adapter.submit(a_request(10))
    world.adapter.withdraw(a_request(10), None, "late")
    batch_id = _open(world)

    with pytest.raises(BatchEmpty):
        _close(world, batch_id)
    assert db.session.get_one(Batch, batch_id).state is BatchState.OPEN


def test_a_batch_is_closed_once(world: BatchWorld) -> None:
    world.adapter.submit(a_request(10))
    batch_id = world.close()

    with pytest.raises(BatchMovedOn) as refused:
        _close(world, batch_id)
    assert refused.value.facts == {"state": "closed"}


def test_the_administrators_own_reference_is_noted_once(world: BatchWorld) -> None:
    world.adapter.submit(a_request(10))
    batch_id = world.close()
    with pytest.raises(BatchMovedOn):
        service.acknowledge(batch_id, SOMEBODY, reference="UNFCCC 2026/118", now=NOW)
    world.pack()
    for unfit in ("", "x" * 121):
        with pytest.raises(AcknowledgementMissing):
            service.acknowledge(batch_id, SOMEBODY, reference=unfit, now=NOW)

    service.acknowledge(batch_id, SOMEBODY, reference=" UNFCCC  2026/118 ", now=NOW)

    batch = db.session.get_one(Batch, batch_id)
    assert (batch.state, batch.acknowledgement, batch.acknowledged_at) == (
        BatchState.ACKNOWLEDGED,
        "UNFCCC 2026/118",
        NOW,
    )
    events = db.session.scalars(select(StateEvent).where(StateEvent.machine == "batch").order_by(StateEvent.id))
    assert [event.to_state for event in events] == ["open", "closed", "exported", "acknowledged"]
    with pytest.raises(BatchMovedOn):
        service.acknowledge(batch_id, SOMEBODY, reference="again", now=NOW)


def test_who_took_a_file_out_of_the_house_is_noted(world: BatchWorld) -> None:
    world.adapter.submit(a_request(10))
    batch_id = world.close()

    world.pack()
    package = the_package()

    service.note_download(package.id, SOMEBODY, NOW)

    act = db.session.scalars(select(Act).where(Act.what == "registry_file_taken")).one()
    assert (act.subject_id, act.subject, act.actor) == (batch_id, package.name, "tests")


def test_a_file_of_no_batch_that_was_taken_stands_in_no_trail_of_a_batch(world: BatchWorld) -> None:
    world.states("CDM-100-1", ("IN-1", 1_002_000, 1_002_099))
    statement = db.session.scalars(select(RegistryMessage).where(RegistryMessage.kind == "statement")).one()

    service.note_download(statement.id, SOMEBODY, NOW)

    act = db.session.scalars(select(Act).where(Act.what == "registry_file_taken")).one()
    assert (act.subject_kind, act.subject_id) == ("registry_message", statement.id)


def test_a_restored_copy_hands_nothing_over_that_may_have_been_handed_over_before(world: BatchWorld) -> None:
    world.adapter.submit(a_request(10, reference="TONNE-A"))
    world.close()
    world.pack()
    world.adapter.submit(a_request(10, reference="TONNE-B"))
    still_open = db.session.scalars(select(Batch.id).where(Batch.state == BatchState.OPEN)).one()
    package = the_package()
    with transaction() as session:
        session.add(RestorationHold(backup_made_at=NOW, restored_at=NOW, is_journal_kept=True))

    with pytest.raises(BatchHeldBack):
        service.close(still_open, SOMEBODY, acquiring_account="V", is_demonstration=True, now=NOW)
    with pytest.raises(BatchHeldBack):
        service.note_download(package.id, SOMEBODY, NOW)

    assert db.session.get_one(Batch, still_open).state is BatchState.OPEN
    assert db.session.scalars(select(Act).where(Act.what == "registry_file_taken")).all() == []
    lift_hold()
    service.note_download(package.id, SOMEBODY, NOW)
    service.close(still_open, SOMEBODY, acquiring_account="V", is_demonstration=True, now=NOW)


def lift_hold() -> None:
    """People have looked."""
    with transaction() as session:
        session.execute(update(RestorationHold).values(lifted_at=NOW))


def the_package() -> RegistryMessage:
    """The one package that was made."""
    return db.session.scalars(select(RegistryMessage).where(RegistryMessage.kind == "package")).one()


def test_the_list_of_batches_counts_what_is_in_them(world: BatchWorld) -> None:
    for reference in ("TONNE-A", "TONNE-B", "TONNE-C"):
        world.adapter.submit(a_request(10, reference=reference))
    world.adapter.withdraw(a_request(10, reference="TONNE-C"), None, "late")
    package = world.hand_over()
    assert package is not None
    world.deliver(world.answer(package, only={"TONNE-A"}))
    world.adapter.submit(a_request(7, reference="TONNE-D"))

    rows = queries.batch_rows(10)

    assert [(row.batch.state.value, row.lines, row.units, row.answered) for row in rows] == [
        ("open", 1, 7, 0),
        ("exported", 2, 20, 1),
    ]
    assert queries.find_batch(rows[0].batch.code) == rows[0]
    assert queries.find_batch("B-NOT-THERE") is None
    assert [line.reference for line in queries.lines_of(rows[1].batch.id)] == ["TONNE-A", "TONNE-B", "TONNE-C"]
