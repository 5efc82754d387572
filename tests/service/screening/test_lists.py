"""Reading sanctions lists in the forms in which they are published: whole, or not at all."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import func, select

from app.audit.models import Act
from app.db import db
from app.screening.adapters import read_list
from app.screening.edition import EntryKind, Source
from app.screening.errors import ListRefused
from app.screening.models import SanctionsList, SanctionsName
from tests.pages import Visitor
from tests.people import an_operator, sign_in_as
from tests.service.conftest import Shop
from tests.service.screening.listing import FILES, sample, take


def problems(source: Source, content: bytes, aliases: bytes = b"") -> list[tuple[str, str]]:
    with pytest.raises(ListRefused) as refused:
        read_list(source, content, aliases)
    return [(problem.place, problem.code) for problem in refused.value.problems]


def test_ofac_is_read_from_both_of_its_forms_with_aliases_and_facts() -> None:
    from_csv = read_list(Source.OFAC, sample("ofac_sdn.csv"), sample("ofac_alt.csv"))
    from_xml = read_list(Source.OFAC, sample("ofac_sdn.xml"))

    person, company, ship = from_csv.entries
    assert person.names == ("ORLOVSKY, Maksim Andreevich", "ORLOVSKI, Maxim")
    assert (person.reference, person.kind, person.facts["programme"]) == ("9001", EntryKind.PERSON, "EXAMPLE-1")
    assert "DOB 04 May 1961" in person.facts["remarks"]
    assert (company.kind, company.facts) == (EntryKind.ENTITY, {"programme": "EXAMPLE-2"})
    assert ship.kind is EntryKind.OTHER
    assert [entry.names for entry in from_xml.entries] == [person.names, company.names[:1]]
    assert from_xml.published == "11/20/2026"
    assert from_xml.entries[0].facts["country"] == "Ruritania"
    assert from_xml.entries[0].facts["birth"] == "04 May 1961"


def test_the_eu_list_is_the_same_in_xml_and_in_csv() -> None:
    from_xml, from_csv = (read_list(Source.EU, sample(name)) for name in ("eu.xml", "eu.csv"))

    assert from_xml.entries == from_csv.entries
    person, company = from_xml.entries
    assert person.names == ("Qadir al-Zamani", "Gadir Zamany")
    assert person.facts == {"programme": "EXA", "country": "XA", "birth": "1959-02-07"}
    assert (company.reference, company.kind) == ("EU.9002.20", EntryKind.ENTITY)
    assert (from_xml.published, from_csv.published) == ("2026-11-19T09:21:44.187+01:00", "19/11/2026")


def test_the_list_of_the_united_nations_is_read_with_original_script_and_aliases() -> None:
    edition = read_list(Source.UN, sample("un.xml"))

    person, entity = edition.entries
    assert person.names == ("MUSTAFA RAHIM DARVANI", "مصطفى رحيم درواني", "Mostafa Darwani")
    assert person.facts == {"programme": "Example", "country": "Ruritania", "birth": "1970"}
    assert (entity.reference, entity.names) == ("EXe.001", ("FRONT OF THE MADE-UP", "Madeup Charity Fund"))


BOMB = b'<?xml version="1.0"?><!DOCTYPE sdnList [<!ENTITY a "aaaa">]><sdnList>&a;</sdnList>'


@pytest.mark.parametrize(
    ("source", "content", "said"),
    [
        (Source.OFAC, BOMB, ("file", "not_xml")),
        (Source.OFAC, b"<sdnList>", ("file", "not_xml")),
        (Source.OFAC, b"<export/>", ("file", "other_format")),
        (Source.OFAC, b"<sdnList/>", ("file", "no_entries")),
        (Source.OFAC, b"", ("file", "no_entries")),
        (Source.OFAC, b"1,2,3\r\n", ("sdn row 1", "wrong_columns")),
        (Source.OFAC, b'"' + b"x" * 140_000, ("sdn row 1", "unreadable")),
        (Source.OFAC, sample("ofac_sdn.csv").replace(b"9002", b"9001"), ("sdn row 2", "reference_repeated")),
        (Source.OFAC, sample("ofac_sdn.csv").replace(b'"EXAMPLE STAR"', b"-0- "), ("sdn row 3", "name_missing")),
        (Source.OFAC, sample("ofac_sdn.xml").replace(b">2<", b">3<"), ("file", "incomplete")),
        (Source.OFAC, b"<sdnList><sdnEntry><lastName>A</lastName></sdnEntry></sdnList>",
         ("entry 1", "reference_missing")),
        (Source.EU, sample("un.xml"), ("file", "other_format")),
        (Source.EU, b"a;b\n1;2\n", ("file", "other_format")),
        (Source.EU, sample("eu.csv") + b"one;two\n", ("row 7", "wrong_columns")),
        (Source.EU, sample("eu.csv") + b'"' + b"x" * 140_000, ("row 6", "unreadable")),
        (Source.UN, sample("eu.xml"), ("file", "other_format")),
        (Source.UN, b"no xml at all", ("file", "not_xml")),
        (Source.UN, sample("un.xml").replace(b"MUSTAFA", b"").replace(b"RAHIM", b"").replace(b"DARVANI", b""),
         ("entry EXi.001", "name_missing")),
    ],
)  # fmt: skip
def test_a_file_that_is_no_whole_edition_is_refused_with_the_place(
    source: Source, content: bytes, said: tuple[str, str]
) -> None:
    assert said in problems(source, content)


def test_an_alias_without_its_entry_shows_that_the_files_do_not_belong_together() -> None:
    alone = sample("ofac_alt.csv").replace(b"9002,", b"9999,")

    assert problems(Source.OFAC, sample("ofac_sdn.csv"), alone) == [("alt entry 9999", "entry_missing")]


def test_an_older_file_in_latin_1_is_read_too() -> None:
    content = sample("ofac_sdn.csv").replace(b"EXAMPLE STAR", "ÉTOILE".encode("latin-1"))

    assert read_list(Source.OFAC, content).entries[2].names == ("ÉTOILE",)


def test_one_edition_of_each_source_is_current_and_the_same_file_twice_is_one(app: Flask) -> None:
    with app.app_context():
        assert take(Source.OFAC, "ofac_sdn.xml").is_new
        assert take(Source.UN, "un.xml").is_new
        assert not take(Source.OFAC, "ofac_sdn.xml").is_new
        assert take(Source.OFAC, "ofac_sdn.csv", sample("ofac_alt.csv")).is_new

        kept = db.session.execute(select(SanctionsList.source, SanctionsList.is_current, SanctionsList.entries)).all()
        assert sorted(map(tuple, kept)) == [("ofac", False, 2), ("ofac", True, 3), ("un", True, 2)]
        names = db.session.scalars(select(SanctionsName.name)).all()
        assert "BLUE HARBOR MARITIME, S.A." in names
        assert len(names) == 5 + 5
        assert db.session.scalar(select(func.count()).select_from(Act).where(Act.what == "sanctions_imported")) == 3


def test_a_refused_file_changes_nothing(app: Flask) -> None:
    with app.app_context():
        take()
        with pytest.raises(ListRefused):
            take(Source.UN, "eu.xml")
        assert db.session.scalar(select(func.count()).select_from(SanctionsName)) == 5


def run(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(args=["sanctions", *arguments])


def test_the_commands_take_a_list_in_and_say_which_are_current(app: Flask) -> None:
    assert run(app, "list").output == "No list was imported: nobody is compared with anything.\n"

    first = run(app, "import", "ofac", str(FILES / "ofac_sdn.csv"), "--aliases", str(FILES / "ofac_alt.csv"))
    again = run(app, "import", "ofac", str(FILES / "ofac_sdn.csv"), "--aliases", str(FILES / "ofac_alt.csv"))
    run(app, "import", "un", str(FILES / "un.xml"))

    assert first.stdout.startswith("ofac: 3 entries with 5 names are current.\n0 likenesses wait for a decision.")
    assert again.stdout == "This edition is the current one already. Nothing was changed.\n"
    listed = run(app, "list").stdout.splitlines()
    assert listed[0] == "ofac        3 entries  no date in the file  imported 0 days ago"
    assert "2026-11-18" in listed[1]


def test_the_command_names_every_problem_of_a_file(app: Flask, tmp_path: Path) -> None:
    file = tmp_path / "sdn.csv"
    file.write_bytes(b"1,2\r\n3,4\r\n")

    result = run(app, "import", "ofac", str(file))

    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "sdn row 1: The row has another number of columns than this form has.",
        "sdn row 2: The row has another number of columns than this form has.",
        "Error: Nothing was changed.",
    ]


def test_an_operator_takes_a_list_in_on_the_desk_and_sees_its_age(shop: Shop) -> None:
    with shop.inside():
        desk = Visitor(sign_in_as(shop.app, an_operator()))
    page = desk.get("/en/desk/screening")
    assert "no edition was taken in" in page.words

    fields = page.form("/desk/screening").fields
    answer = desk.client.post(
        "/en/desk/screening",
        data=fields | {"source": "un", "file": (io.BytesIO(sample("un.xml")), "un.xml")},
        content_type="multipart/form-data",
    )
    assert answer.status_code == 303
    shown = desk.get("/en/desk/screening").words
    assert "The list was taken in" in shown
    assert "2026-11-18T00:00:02.437Z" in shown

    twice = fields | {"source": "un", "file": (io.BytesIO(sample("un.xml")), "un.xml")}
    desk.client.post("/en/desk/screening", data=twice, content_type="multipart/form-data")
    assert "the current one already" in desk.get("/en/desk/screening").words


def test_a_wrong_or_missing_file_is_explained_on_the_desk(shop: Shop) -> None:
    with shop.inside():
        desk = Visitor(sign_in_as(shop.app, an_operator()))
    fields = desk.get("/en/desk/screening").form("/desk/screening").fields

    none = desk.client.post("/en/desk/screening", data=fields, content_type="multipart/form-data")
    assert desk.read(none, 422).error_at("file") == "Choose a file."

    files = {"file": (io.BytesIO(sample("ofac_sdn.csv")), "a.csv"), "aliases": (io.BytesIO(b"1,2"), "alt.csv")}
    wrong = desk.client.post("/en/desk/screening", data=fields | files, content_type="multipart/form-data")
    page = desk.read(wrong, 422)
    assert page.error_at("file").startswith("Nothing was taken over.")
    assert page.texts["problems"] == "alt row 1: The row has another number of columns than this form has."
