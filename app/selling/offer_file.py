"""A participant's offers as a CSV file: what its columns are, how they are read, and how they are written.

What is written reads back as the same. No cell is run as a formula by a spreadsheet; a line break in a
text is written `\\n`, because a cell is one line.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal

from app.catalog.importer import REFERENCE
from app.catalog.models import Issuance, Project
from app.kernel.csvtable import CellRefused, Column, amount, country, currency, instant, text, whole_number
from app.kernel.languages import LANGUAGES, OTHER_LANGUAGES
from app.kernel.money import Money
from app.kernel.text import csv_cell
from app.offers.importer import OFFER_CODE
from app.offers.models import Offer
from app.selling.terms import LONGEST_TEXT, MOST_TIERS, MOST_UNITS

# A text of the longest kind may double when each of its characters has to be written as two.
_LONGEST_CELL = 2 * LONGEST_TEXT + 1
_ESCAPED = re.compile(r"\\(.)")


def _plain(cell: str) -> str:
    """A cell without the apostrophe that keeps spreadsheets from running it; the other way of `_safe`."""
    bare = cell.lstrip("'")
    return cell[1:] if cell != bare and csv_cell(bare) != bare else cell


def _safe(value: str) -> str:
    """A cell that no spreadsheet runs, and that `_plain` reads back exactly."""
    bare = value.lstrip("'")
    return f"'{value}" if csv_cell(bare) != bare else value


def _tiers(cell: str) -> tuple[tuple[int, Decimal], ...]:
    """Reads `100:0.45;1000:0.40`: from how many units, and the price of one unit then."""
    tiers = []
    for part in cell.split(";"):
        units, colon, price = part.strip().partition(":")
        if not colon:
            raise CellRefused("wrong_form", example="100:0.45;1000:0.40")
        tiers.append((whole_number(1, MOST_UNITS)(units.strip()), amount(price.strip())))
    if len(tiers) > MOST_TIERS:
        raise CellRefused("too_many_tiers", most=MOST_TIERS)
    return tuple(tiers)


def _second(cell: str) -> datetime:
    return instant(cell).replace(microsecond=0)


def _words(cell: str) -> str:
    text(_LONGEST_CELL)(cell)
    return _ESCAPED.sub(lambda found: "\n" if found[1] == "n" else found[1], _plain(cell))


COLUMNS = (
    Column("code", lambda cell: text(60)(OFFER_CODE(cell))),
    Column("project", REFERENCE),
    Column("originating_party", country),
    Column("serial_first", whole_number(1)),
    Column("account", lambda cell: text(60)(_plain(cell))),
    Column("units", whole_number(1, MOST_UNITS)),
    Column("unit_price", amount),
    Column("currency", currency),
    Column("minimum_units", whole_number(1, MOST_UNITS), required=False, default=1),
    Column("tiers", _tiers, required=False, default=()),
    Column("opens_at", _second, required=False),
    Column("expires_at", _second, required=False),
    *(Column(f"text_{language}", _words, required=False, default="") for language in LANGUAGES),
)
NAMES = tuple(column.name for column in COLUMNS)

EXAMPLE = (
    "MN-295-1", "MN-295", "MN", "1000001", "MN-100-4711", "5000", "2.50", "USD", "10", "100:2.25;1000:2.00",
    "2027-01-04T09:00:00Z", "2027-12-31T23:59:59Z", "Wind from the Salkhit hills.", *("" for _ in OTHER_LANGUAGES),
)  # fmt: skip


def write_offers(offers: Iterable[tuple[Offer, Issuance, Project]]) -> str:
    """The file of some offers, one row each."""
    return _file(_row(*row) for row in offers)


def template() -> str:
    """A file with the header and one row as an example."""
    return _file([EXAMPLE])


def _file(rows: Iterable[Iterable[str]]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(NAMES)
    writer.writerows(rows)
    return file.getvalue()


def _row(offer: Offer, issuance: Issuance, project: Project) -> tuple[str, ...]:
    return (
        offer.code,
        project.reference,
        issuance.originating_party,
        str(issuance.serial_first),
        _safe(offer.account),
        str(offer.units_offered),
        str(offer.price.decimal),
        offer.currency,
        str(offer.minimum_units),
        ";".join(f"{units}:{Money(price, offer.currency).decimal}" for units, price in offer.tiers),
        _instant(offer.opens_at),
        _instant(offer.expires_at),
        *(_written(str(offer.texts.get(language, ""))) for language in LANGUAGES),
    )


def _instant(value: datetime | None) -> str:
    return "" if value is None else f"{value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def _written(words: str) -> str:
    return _safe(words.replace("\\", "\\\\").replace("\n", "\\n"))
