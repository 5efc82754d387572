"""The consolidated financial sanctions list of the European Union: XML 1.1, or CSV with semicolons.

https://webgate.ec.europa.eu/fsd/fsf; in the CSV form one entry fills several rows, one for each name or fact.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, field

from app.screening.adapters.reading import Collector, is_xml, root_of, text_of
from app.screening.edition import Edition, EntryKind
from app.screening.errors import ListProblem, ListRefused

_KINDS = {"person": EntryKind.PERSON, "p": EntryKind.PERSON, "enterprise": EntryKind.ENTITY, "e": EntryKind.ENTITY}
REFERENCE = "Entity_EU_ReferenceNumber"
LOGICAL_ID = "Entity_LogicalId"
KIND = "Entity_SubjectType"
WHOLE_NAME = "NameAlias_WholeName"
NEEDED = (REFERENCE, LOGICAL_ID, KIND, WHOLE_NAME)
# Columns of the CSV form from which the facts come; a file may lack them.
FACTS = {
    "programme": "Entity_Regulation_Programme",
    "country": "Citizenship_CountryIso2Code",
    "birth": "BirthDate_BirthDate",
}


def read(content: bytes, _aliases: bytes) -> Edition:
    """An edition from either form. Raises ListRefused."""
    return _read_xml(content) if is_xml(content) else _read_csv(content)


def _read_xml(content: bytes) -> Edition:
    root = root_of(content, "export")
    found = Collector()
    for position, entity in enumerate(root.findall("sanctionEntity"), start=1):
        reference = entity.get("euReferenceNumber") or entity.get("logicalId") or ""
        subject = entity.find("subjectType")
        names = [
            alias.get("wholeName") or " ".join(filter(None, map(alias.get, ("firstName", "middleName", "lastName"))))
            for alias in entity.findall("nameAlias")
        ]
        facts = {
            "programme": _joined(regulation.get("programme") for regulation in entity.findall("regulation")),
            "country": _joined(citizen.get("countryIso2Code") for citizen in entity.findall("citizenship")),
            "birth": _joined(birth.get("birthdate") or birth.get("year") for birth in entity.findall("birthdate")),
        }
        kind = _kind(subject.get("code", "") if subject is not None else "")
        found.add(f"entry {reference or position}", reference, kind, names, facts)
    return found.edition(root.get("generationDate", ""))


@dataclass
class _Gathered:
    """What the rows of one entry say together."""

    place: str
    kind: str
    names: list[str] = field(default_factory=list)
    facts: dict[str, list[str]] = field(default_factory=lambda: {key: [] for key in FACTS})


def _read_csv(content: bytes) -> Edition:
    reader = csv.DictReader(io.StringIO(text_of(content).replace("\0", ""), newline=""), delimiter=";", restkey="")
    found = Collector()
    entries: dict[str, _Gathered] = {}
    published = ""
    try:
        if not set(NEEDED) <= set(reader.fieldnames or ()):
            raise ListRefused([ListProblem("file", "other_format")])
        for row in reader:
            place = f"row {reader.line_num}"
            if "" in row or None in row.values():
                found.refuse(place, "wrong_columns")
                continue
            published = published or row.get("fileGenerationDate", "")
            reference = row[REFERENCE].strip() or row[LOGICAL_ID].strip()
            gathered = entries.setdefault(reference, _Gathered(place, row[KIND]))
            gathered.names.append(row[WHOLE_NAME])
            for key, column in FACTS.items():
                gathered.facts[key].append(row.get(column, ""))
    except csv.Error:
        found.refuse(f"row {reader.line_num}", "unreadable")
    for reference, gathered in entries.items():
        facts = {key: _joined(texts) for key, texts in gathered.facts.items()}
        found.add(gathered.place, reference, _kind(gathered.kind), gathered.names, facts)
    return found.edition(published)


def _kind(code: str) -> EntryKind:
    return _KINDS.get(code.strip().lower(), EntryKind.OTHER)


def _joined(texts: Iterable[str | None]) -> str:
    return ", ".join(dict.fromkeys(text.strip() for text in texts if text and text.strip()))
