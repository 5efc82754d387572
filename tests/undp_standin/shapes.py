"""The validation of request bodies, with the original's words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Json = dict[str, Any]

TYPES = ("Cross-Border Transactions", "Voluntary Cancellations")
ACTIONS = ("ACCEPT", "REJECT", "CANCEL")


class Refuse(Exception):
    """An answer that is not a success."""

    def __init__(self, status: int, message: object, error: str = "") -> None:
        super().__init__(str(message))
        self.status = status
        self.body: Json = {"statusCode": status, "message": message}
        if error:
            self.body["error"] = error


Check = tuple[str, Callable[[object], bool], str]


def _is_int(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and float(value).is_integer()


def _is_positive(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


_NOT_EMPTY: Check = ("isNotEmpty", lambda value: value not in (None, ""), "{} should not be empty")
_STRING: Check = ("isString", lambda value: isinstance(value, str), "{} must be a string")
_INT: Check = ("isInt", _is_int, "{} must be an integer number")
_POSITIVE: Check = ("isPositive", _is_positive, "{} must be a positive number")
_EMAIL: Check = ("isEmail", lambda value: isinstance(value, str) and "@" in value, "{} must be an email")
_NOT_NEGATIVE: Check = (
    "isPositive",
    lambda value: not isinstance(value, int | float) or value >= 0,
    "{} must be a positive number",
)


def _one_of(choices: tuple[str, ...]) -> Check:
    return ("isEnum", lambda value: value in choices, "{} must be one of the following values: " + ", ".join(choices))


def _violations(body: Json, rules: list[tuple[str, list[Check]]]) -> list[Json]:
    found = []
    for name, checks in rules:
        broken = {key: words.format(name) for key, holds, words in checks if not holds(body.get(name))}
        if broken:
            value = {"value": body[name]} if name in body else {}
            found.append({"target": body, **value, "property": name, "children": [], "constraints": broken})
    return found


def _refuse(violations: list[Json]) -> None:
    if violations:
        raise Refuse(400, violations, "Bad Request")


def check_login(body: Json) -> None:
    """POST auth/login"""
    username = [_NOT_EMPTY, _EMAIL]
    _refuse(_violations(body, [("username", username), ("password", [_STRING, _NOT_EMPTY])]))


def check_refresh(body: Json) -> None:
    """POST auth/login/refresh"""
    _refuse(_violations(body, [("refreshToken", [_STRING, _NOT_EMPTY])]))


def check_retire(body: Json) -> None:
    """POST retireRequest"""
    rules = [
        ("blockId", [_NOT_EMPTY, _STRING]),
        ("amount", [_NOT_EMPTY, _INT, _POSITIVE]),
        ("retirementType", [_NOT_EMPTY, _one_of(TYPES)]),
    ]
    if body.get("retirementType") == TYPES[0]:
        rules += [(name, [_STRING, _NOT_EMPTY]) for name in ("country", "organizationName")]
    if body.get("remarks") is not None:
        rules.append(("remarks", [_STRING]))
    _refuse(_violations(body, rules))


def check_action(body: Json) -> None:
    """POST performRetireAction"""
    rules = [("transactionId", [_NOT_EMPTY, _STRING]), ("action", [_NOT_EMPTY, _one_of(ACTIONS)])]
    if body.get("action") in ACTIONS[1:]:
        rules.append(("remarks", [_NOT_EMPTY, _STRING]))
    _refuse(_violations(body, rules))


def check_transfer(body: Json) -> None:
    """POST transfer"""
    number = [_NOT_EMPTY, _POSITIVE, _INT]
    _refuse(_violations(body, [("receiverOrgId", number), ("blockId", [_NOT_EMPTY, _STRING]), ("amount", number)]))


def check_query(body: Json) -> None:
    """POST query…: a negative page or size, and a sort without key or order, are refused; much else is a 500 later."""
    violations = _violations(body, [(name, [_NOT_NEGATIVE]) for name in ("page", "size") if name in body])
    sort = body.get("sort")
    if isinstance(sort, dict):
        children = _violations(sort, [("key", [_NOT_EMPTY]), ("order", [_NOT_EMPTY])])
        for child in children:
            child.pop("value", None)
        if children:
            violations.append({"target": body, "value": sort, "property": "sort", "children": children})
    _refuse(violations)
