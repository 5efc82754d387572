"""Questions about what the replicator has copied: filters, order and pages, with the original's failures."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tests.undp_standin.shapes import Json, Refuse, check_query

_NUMBERS = {"createdDate", "creditAmount"}


def broken() -> Refuse:
    """What a malformed question gets."""
    return Refuse(500, "Internal server error")


def answer(rows: list[Json], keys: list[str], body: Json, *, needs_sort: bool) -> Json:
    """One page of the rows that a query wants; `keys` are the columns there are."""
    check_query(body)
    page, size = _count(body.get("page")), _count(body.get("size"))
    if page < 1:
        raise broken()
    sort = body.get("sort")
    if sort is None and needs_sort:
        raise broken()
    found = [row for row in rows if _is_wanted(row, keys, body)]
    if sort is not None:
        if sort["key"] not in keys or sort["order"] not in {"ASC", "DESC"}:
            raise broken()
        found.sort(key=lambda row: _sortable(row, sort["key"]), reverse=sort["order"] == "DESC")
    shown = found[(page - 1) * size : page * size] if size else found
    return {"total": len(found), "data": shown}


def _count(value: object) -> int:
    """A number, or its digits."""
    try:
        return int(value)  # type: ignore[call-overload]  # what is no number is refused
    except (TypeError, ValueError):
        raise broken() from None


def _sortable(row: Json, key: str) -> tuple[int, Any]:
    value = row[key]
    if key in _NUMBERS:
        return int(value), 0
    return 0, str(value)


def _is_wanted(row: Json, keys: list[str], body: Json) -> bool:
    every, some = body.get("filterAnd") or [], body.get("filterOr") or []
    matches = [[_matches(row, keys, each) for each in group] for group in (every, some)]
    return all(matches[0]) and (not some or any(matches[1]))


def _matches(row: Json, keys: list[str], wanted: Json) -> bool:
    key, value = wanted.get("key"), wanted.get("value")
    operation = _OPERATIONS.get(str(wanted.get("operation")))
    if key not in keys or operation is None:
        raise broken()
    values = value if isinstance(value, list) else [value]
    # It puts the value between apostrophes and hopes.
    if any("'" in str(each) for each in values):
        raise broken()
    if key in _NUMBERS:
        return bool(operation(int(row[key]), [int(str(each)) for each in values]))
    if not all(isinstance(each, str) for each in values):
        raise broken()
    return row[key] is not None and bool(operation(row[key], values))


def _like(pattern: str, text: str, flags: int = 0) -> bool:
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    expression = "".join(
        ".*" if part == "%" else "." if part == "_" else re.escape(part[-1] if part[0] == "\\" else part)
        for part in parts
    )
    return re.fullmatch(expression, text, flags | re.DOTALL) is not None


_OPERATIONS: dict[str, Callable[[Any, list[Any]], bool]] = {
    "=": lambda mine, given: mine == given[0],
    "!=": lambda mine, given: mine != given[0],
    ">": lambda mine, given: mine > given[0],
    ">=": lambda mine, given: mine >= given[0],
    "<": lambda mine, given: mine < given[0],
    "<=": lambda mine, given: mine <= given[0],
    "in": lambda mine, given: mine in given,
    "like": lambda mine, given: _like(given[0], mine),
    "ilike": lambda mine, given: _like(given[0], mine, re.IGNORECASE),
}
