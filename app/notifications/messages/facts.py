"""Facts of a mail as plain JSON values, and back."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, ClassVar, Self, cast, get_args, get_origin, get_type_hints

from app.notifications.messages.kinds import MailKind


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What every mail knows: the order or complaint it is about, and whether any of it is real."""

    kind: ClassVar[MailKind]

    reference: str
    is_demonstration: bool

    def to_json(self) -> dict[str, Any]:
        """The facts as plain JSON values: money as minor units and currency, instants in ISO 8601."""
        return cast(dict[str, Any], _encoded(self))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The facts that `to_json` wrote. Raises KeyError when one is missing."""
        return cast(Self, _decoded(cls, data))


def _encoded(value: object) -> object:
    if isinstance(value, date):  # an instant is one too
        return value.isoformat()
    if isinstance(value, tuple):
        return [_encoded(item) for item in value]
    if is_dataclass(value):
        return {part.name: _encoded(getattr(value, part.name)) for part in fields(value)}
    return value


@cache
def _hints(kind: type[Any]) -> dict[str, Any]:
    return get_type_hints(kind)


def _decoded(hint: Any, value: Any) -> Any:
    if value is None:
        return None
    if get_origin(hint) is types.UnionType:
        (hint,) = (option for option in get_args(hint) if option is not types.NoneType)
    if get_origin(hint) is tuple:
        return tuple(_decoded(get_args(hint)[0], item) for item in value)
    if isinstance(hint, type) and is_dataclass(hint):
        hints = _hints(hint)
        # What a mail of an earlier version did not know yet has its default.
        known = [part.name for part in fields(hint) if part.name in value or part.default is MISSING]
        return hint(**{name: _decoded(hints[name], value[name]) for name in known})
    if hint in {date, datetime}:
        return hint.fromisoformat(value)
    return hint(value)
