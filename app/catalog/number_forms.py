"""How a mechanism numbers projects and units: forms with named elements, as data.

    {party}     ISO 3166-1 alpha-2 code of the host Party that the units come from
    {project}   number of the project, without leading zeros
    {unit}      code of the unit type
    {kyoto}     its code in the Kyoto exchange standard, 0 where it has none
    {lulucf}    code of the activity on land, 0 for none
    {period}    commitment period
    {vintage}   calendar year of the reductions
    {serial}    the running number

A `reference_form` names a project, a `space_form` the space that serial numbers count in, a `serial_form` one unit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

_PATTERNS = {
    "party": "[A-Z]{2}",
    "project": "[1-9][0-9]{0,8}",
    "unit": "[A-Za-z0-9.]{1,12}",
    "kyoto": "[0-9]{1,3}",
    "lulucf": "[0-9]",
    "period": "[1-9]",
    "vintage": "(?:19|20)[0-9]{2}",
    "serial": "[1-9][0-9]{0,17}",
}
_EXAMPLES = {
    "party": "IN", "project": "1514", "unit": "U", "kyoto": "5", "lulucf": "0", "period": "1", "vintage": "2021",
    "serial": "1",
}  # fmt: skip
_ELEMENT = re.compile(r"\{([a-z]+)\}")
_LITERAL = re.compile(r"[A-Za-z0-9.:/-]*")

OF_REFERENCES = frozenset({"party", "project"})
OF_SPACES = frozenset({"party", "project", "unit", "vintage"})
OF_SERIALS = frozenset(_PATTERNS)


@dataclass(frozen=True)
class Numbering:
    """What is needed to print the serial numbers of one unit type."""

    unit: str
    kyoto_code: int
    lulucf_code: int
    reference_form: str
    space_form: str
    serial_form: str


def elements(form: str) -> frozenset[str]:
    """The names of the elements of a form. Raises ValueError for a form that says nothing or cannot be read."""
    literal = _ELEMENT.sub("", form)
    names = _ELEMENT.findall(form)
    if not form or not _LITERAL.fullmatch(literal) or not OF_SERIALS.issuperset(names):
        raise ValueError(f"no form: {form!r}")
    return frozenset(names)


def fill(form: str, values: Mapping[str, object]) -> str:
    """The text of a form. Raises KeyError for an element that has no value."""
    return _ELEMENT.sub(lambda found: str(values[found[1]]), form)


def read(form: str, text: str) -> dict[str, str] | None:
    """The elements that a text of this form has, or None where it has another form."""
    found = _compiled(form).fullmatch(text)
    return None if found is None else found.groupdict()


def read_block(form: str, text: str) -> dict[str, str] | None:
    """The same of a block that its registry prints as one text, with its last number where the first stands again.

    `last` is the last serial number; that of a text which names one unit is its `serial`.
    """
    found = _compiled(form, "serial").fullmatch(text)
    return None if found is None else {"last": found["serial"], **found.groupdict()}


def example(form: str) -> str:
    """A text of this form, for people who have to write one."""
    return fill(form, _EXAMPLES)


@cache
def _compiled(form: str, first_of_block: str = "") -> re.Pattern[str]:
    pattern, seen = "", set()
    for place, part in enumerate(_ELEMENT.split(form)):
        if place % 2 == 0:
            pattern += re.escape(part)
        elif part in seen and part == first_of_block:
            pattern += f"(?P<last>{_PATTERNS[part]})"
        else:
            # The same element a second time is the same text.
            pattern += f"(?P={part})" if part in seen else f"(?P<{part}>{_PATTERNS[part]})"
            seen.add(part)
    return re.compile(pattern)
