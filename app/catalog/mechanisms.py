"""The mechanisms whose units can be traded, as data: from the product's own file, or an operator's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import exists, select

from app.audit.service import Actor, Subject, note_act
from app.catalog import book
from app.catalog.mechanism_file import MechanismRow, MechanismsRefused, Values, read_mechanisms, shipped
from app.catalog.models import Issuance, LevyRule, Mechanism, Project, UnitType
from app.catalog.number_forms import Numbering
from app.db import db, one_at_a_time, transaction

CDM = "CDM"

# What certificates and the books are written with cannot become something else afterwards.
_FIXED_ONCE_ISSUED = ("period_kind", "reference_form", "space_form", "serial_form")
_FIXED_UNITS_ONCE_ISSUED = ("mechanism_code", "kyoto_code", "lulucf_code")


def ensure_mechanisms() -> bool:
    """Write the shipped mechanisms that are not there, or not with their words; True if anything was written.

    What an operator has changed stays as it is.
    """
    with transaction() as session:
        missing = [row for row in shipped() if not _is_whole(session.get(Mechanism, row.code))]
        if missing:
            one_at_a_time("mechanisms")
            _apply(missing)
    if missing:
        book.forget()
    return bool(missing)


def _is_whole(mechanism: Mechanism | None) -> bool:
    return mechanism is not None and bool(mechanism.words)


def load_mechanisms(text: str, *, actor: Actor, now: datetime) -> dict[str, list[str]]:
    """Let every mechanism of a file be as the file has it; gives what changed of each, and nothing of the others.

    The file says all of a mechanism: its unit types and levies are those of the file afterwards. One act notes each
    mechanism that changed. Raises MechanismsRefused with every problem; then nothing was changed.
    """
    rows = read_mechanisms(text)
    with transaction():
        one_at_a_time("mechanisms")
        problems = [problem for row in rows for problem in _problems(row)]
        problems += _shared_spaces(rows)
        if problems:
            raise MechanismsRefused(problems)
        changed = _apply(rows)
        for code, names in changed.items():
            note_act(actor, "mechanism_loaded", Subject("mechanism", 0, code), at=now, facts={"changed": names})
    book.forget()
    return changed


def mechanism_of(unit_type: str) -> Mechanism:
    """The mechanism of a unit type. Raises NoResultFound for a unit that nobody knows."""
    return db.session.get_one(Mechanism, db.session.get_one(UnitType, unit_type).mechanism_code)


def numbering_of(unit_type: str) -> Numbering:
    """What is needed to print serial numbers of a unit type. Raises NoResultFound for one that nobody knows."""
    unit, mechanism = db.session.get_one(UnitType, unit_type), mechanism_of(unit_type)
    return Numbering(
        unit=unit.code,
        kyoto_code=unit.kyoto_code or 0,
        lulucf_code=unit.lulucf_code,
        reference_form=mechanism.reference_form,
        space_form=mechanism.space_form,
        serial_form=mechanism.serial_form,
    )


def _problems(row: MechanismRow) -> list[str]:
    """What of a mechanism cannot be, because of what is there."""
    found = []
    mechanism = db.session.get(Mechanism, row.code)
    if mechanism is not None and _has_issuances(Project.mechanism_code == row.code):
        found += [
            f"{row.code} {name}: cannot change, because units were issued."
            for name in _FIXED_ONCE_ISSUED
            if getattr(mechanism, name) != row.values[name]
        ]
    listed = {unit["code"]: unit for unit in row.units}
    for unit in db.session.scalars(select(UnitType).where(UnitType.code.in_(listed))):
        if unit.mechanism_code != row.code:
            found.append(f"{row.code} unit {unit.code}: belongs to mechanism {unit.mechanism_code}.")
        elif _has_issuances(Issuance.unit_type == unit.code):
            found += [
                f"{row.code} unit {unit.code} {name}: cannot change, because units were issued."
                for name in _FIXED_UNITS_ONCE_ISSUED
                if getattr(unit, name) != listed[unit.code][name]
            ]
    known = db.session.scalars(select(UnitType.code).where(UnitType.mechanism_code == row.code))
    found += [
        f"{row.code} unit {code}: is there, and the file has it not." for code in sorted(set(known) - set(listed))
    ]
    return found


def _shared_spaces(rows: Iterable[MechanismRow]) -> list[str]:
    """Two mechanisms that number in the same spaces would give one number to two units."""
    spaces = dict(db.session.execute(select(Mechanism.code, Mechanism.space_form)).all())
    spaces |= {row.code: row.values["space_form"] for row in rows}
    return [
        f"{row.code} space_form: mechanism {other} has the same."
        for row in rows
        for other, form in sorted(spaces.items())
        if other != row.code and form == row.values["space_form"]
    ]


def _has_issuances(which: Any) -> bool:
    joined = exists().where(Issuance.project_id == Project.id, which)
    return bool(db.session.scalar(select(joined)))


def _apply(rows: Iterable[MechanismRow]) -> dict[str, list[str]]:
    """Write mechanisms inside the caller's transaction, which has judged them; gives what changed of each."""
    changed = {}
    for row in rows:
        names = _put(Mechanism, {"code": row.code}, row.values)
        db.session.flush()
        for unit in row.units:
            names += [f"unit {unit['code']}" for _ in _put(UnitType, {"code": unit["code"]}, unit)[:1]]
        names += _put_levies(row)
        if names:
            changed[row.code] = names
    db.session.flush()
    return changed


def _put(table: type[Any], key: Mapping[str, Any], values: Values) -> list[str]:
    """Let one row have these values; gives the names of those that differed."""
    there = db.session.scalars(select(table).filter_by(**key)).one_or_none()
    if there is None:
        db.session.add(table(**values))
        return sorted(values)
    changed = [name for name, value in values.items() if getattr(there, name) != value]
    for name in changed:
        setattr(there, name, values[name])
    return changed


def _put_levies(row: MechanismRow) -> list[str]:
    changed = []
    listed = {(levy["code"], levy["valid_from"]) for levy in row.levies}
    for rule in db.session.scalars(select(LevyRule).where(LevyRule.mechanism_code == row.code)).all():
        if (rule.code, rule.valid_from) not in listed:
            db.session.delete(rule)
            changed.append(f"levy {rule.code}")
    for levy in row.levies:
        key = {name: levy[name] for name in ("mechanism_code", "code", "valid_from")}
        changed += [f"levy {levy['code']}" for _ in _put(LevyRule, key, levy)[:1]]
    return changed
