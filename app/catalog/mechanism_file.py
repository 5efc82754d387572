"""A file of mechanisms, read and judged as a whole: TOML, so that people can write beside a value where it is from."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from app.catalog import number_forms
from app.kernel.csvtable import CellRefused, currency, web_address
from app.kernel.errors import Refusal
from app.kernel.languages import LANGUAGES
from app.kernel.text import clean_line

PERIOD_KINDS = ("commitment_period", "vintage_year")
INTENTS = ("contribution", "compensation")
LONGEST_TEXT = 600  # characters

_MECHANISM_WORDS = ("name", "short", "registry", "source")
_UNIT_WORDS = ("one", "many", "one_in_full", "many_in_full")
_DATES = ("sales_close_at", "last_order_at", "ends_at")
_MOST_KYOTO, _MOST_BASIS_POINTS = 999, 10_000

Values = dict[str, Any]


SHIPPED = Path(__file__).parent / "data" / "mechanisms.toml"


class MechanismsRefused(Refusal):
    """Nothing of the file was applied; `problems` holds every problem found, each a sentence in English."""

    code = "mechanisms_refused"

    def __init__(self, problems: list[str]) -> None:
        super().__init__(count=len(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True)
class MechanismRow:
    """One mechanism as its rows will hold it."""

    values: Values
    units: tuple[Values, ...]
    levies: tuple[Values, ...]

    @property
    def code(self) -> str:
        """What the mechanism is called in our tables."""
        return str(self.values["code"])


def read_mechanisms(text: str) -> tuple[MechanismRow, ...]:
    """Every mechanism of a file. Raises MechanismsRefused with every problem that the file itself has."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise MechanismsRefused([f"The file cannot be read: {problem}."]) from problem
    reader = _Reader()
    reader.only(content, "", {"mechanism"})
    rows = [_mechanism(item, reader) for item in reader.tables(content, "", "mechanism")]
    if not rows:
        reader.problems.append("The file has no [[mechanism]].")
    codes = [row.code for row in rows] + [unit["code"] for row in rows for unit in row.units]
    reader.problems += [f"{code}: there twice." for code in sorted({c for c in codes if codes.count(c) > 1})]
    if reader.problems:
        raise MechanismsRefused(reader.problems)
    return tuple(rows)


@cache
def shipped() -> tuple[MechanismRow, ...]:
    """The mechanisms that this product knows from the start."""
    return read_mechanisms(SHIPPED.read_text(encoding="utf-8"))


class _Reader:
    """Reads values of a parsed file and collects what is wrong with them."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def say(self, where: str, problem: str) -> None:
        self.problems.append(f"{where}: {problem}")

    def only(self, table: Mapping[str, Any], where: str, known: set[str]) -> None:
        for name in sorted(table.keys() - known):
            self.say(
                f"{where} {name}".strip(), f"nothing is known of this key; the keys are {', '.join(sorted(known))}."
            )

    def tables(self, table: Mapping[str, Any], where: str, name: str) -> list[Values]:
        found = table.get(name, [])
        if isinstance(found, list) and all(isinstance(item, dict) for item in found):
            return found
        self.say(f"{where} {name}".strip(), "must be a list of tables.")
        return []

    def text(self, table: Mapping[str, Any], where: str, name: str, pattern: str = ".+") -> str:
        value = table.get(name)
        clean = clean_line(value) if isinstance(value, str) else ""
        if not re.fullmatch(pattern, clean) or len(clean) > LONGEST_TEXT:
            self.say(f"{where} {name}", f"must be a text that matches {pattern}." if pattern != ".+" else "is missing.")
        return clean

    def number(self, table: Mapping[str, Any], where: str, name: str, most: int, least: int = 0) -> int:
        value = table.get(name)
        if type(value) is not int or not least <= value <= most:
            self.say(f"{where} {name}", f"must be a whole number from {least} to {most}.")
            return least
        return value

    def choice(self, table: Mapping[str, Any], where: str, name: str, options: tuple[str, ...]) -> str:
        value = table.get(name)
        if value not in options:
            self.say(f"{where} {name}", f"must be one of {', '.join(options)}.")
            return options[0]
        return str(value)

    def yes_or_no(self, table: Mapping[str, Any], where: str, name: str) -> bool:
        value = table.get(name, False)
        if not isinstance(value, bool):
            self.say(f"{where} {name}", "must be true or false.")
        return bool(value)

    def instant(self, table: Mapping[str, Any], where: str, name: str) -> datetime | None:
        value = table.get(name)
        if value is not None and not (isinstance(value, datetime) and value.tzinfo is not None):
            self.say(f"{where} {name}", "must be a date, time and zone, such as 2026-12-31T12:00:00Z.")
            return None
        return None if value is None else value.astimezone(UTC)

    def day(self, table: Mapping[str, Any], where: str, name: str, *, required: bool) -> date | None:
        value = table.get(name)
        if (value is None and not required) or type(value) is date:
            return value
        self.say(f"{where} {name}", "must be a day, such as 2026-12-31.")
        return None

    def form(self, table: Mapping[str, Any], where: str, name: str, known: frozenset[str]) -> frozenset[str]:
        try:
            found = number_forms.elements(str(table.get(name, "")))
        except ValueError:
            self.say(f"{where} {name}", "must be a form of elements in braces, such as {party}-{project}.")
            return frozenset()
        for element in sorted(found - known):
            self.say(f"{where} {name}", f"cannot have {{{element}}}; it may have {', '.join(sorted(known))}.")
        return found

    def words(self, table: Mapping[str, Any], where: str, names: tuple[str, ...]) -> Values:
        """The same texts in every language, no more and no fewer."""
        if not isinstance(table, dict) or set(table) != set(LANGUAGES):
            self.say(where, f"must have words in {', '.join(LANGUAGES)}.")
            return {}
        found = {language: words for language, words in table.items() if isinstance(words, dict)}
        for language in sorted(set(table) - set(found)):
            self.say(f"{where} {language}", "must be a table.")
        for language, words in found.items():
            self.only(words, f"{where} {language}", set(names))
            for name in names:
                self.text(words, f"{where} {language}", name)
        return found


def _mechanism(item: Values, reader: _Reader) -> MechanismRow:
    code = reader.text(item, "mechanism", "code", "[A-Z][A-Z0-9.]{1,11}")
    reader.only(
        item,
        code,
        {
            "code", "registry_url", *_DATES, "period_kind", "reference_form", "space_form", "serial_form", "words",
            "authorisation", "unit", "levy",
        },
    )  # fmt: skip
    values: Values = {
        "code": code,
        "registry_url": _address(item, code, reader),
        **{name: reader.instant(item, code, name) for name in _DATES},
        "period_kind": reader.choice(item, code, "period_kind", PERIOD_KINDS),
        "reference_form": item.get("reference_form"),
        "space_form": item.get("space_form"),
        "serial_form": item.get("serial_form"),
        "words": reader.words(item.get("words", {}), f"{code} words", _MECHANISM_WORDS),
        "authorisations": dict(_authorisations(item, code, reader)),
    }
    _judge_dates(values, code, reader)
    _judge_forms(item, code, reader)
    english = values["words"].get("en", {})
    values["name"], values["registry_name"] = english.get("name", ""), english.get("registry", "")
    units = tuple(_unit(unit, code, reader) for unit in reader.tables(item, code, "unit"))
    if not units:
        reader.say(code, "has no [[mechanism.unit]].")
    levies = tuple(_levy(levy, code, reader) for levy in reader.tables(item, code, "levy"))
    _judge_levies(levies, code, reader)
    return MechanismRow(values, units, levies)


def _address(item: Values, code: str, reader: _Reader) -> str:
    value = item.get("registry_url", "")
    try:
        return web_address(300)(value) if value else ""
    except (CellRefused, TypeError, AttributeError):
        reader.say(f"{code} registry_url", "must be a web address that begins with https://.")
        return ""


def _judge_dates(values: Values, code: str, reader: _Reader) -> None:
    dates = [values[name] for name in _DATES]
    if any(dates) and not all(dates):
        reader.say(code, f"must have all of {', '.join(_DATES)}, or none.")
    elif all(dates) and sorted(dates) != dates:
        reader.say(code, "must close its sale before the last order, and take that before its registry ends.")


def _judge_forms(item: Values, code: str, reader: _Reader) -> None:
    reference = reader.form(item, code, "reference_form", number_forms.OF_REFERENCES)
    space = reader.form(item, code, "space_form", number_forms.OF_SPACES)
    serial = reader.form(item, code, "serial_form", number_forms.OF_SERIALS)
    if reference and "project" not in reference:
        reader.say(f"{code} reference_form", "must have {project}.")
    if serial and "serial" not in serial:
        reader.say(f"{code} serial_form", "must have {serial}.")
    if "party" in serial and "party" not in reference | space:
        reader.say(f"{code} serial_form", "can only have {party} where reference_form or space_form has it.")
    other = "vintage" if item.get("period_kind") == "commitment_period" else "period"
    if other in space | serial:
        reader.say(code, f"has no {{{other}}}: its units have the other kind of period.")


def _authorisations(item: Values, code: str, reader: _Reader) -> Iterator[tuple[str, Values]]:
    for found in reader.tables(item, code, "authorisation"):
        name = reader.text(found, f"{code} authorisation", "code", "[a-z][a-z_]{1,23}")
        where = f"{code} authorisation {name}"
        reader.only(found, where, {"code", "intents", "words"})
        intents = found.get("intents")
        if not isinstance(intents, list) or not intents or not set(map(str, intents)) <= set(INTENTS):
            reader.say(f"{where} intents", f"must list one or more of {', '.join(INTENTS)}.")
        yield name, {"intents": intents, "words": reader.words(found.get("words", {}), where, ("name", "meaning"))}


def _unit(item: Values, mechanism: str, reader: _Reader) -> Values:
    code = reader.text(item, f"{mechanism} unit", "code", "[A-Za-z0-9.]{1,12}")
    where = f"{mechanism} unit {code}"
    reader.only(item, where, {"code", "kyoto_code", "lulucf_code", "words"})
    return {
        "code": code,
        "mechanism_code": mechanism,
        "kyoto_code": reader.number(item, where, "kyoto_code", _MOST_KYOTO) if "kyoto_code" in item else None,
        "lulucf_code": reader.number(item, where, "lulucf_code", 9) if "lulucf_code" in item else 0,
        "words": reader.words(item.get("words", {}), where, _UNIT_WORDS),
    }


def _levy(item: Values, mechanism: str, reader: _Reader) -> Values:
    code = reader.text(item, f"{mechanism} levy", "code", "[a-z][a-z_]{1,23}")
    where = f"{mechanism} levy {code}"
    reader.only(
        item,
        where,
        {
            "code", "valid_from", "valid_to", "currency", "tiers", "basis_points", "account_type",
            "is_least_developed_exempt", "source",
        },
    )  # fmt: skip
    values: Values = {
        "mechanism_code": mechanism,
        "code": code,
        "valid_from": reader.day(item, where, "valid_from", required=True),
        "valid_to": reader.day(item, where, "valid_to", required=False),
        "currency": None,
        "tiers": None,
        "basis_points": None,
        "account_type": None,
        "is_least_developed_exempt": reader.yes_or_no(item, where, "is_least_developed_exempt"),
        "source": reader.text(item, where, "source", ".{1,200}"),
    }
    if ("tiers" in item) == ("basis_points" in item):
        reader.say(where, "must be either a fee, with tiers, or a share, with basis_points.")
    elif "tiers" in item:
        values["currency"] = _currency(item, where, reader)
        values["tiers"] = list(_tiers(item, where, reader))
    else:
        values["basis_points"] = reader.number(item, where, "basis_points", _MOST_BASIS_POINTS, 1)
        values["account_type"] = reader.number(item, where, "account_type", 999, 100)
    return values


def _currency(item: Values, where: str, reader: _Reader) -> str:
    try:
        return currency(str(item.get("currency")))
    except CellRefused:
        reader.say(f"{where} currency", "must be a three-letter ISO code, such as USD.")
        return ""


def _tiers(item: Values, where: str, reader: _Reader) -> Iterator[list[int | None]]:
    """`[[up to this many units of a calendar year, minor units for each], …]`, the last one open."""
    found = reader.tables(item, where, "tiers")
    before = 0
    for place, tier in enumerate(found):
        each = reader.number(tier, f"{where} tiers", "each", 10**9)
        if place == len(found) - 1:
            reader.only(tier, f"{where} tiers, the last", {"each"})
            yield [None, each]
        else:
            before = reader.number(tier, f"{where} tiers", "up_to", 10**12, before + 1)
            yield [before, each]
    if not found:
        reader.say(f"{where} tiers", "must have one tier at least.")


def _judge_levies(levies: tuple[Values, ...], code: str, reader: _Reader) -> None:
    def order(levy: Values) -> tuple[str, date]:
        return levy["code"], levy["valid_from"] or date.min

    last: Values | None = None
    for levy in sorted(levies, key=order):
        ends_on = levy["valid_to"]
        if ends_on is not None and levy["valid_from"] is not None and ends_on <= levy["valid_from"]:
            reader.say(f"{code} levy {levy['code']}", "must end after it begins.")
        if last is not None and last["code"] == levy["code"] and (last["valid_to"] or date.max) > order(levy)[1]:
            reader.say(f"{code} levy {levy['code']}", "is valid twice at one time.")
        last = levy
