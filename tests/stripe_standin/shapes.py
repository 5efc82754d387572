"""Which requests have the right shape, according to the typed parameters of the pinned SDK."""

from __future__ import annotations

import ast
import importlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import stripe
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match
from pydantic import ConfigDict, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from stripe import RequestOptions
from typing_extensions import is_typeddict

SERVICES = ("checkout/_session_service.py", "_refund_service.py", "_dispute_service.py")


class ShapeError(ValueError):
    """A field that Stripe would not take; `parameter` is its name as it was sent."""

    def __init__(self, parameter: str, message: str, code: str) -> None:
        super().__init__(message)
        self.parameter = parameter
        self.message = message
        self.code = code


@dataclass(frozen=True)
class Operation:
    """One call of the API: `POST /v1/checkout/sessions/{session}/expire`."""

    verb: str
    path: str
    schema: dict[str, Any]

    def match(self, verb: str, path: str) -> str | None:
        """The object's id in the path ("" when it has none); None when this is another call."""
        found = re.fullmatch(re.sub(r"\{\w+\}", "([^/]+)", self.path), path)
        if verb != self.verb or found is None:
            return None
        return found.group(1) if found.groups() else ""

    def parameters(self, encoded: str) -> dict[str, Any]:
        """Decode `a[b][0]=c` into values of the right types. Raises ShapeError."""
        value = _coerced(_decoded(encoded), self.schema, self.schema.get("$defs", {}))
        problem = best_match(Draft202012Validator(self.schema).iter_errors(value))
        if problem is not None:
            raise _shape_error(problem)
        return value


@cache
def operations() -> tuple[Operation, ...]:
    """Every operation of the services in SERVICES, read from the SDK's generated source."""
    return tuple(operation for service in SERVICES for operation in _operations_of(service))


def _operations_of(service: str) -> list[Operation]:
    tree = ast.parse((Path(stripe.__file__).parent / service).read_text())
    modules = {
        name.name: node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for name in node.names
    }
    found = []
    for method in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        call = next((node for node in ast.walk(method) if _is_request(node)), None)
        if call is None:
            continue
        verb, path = (_text(argument) for argument in call.args[:2])
        annotation = next(a.annotation for a in method.args.args if a.arg == "params")
        parameters = re.search(r"\w+Params", ast.unparse(annotation)).group()
        module = importlib.import_module(modules[parameters])
        found.append(Operation(verb.upper(), path, _schema(module, parameters)))
    return found


def _is_request(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "_request"


def _text(node: ast.expr) -> str:
    """A literal, or the literal in `"…".format(…)`."""
    return next(part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str))


class _Schemas(GenerateJsonSchema):
    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> dict[str, Any]:
        # The SDK's own object types stand in unions for what a caller may pass; no request holds one.
        return {"not": {}}


def _schema(module: Any, name: str) -> dict[str, Any]:
    for kind in vars(module).values():
        if is_typeddict(kind):
            kind.__pydantic_config__ = ConfigDict(extra="forbid", arbitrary_types_allowed=True)
    parameters = getattr(module, name)
    # Every parameter class inherits what goes into headers; none of it is a parameter.
    for option in RequestOptions.__annotations__:
        parameters.__annotations__.pop(option, None)
    schema = TypeAdapter(parameters).json_schema(schema_generator=_Schemas)
    _close_enums(schema)
    return schema


def _close_enums(schema: Any) -> None:
    """`Literal[…] | str` lets type checkers live with new values; this server knows none."""
    if isinstance(schema, list):
        for part in schema:
            _close_enums(part)
    elif isinstance(schema, dict):
        choices = schema.get("anyOf", [])
        if any("enum" in choice or "const" in choice for choice in choices):
            schema["anyOf"] = [choice for choice in choices if choice != {"type": "string"}]
        for part in schema.values():
            _close_enums(part)


def _decoded(encoded: str) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        keys = re.findall(r"[^\[\]]+", name)
        place = result
        for key in keys[:-1]:
            place = place.setdefault(key, {})
        place[keys[-1]] = value
    return result


def _coerced(value: Any, schema: dict[str, Any], definitions: dict[str, Any]) -> Any:
    schema = _resolved(schema, definitions)
    for choice in schema.get("anyOf", []):
        attempt = _coerced(value, choice, definitions)
        if Draft202012Validator({**choice, "$defs": definitions}).is_valid(attempt):
            return attempt
    if isinstance(value, dict):
        if schema.get("type") == "array":
            return [_coerced(value[key], schema["items"], definitions) for key in sorted(value, key=int)]
        properties = schema.get("properties", {})
        return {
            key: _coerced(part, properties[key], definitions) if key in properties else part
            for key, part in value.items()
        }
    if schema.get("type") == "integer" and re.fullmatch(r"-?\d+", value):
        return int(value)
    if schema.get("type") == "boolean" and value in {"true", "false"}:
        return value == "true"
    return value


def _resolved(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    return schema


def _shape_error(problem: ValidationError) -> ShapeError:
    path = [str(part) for part in problem.absolute_path]
    if problem.validator == "additionalProperties":
        path.append(min(set(problem.instance) - set(problem.schema["properties"])))
        message, code = "Received unknown parameter", "parameter_unknown"
    elif problem.validator == "required":
        path.append(next(name for name in problem.validator_value if name not in problem.instance))
        message, code = "Missing required param", "parameter_missing"
    else:
        message, code = "Invalid value", "parameter_invalid"
    parameter = path[0] + "".join(f"[{part}]" for part in path[1:])
    return ShapeError(parameter, f"{message}: {parameter}.", code)
