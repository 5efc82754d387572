"""The journal holds what must never be done twice, line by line, and shows when it was tampered with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.db import db, transaction
from app.fulfilment.process import Collaborators, collaborators, help_adapters
from app.reconciliation import journalling, queries
from app.reconciliation.errors import JournalBroken
from app.reconciliation.journal import FIRST, Journal
from app.reconciliation.journalling import catch_up
from app.reconciliation.replay import is_needed, replay
from app.registry.ledger.models import LedgerAccount, LedgerBlock, LedgerTransaction
from tests.builders import NOW, a_finished_order, an_offer
from tests.service.reconciliation.coming_back import come_back, effects, journal_of, keep
from tests.service.registry import registrar
from tests.service.registry.published import CANCELLATIONS, ISSUANCES, load


def written(world: Collaborators) -> list[str]:
    """The kinds of all lines."""
    return [line["kind"] for line in journal_of(world).lines()]


def test_every_transaction_and_every_number_is_written_once(world: Collaborators) -> None:
    offer = an_offer()
    a_finished_order(world, {offer: 10})
    journal = journal_of(world)

    assert catch_up(journal, world.clock.now()) == 3
    assert catch_up(journal, world.clock.now()) == 0
    a_finished_order(world, {offer: 5})
    assert catch_up(journal, world.clock.now()) == 2

    assert written(world) == ["begun", "ledger", "certificate", "ledger", "certificate"]
    assert oct(journal.path.stat().st_mode)[-3:] == "600"
    text = journal.path.read_text()
    assert "Amélie" not in text
    assert "heating" not in text, "no names and no purposes"
    line = json.loads(text.splitlines()[1])
    assert line["units"] == 10
    assert line["blocks"][0]["first"] == 1_002_000


def test_what_was_imported_from_published_lists_is_not_written_again(world: Collaborators) -> None:
    offer = an_offer()
    load(ISSUANCES, CANCELLATIONS)
    assert db.session.scalar(select(func.count()).select_from(LedgerTransaction)) == 6
    journal = journal_of(world)

    assert catch_up(journal, world.clock.now()) == 1
    assert written(world) == ["begun"]
    a_finished_order(world, {offer: 10})
    catch_up(journal, world.clock.now())

    assert written(world) == ["begun", "ledger", "certificate"]
    assert not journalling.is_ahead(journal)


def test_a_long_journal_is_written_to_without_reading_all_of_it(
    world: Collaborators, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.reconciliation.journal._TAIL", 4_000)
    monkeypatch.setattr("app.reconciliation.journal.OVERTAKEN", 1)
    monkeypatch.setattr(journalling, "OVERTAKEN", 1)
    offer = an_offer()
    for _n in range(4):
        a_finished_order(world, {offer: 1})
        assert catch_up(journal_of(world), world.clock.now()) >= 2
    journal_of(world).append([{"kind": "note"} for _n in range(5)])

    assert catch_up(journal_of(world), world.clock.now()) == 0
    assert written(world).count("ledger") == written(world).count("certificate") == 4
    assert not journalling.is_ahead(journal_of(world))


def test_a_line_may_be_longer_than_what_is_read_of_the_end_at_first(
    world: Collaborators, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.reconciliation.journal._TAIL", 100)
    journal = journal_of(world)
    for length in (1, 1_000, 10):
        journal.append([{"kind": "note", "references": ["TN-C-7H2K-9QMW"] * length}])
    head = journal.head()
    with journal.path.open("ab") as file:
        file.write(b'{"kind": "half' + b"-" * 1_000)

    assert [len(line["references"]) for line in journal.lines()] == [1, 1_000, 10]
    assert journal.has(journal.head())
    assert journal.head() == head


def test_a_round_reads_no_line_again_of_a_kind_that_was_not_written_for_long(
    world: Collaborators, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = journal_of(world)
    a_finished_order(world, {an_offer(): 1})
    catch_up(journal, world.clock.now())
    journal.append([{"kind": "note"} for _n in range(50)])
    read: list[int] = []
    monkeypatch.setattr("app.reconciliation.journal._parsed", lambda raw, number: read.append(1) or json.loads(raw))

    catch_up(journal, world.clock.now())
    assert len(read) == 3 + 50, "once"
    read.clear()
    catch_up(journal, world.clock.now())

    assert not read


def test_the_highest_numbers_of_a_kind_are_found_in_whatever_file_lies_there(tmp_path: Path) -> None:
    journal, other = Journal(tmp_path / "journal"), Journal(tmp_path / "other")
    journal.append([{"kind": "ledger", "id": number} for number in (*range(1, 500), 450)])
    other.append([{"kind": "ledger", "id": number} for number in range(1, 900)])

    found = [line["id"] for line in journal.highest_of("ledger")]
    assert set(range(399, 500)) <= set(found)
    assert len(found) < 400, "the others are not kept"
    journal.append([{"kind": "ledger", "id": 500}])
    assert journal.highest_of("ledger")[-1]["id"] == 500
    journal.path.write_bytes(other.path.read_bytes())

    assert journal.highest_of("ledger")[-1]["id"] == 899
    assert not journal.highest_of("package")


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """A journal of three lines."""
    made = Journal(tmp_path / "elsewhere" / "journal.jsonl")
    made.append([{"kind": "ledger", "id": 1}])
    made.append([{"kind": "ledger", "id": 2}, {"kind": "ledger", "id": 3}])
    return made


def test_a_journal_that_is_not_there_has_no_lines(tmp_path: Path) -> None:
    none = Journal(tmp_path / "none")

    assert list(none.lines()) == []
    assert none.head() == FIRST
    assert not none.highest_of("ledger")
    assert none.has(FIRST)


def test_a_changed_line_is_found(journal: Journal) -> None:
    lines = journal.path.read_text().splitlines()
    journal.path.write_text("\n".join([lines[0], lines[1].replace('"id":2', '"id":9'), lines[2], ""]))

    with pytest.raises(JournalBroken, match="line 3"):
        list(journal.lines())


def test_a_line_that_was_taken_out_is_found(journal: Journal) -> None:
    lines = journal.path.read_text().splitlines()
    journal.path.write_text("\n".join([lines[0], lines[2], ""]))

    with pytest.raises(JournalBroken, match="line 2"):
        list(journal.lines())


@pytest.mark.parametrize("nonsense", ["not json\n", "{}\n", "[]\n"])
def test_what_is_no_line_is_found(journal: Journal, nonsense: str) -> None:
    journal.path.write_text(nonsense)

    with pytest.raises(JournalBroken):
        list(journal.lines())


def test_half_a_line_of_a_process_that_died_is_written_over(journal: Journal) -> None:
    with journal.path.open("a") as file:
        file.write('{"kind":"led')
    assert [line["id"] for line in journal.lines()] == [1, 2, 3]

    journal.append([{"kind": "ledger", "id": 4}])

    assert [line["id"] for line in journal.lines()] == [1, 2, 3, 4]


def test_a_journal_knows_where_another_one_ended(journal: Journal) -> None:
    before = journal.head()
    journal.append([{"kind": "ledger", "id": 4}])

    assert journal.has(before)
    assert journal.has(journal.head())
    assert not journal.has("f" * 64)


def test_a_journal_that_cannot_be_written_keeps_nobody_from_comparing_the_books(app: Flask) -> None:
    with app.app_context():
        an_offer()
        world = collaborators(app)
        world.settings.journal_path.mkdir(parents=True)  # nothing can be written there

        help_adapters(world)

        assert queries.last_public_result() is not None


def test_replaying_twice_changes_nothing(world: Collaborators) -> None:
    a_finished_order(world, {an_offer(): 10})
    journal = journal_of(world)
    catch_up(journal, world.clock.now())
    known = effects()

    done = replay(journal, world.clock.now())

    assert vars(done) == {"transactions": 0, "units": 0, "numbers": 0, "packages": 0}
    assert effects() == known
    assert not is_needed(journal), "no backup was restored"


def test_a_journal_of_other_books_is_not_entered(world: Collaborators) -> None:
    a_finished_order(world, {an_offer(): 10})
    journal = journal_of(world)
    catch_up(journal, world.clock.now())
    with transaction() as session:
        session.scalars(select(LedgerTransaction)).one().identifier = "ZZ1"

    with pytest.raises(JournalBroken, match="another transaction"):
        replay(journal, world.clock.now())


def test_units_that_do_not_lie_where_the_journal_took_them_from_stop_all_of_it(world: Collaborators) -> None:
    offer = an_offer(units=100)
    catch_up(journal_of(world), world.clock.now())
    backup = keep(world)
    a_finished_order(world, {offer: 10})
    catch_up(journal_of(world), world.clock.now())
    lines = journal_of(world).path.read_bytes()
    journal_of(world).path.write_bytes(lines.splitlines(keepends=True)[0])
    come_back(world, backup)
    journal_of(world).path.write_bytes(lines)
    with transaction() as session:
        account = session.scalars(select(LedgerAccount).where(LedgerAccount.identifier == "CDM-100-1")).one()
        block = session.scalars(select(LedgerBlock).where(LedgerBlock.account_id == account.id)).one()
        block.first += 5

    with pytest.raises(JournalBroken, match="do not lie"):
        replay(journal_of(world), world.clock.now())
    db.session.rollback()
    assert effects() == {}


def test_a_line_without_a_target_is_not_entered(world: Collaborators) -> None:
    journal = journal_of(world)
    journal.append([{"kind": "ledger", "id": 7, "identifier": "X7", "source": None, "target": None}])

    with pytest.raises(JournalBroken, match="leads nowhere"):
        replay(journal, world.clock.now())


def test_what_the_ledger_issued_and_forwarded_after_the_backup_is_entered_again(world: Collaborators) -> None:
    registrar.open_registry()
    catch_up(journal_of(world), world.clock.now())
    backup = keep(world)
    issued = registrar.issue(1_000)
    registrar.pay(issued, 10_000)
    registrar.forward(issued, 300)
    catch_up(journal_of(world), world.clock.now())
    before = {name: registrar.lying(name) for name in (registrar.PENDING, registrar.HOLDER)}
    assert registrar.units_in(registrar.HOLDER) == 300

    come_back(world, backup)

    assert {name: registrar.lying(name) for name in before} == before
    assert catch_up(journal_of(world), world.clock.now()) == 0
    without = db.session.scalars(select(LedgerTransaction.id)).all()
    db.session.rollback()
    with transaction():
        assert registrar.service.book_forwarding(issued.issuance_id, registrar.HOLDER, 1, now=NOW).id > max(without)
