"""The consolidated list of the United Nations Security Council, as XML.

https://main.un.org/securitycouncil/en/content/un-sc-consolidated-list
"""

from __future__ import annotations

from xml.etree.ElementTree import Element

from app.screening.adapters.reading import Collector, all_said, root_of, said
from app.screening.edition import Edition, EntryKind

_PARTS = ("FIRST_NAME", "SECOND_NAME", "THIRD_NAME", "FOURTH_NAME")
_GROUPS = (
    ("INDIVIDUALS/INDIVIDUAL", EntryKind.PERSON, "INDIVIDUAL"),
    ("ENTITIES/ENTITY", EntryKind.ENTITY, "ENTITY"),
)


def read(content: bytes, _aliases: bytes) -> Edition:
    """An edition of the list. Raises ListRefused."""
    root = root_of(content, "CONSOLIDATED_LIST")
    found = Collector()
    for path, kind, prefix in _GROUPS:
        for position, entry in enumerate(root.findall(path), start=1):
            reference = (said(entry, "REFERENCE_NUMBER") or said(entry, "DATAID")).strip()
            place = f"entry {reference}" if reference else f"{prefix.lower()} {position}"
            found.add(place, reference, kind, _names(entry, prefix), _facts(entry, prefix))
    return found.edition(root.get("dateGenerated", ""))


def _names(entry: Element, prefix: str) -> list[str]:
    aliases = [alias.text or "" for alias in entry.findall(f"{prefix}_ALIAS/ALIAS_NAME")]
    whole = " ".join(said(entry, part).strip() for part in _PARTS)
    # Without a name of its own an entry is faulty, whatever its aliases say.
    return [whole, said(entry, "NAME_ORIGINAL_SCRIPT"), *aliases] if whole.strip() else []


def _facts(entry: Element, prefix: str) -> dict[str, str]:
    return {
        "programme": said(entry, "UN_LIST_TYPE"),
        "country": all_said(entry, "NATIONALITY/VALUE"),
        "birth": all_said(entry, f"{prefix}_DATE_OF_BIRTH/YEAR") or all_said(entry, f"{prefix}_DATE_OF_BIRTH/DATE"),
    }
