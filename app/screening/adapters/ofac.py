"""The Specially Designated Nationals list of the US Treasury (OFAC): sdn.xml, or sdn.csv with alt.csv.

The CSV files have no header; `-0-` means empty, and a control character (0x1A) may end the file. Columns:
https://ofac.treasury.gov/specially-designated-nationals-list-data-formats-data-schemas
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from xml.etree.ElementTree import Element

from app.screening.adapters.reading import Collector, all_said, is_xml, root_of, said, text_of
from app.screening.edition import Edition, EntryKind

SDN_COLUMNS = 12
ALT_COLUMNS = 5
EMPTY = "-0-"
_KINDS = {"individual": EntryKind.PERSON, "entity": EntryKind.ENTITY, "": EntryKind.ENTITY}


def read(content: bytes, aliases: bytes) -> Edition:
    """An edition from sdn.xml, or from sdn.csv and the aliases of alt.csv. Raises ListRefused."""
    return _read_xml(content) if is_xml(content) else _read_csv(content, aliases)


def _read_xml(content: bytes) -> Edition:
    root = root_of(content, "sdnList")
    found = Collector()
    for position, entry in enumerate(root.findall("sdnEntry"), start=1):
        reference = said(entry, "uid")
        names = [_name(entry), *(_name(alias) for alias in entry.findall("akaList/aka"))]
        facts = {
            "programme": all_said(entry, "programList/program"),
            "country": all_said(entry, "nationalityList/nationality/country"),
            "birth": all_said(entry, "dateOfBirthList/dateOfBirthItem/dateOfBirth"),
            "remarks": said(entry, "remarks"),
        }
        found.add(f"entry {reference or position}", reference, _kind(said(entry, "sdnType")), names, facts)
    count = said(root, "publshInformation/Record_Count").strip()
    return found.edition(
        said(root, "publshInformation/Publish_Date"), announced=int(count) if count.isdecimal() else None
    )


def _name(element: Element) -> str:
    parts = (said(element, "lastName").strip(), said(element, "firstName").strip())
    return ", ".join(part for part in parts if part)


def _read_csv(content: bytes, aliases: bytes) -> Edition:
    found = Collector()
    others = _aliases(aliases, found)
    for place, row in _rows(content, SDN_COLUMNS, "sdn", found):
        reference, name, kind, programme = row[:4]
        facts = {"programme": programme, "remarks": row[11]}
        found.add(place, reference, _kind(kind), [name, *others.pop(reference, [])], facts)
    for reference in others:
        found.refuse(f"alt entry {reference}", "entry_missing")
    return found.edition("")


def _aliases(content: bytes, found: Collector) -> dict[str, list[str]]:
    names: dict[str, list[str]] = defaultdict(list)
    for _place, (reference, _number, _kind_of_alias, name, _remarks) in _rows(content, ALT_COLUMNS, "alt", found):
        names[reference].append(name)
    return names


def _rows(content: bytes, columns: int, file: str, found: Collector) -> list[tuple[str, list[str]]]:
    rows: list[tuple[str, list[str]]] = []
    reader = csv.reader(io.StringIO(text_of(content).replace("\0", "").rstrip("\x1a\r\n "), newline=""))
    try:
        for row in reader:
            if len(row) != columns:
                found.refuse(f"{file} row {reader.line_num}", "wrong_columns")
                continue
            cells = ["" if cell.strip() == EMPTY else cell.strip() for cell in row]
            rows.append((f"{file} row {reader.line_num}", cells))
    except csv.Error:
        found.refuse(f"{file} row {reader.line_num}", "unreadable")
    return rows


def _kind(said_kind: str) -> EntryKind:
    return _KINDS.get(said_kind.strip().lower(), EntryKind.OTHER)
