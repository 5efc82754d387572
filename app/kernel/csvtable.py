"""CSV files from people, read into typed rows, with every problem of every row named at once.

Nothing is applied here. The words for a problem are chosen at the edge, from its `code` and `facts`.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from babel import Locale
from babel.numbers import get_currency_precision, list_currencies

from app.kernel.errors import Refusal
from app.kernel.text import clean_line

MAXIMUM_BYTES = 5_000_000
MAXIMUM_ROWS = 50_000
LARGEST_WHOLE_NUMBER = 2**63 - 1
HEADER_ROW = 1
_MOST_DIGITS = len(str(LARGEST_WHOLE_NUMBER))

_DELIMITERS = (",", ";", "\t")
# Codes that CLDR lists among the territories and ISO 3166-1 does not assign.
_NOT_COUNTRIES = frozenset({"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "XK", "ZZ"})


@dataclass(frozen=True)
class RowError:
    """One problem. `row` counts as a spreadsheet does: the header is row 1; 0 is the file as a whole."""

    row: int
    column: str | None
    code: str
    facts: Mapping[str, object] = field(default_factory=dict)


class ImportRefused(Refusal):
    """Nothing of the file was applied; `errors` holds every problem found, in file order."""

    code = "import_refused"

    def __init__(self, errors: Iterable[RowError]) -> None:
        self.errors = tuple(sorted(errors, key=lambda error: (error.row, error.column or "", error.code)))
        super().__init__(count=len(self.errors))


@dataclass(frozen=True)
class ImportReport:
    """What a file changed, in rows."""

    created: int
    updated: int
    unchanged: int

    @property
    def is_change(self) -> bool:
        """Whether anything at all was written."""
        return bool(self.created or self.updated)


def nothing_more(_report: ImportReport) -> None:
    """What an importer does after its last row, in the same transaction, unless its caller wants more.

    A caller's own function may note who loaded the file, or raise, and then nothing was changed.
    """


class CellRefused(ValueError):
    """A cell cannot be read; `code` and `facts` say why."""

    def __init__(self, code: str, **facts: object) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts


@dataclass(frozen=True)
class Column:
    """One column: its name in the header, how a cell is read, and what an empty cell means."""

    name: str
    read: Callable[[str], Any]
    required: bool = True
    default: Any = None


@dataclass(frozen=True)
class Row:
    """One row that could be read whole; `number` as in RowError."""

    number: int
    values: Mapping[str, Any]

    def __getitem__(self, column: str) -> Any:
        return self.values[column]

    def error(self, column: str | None, code: str, **facts: object) -> RowError:
        """A problem of this row."""
        return RowError(self.number, column, code, facts)


@dataclass(frozen=True)
class Table:
    """The rows that could be read, and the problems of the others."""

    rows: tuple[Row, ...]
    errors: tuple[RowError, ...]


def decode(raw: bytes) -> str:
    """The text of an uploaded file: UTF-8, with or without a byte order mark, or UTF-16 with one.

    Raises ImportRefused when it is too large or is no text.
    """
    if len(raw) > MAXIMUM_BYTES:
        raise ImportRefused([RowError(0, None, "file_too_large", {"maximum": MAXIMUM_BYTES})])
    encoding = "utf-16" if raw[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        raise ImportRefused([RowError(0, None, "not_text", {})]) from None


def read_table(text: str, columns: Sequence[Column]) -> Table:
    """Read `text` by `columns`.

    A comma, semicolon or tab may separate cells; blank rows are skipped; a byte order mark is
    dropped; every cell is cleaned by `clean_line`. Raises ImportRefused at once when the file as
    a whole cannot be read: too large, malformed, or a header that does not fit.
    """
    if len(text) > MAXIMUM_BYTES:
        raise ImportRefused([RowError(0, None, "file_too_large", {"maximum": MAXIMUM_BYTES})])
    lines = _lines(text.removeprefix("\ufeff"), {column.name for column in columns})
    header = lines[0] if lines else []
    while header and not header[-1]:
        header.pop()
    problems = _header_problems(header, columns)
    if not problems and len(lines) - 1 > MAXIMUM_ROWS:
        problems.append(RowError(0, None, "too_many_rows", {"maximum": MAXIMUM_ROWS}))
    if problems:
        raise ImportRefused(problems)
    rows: list[Row] = []
    errors: list[RowError] = []
    for number, cells in enumerate(lines[1:], start=HEADER_ROW + 1):
        if not any(cells):
            continue
        values, found = _read_row(number, dict(zip(header, cells, strict=False)), columns)
        if len(cells) > len(header) and any(cells[len(header) :]):
            found.append(RowError(number, None, "surplus_cells", {"cells": len(cells), "columns": len(header)}))
        errors.extend(found)
        if not found:
            rows.append(Row(number, values))
    if not rows and not errors:
        errors.append(RowError(0, None, "no_rows", {}))
    return Table(tuple(rows), tuple(errors))


def repeated(rows: Iterable[Row], *columns: str) -> list[RowError]:
    """One problem for each row whose `columns` together name the same thing as an earlier row."""
    seen: dict[tuple[object, ...], int] = {}
    errors = []
    for row in rows:
        key = tuple(row[column] for column in columns)
        if key in seen:
            errors.append(row.error(columns[-1], "repeated", first=seen[key]))
        seen.setdefault(key, row.number)
    return errors


def _lines(text: str, names: set[str]) -> list[list[str]]:
    def known(delimiter: str) -> int:
        return len(names & {clean_line(cell) for cell in first.split(delimiter)})

    first = io.StringIO(text, newline=None).readline().replace('"', "")
    try:
        delimiter = max(_DELIMITERS, key=known)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        return [[clean_line(cell) for cell in cells] for cells in reader]
    except csv.Error:
        raise ImportRefused([RowError(0, None, "malformed", {})]) from None


def _header_problems(header: Sequence[str], columns: Sequence[Column]) -> list[RowError]:
    names = {column.name for column in columns}
    problems = []
    for name in dict.fromkeys(header):
        if name not in names:
            problems.append(RowError(HEADER_ROW, name or None, "unknown_column", {"known": ", ".join(sorted(names))}))
        elif header.count(name) > 1:
            problems.append(RowError(HEADER_ROW, name, "column_twice", {}))
    problems.extend(
        RowError(HEADER_ROW, column.name, "missing_column", {})
        for column in columns
        if column.required and column.name not in header
    )
    return problems


def _read_row(
    number: int, cells: Mapping[str, str], columns: Sequence[Column]
) -> tuple[dict[str, Any], list[RowError]]:
    values: dict[str, Any] = {}
    errors = []
    for column in columns:
        cell = cells.get(column.name, "")
        if cell:
            try:
                values[column.name] = column.read(cell)
            except CellRefused as refused:
                errors.append(RowError(number, column.name, refused.code, refused.facts))
        elif column.required:
            errors.append(RowError(number, column.name, "required", {}))
        else:
            values[column.name] = column.default
    return values, errors


def text(maximum: int) -> Callable[[str], str]:
    """Reads one line of at most `maximum` characters."""

    def read(cell: str) -> str:
        if len(cell) > maximum:
            raise CellRefused("too_long", maximum=maximum)
        return cell

    return read


def matching(pattern: str, example: str) -> Callable[[str], str]:
    """Reads a code that matches `pattern` as a whole; `example` is shown to who got it wrong."""
    compiled = re.compile(pattern, re.ASCII)

    def read(cell: str) -> str:
        if not compiled.fullmatch(cell):
            raise CellRefused("wrong_form", example=example)
        return cell

    return read


def whole_number(minimum: int = 0, maximum: int = LARGEST_WHOLE_NUMBER) -> Callable[[str], int]:
    """Reads a whole number between `minimum` and `maximum`, written with the digits 0 to 9 only."""

    def read(cell: str) -> int:
        if not re.fullmatch(r"[0-9]+", cell):
            raise CellRefused("not_a_whole_number")
        # More digits than any column holds are not even read as a number.
        if len(cell) > _MOST_DIGITS or not minimum <= (value := int(cell)) <= maximum:
            raise CellRefused("out_of_range", minimum=minimum, maximum=maximum)
        return value

    return read


def day(cell: str) -> date:
    """Reads a calendar day, `2013-01-31`."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", cell):
        raise CellRefused("not_a_date")
    try:
        return date.fromisoformat(cell)
    except ValueError:
        raise CellRefused("not_a_date") from None


def instant(cell: str) -> datetime:
    """Reads an instant with its zone, `2014-09-17T12:40:06Z`, and gives it in UTC."""
    try:
        value = datetime.fromisoformat(cell)
        return _in_utc(value)
    except (ValueError, OverflowError):
        raise CellRefused("not_an_instant") from None


def _in_utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("an instant without a zone names no instant")
    return value.astimezone(UTC)


def choice(*options: str) -> Callable[[str], str]:
    """Reads one of `options`, written exactly so."""

    def read(cell: str) -> str:
        if cell not in options:
            raise CellRefused("not_a_choice", options=", ".join(options))
        return cell

    return read


def yes_or_no(cell: str) -> bool:
    """Reads `yes` or `no`."""
    return choice("yes", "no")(cell) == "yes"


@cache
def countries() -> frozenset[str]:
    """The ISO 3166-1 alpha-2 codes."""
    codes = map(str, Locale("en").territories)
    return frozenset(code for code in codes if len(code) == 2 and code.isalpha() and code not in _NOT_COUNTRIES)


def country(cell: str) -> str:
    """Reads an ISO 3166-1 alpha-2 code in capitals."""
    if cell not in countries():
        raise CellRefused("not_a_country")
    return cell


def country_list(cell: str) -> tuple[str, ...]:
    """Reads different country codes joined by semicolons, at least one, order kept."""
    codes = tuple(country(part.strip()) for part in cell.split(";"))
    if len(set(codes)) < len(codes):
        raise CellRefused("country_twice")
    return codes


def currency(cell: str) -> str:
    """Reads an ISO 4217 code in capitals."""
    if cell not in list_currencies():
        raise CellRefused("not_a_currency")
    return cell


def amount(cell: str) -> Decimal:
    """Reads an amount of money in major units, `0.38` or `0,38`: digits and one decimal sign, no sign, no grouping."""
    if not re.fullmatch(r"[0-9]{1,12}([.,][0-9]{1,6})?", cell):
        raise CellRefused("not_an_amount")
    return Decimal(cell.replace(",", "."))


def minor_units(value: Decimal, code: str) -> int:
    """`value` major units of the currency `code` as minor units, exact.

    Raises CellRefused when the currency has fewer decimals than that.
    """
    precision = get_currency_precision(code)
    scaled = value.scaleb(precision)
    if scaled != scaled.to_integral_value():
        raise CellRefused("too_precise", decimals=precision)
    return int(scaled)


def web_address(maximum: int) -> Callable[[str], str]:
    """Reads an http or https address of at most `maximum` characters; anything else could run as a script."""

    def read(cell: str) -> str:
        try:
            parts = urlsplit(cell)
        except ValueError:
            raise CellRefused("not_an_address") from None
        if parts.scheme not in {"http", "https"} or not parts.hostname or " " in cell:
            raise CellRefused("not_an_address")
        return text(maximum)(cell)

    return read
