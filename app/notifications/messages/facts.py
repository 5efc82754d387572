"""Facts of a mail as plain JSON values, and back."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
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
        return cast(Self, _decoder(cast(Any, cls))(data))


def _encoded(value: object) -> object:
    if isinstance(value, date):  # an instant is one too
        return value.isoformat()
    if isinstance(value, tuple):
        return [_encoded(item) for item in value]
    if is_dataclass(value):
        return {part.name: _encoded(getattr(value, part.name)) for part in fields(value)}
    return value


@cache
def _decoder(hint: Any) -> Callable[[Any], Any]:
    """What makes values of a type of what JSON holds, found once: a mail has some sixty of them."""
    if get_origin(hint) is types.UnionType:
        (hint,) = (option for option in get_args(hint) if option is not types.NoneType)
    if get_origin(hint) is tuple:
        decode = _decoder(get_args(hint)[0])
        return lambda items: tuple(map(decode, items))
    if isinstance(hint, type) and is_dataclass(hint):
        return _assembler(hint)
    return hint.fromisoformat if hint in {date, datetime} else cast("Callable[[Any], Any]", hint)


def _assembler(kind: type[Any]) -> Callable[[Mapping[str, Any]], Any]:
    hints = get_type_hints(kind)
    parts = [(part.name, _decoder(hints[part.name]), part.default is MISSING) for part in fields(kind)]

    def assemble(data: Mapping[str, Any]) -> Any:
        return kind(
            **{
                name: None if data[name] is None else decode(data[name])
                for name, decode, is_required in parts
                # What a mail of an earlier version did not know yet has its default.
                if is_required or name in data
            }
        )

    return assemble
