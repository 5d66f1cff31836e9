"""Data against the grammar: pydantic finds what is wrong, this says it in our words and at its place."""

from collections.abc import Mapping
from typing import Any, TypeVar, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from engine.lang.diagnostics import Diagnostic, did_you_mean, one_of
from engine.lang.form import File, Strict, said
from engine.lang.located import Document, Route

M = TypeVar("M", bound=File)

_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}


def validate(model: type[M], document: Document) -> tuple[M | None, list[Diagnostic], set[int]]:
    """The content, what is wrong with it, and which items of `rules` had to be left out because of that.

    Where only some rules or some optional fields are wrong, the rest is returned, so that it can be checked as well.
    """
    try:
        return model.model_validate(document.data), [], set()
    except ValidationError as error:
        details = error.errors(include_url=False)
    findings = [_finding(model, document, each) for each in details]
    rest, left_out = _without(document.data, [each["loc"] for each in details])
    try:
        return model.model_validate(rest), findings, left_out
    except ValidationError:
        return None, findings, left_out


def _without(data: Any, routes: list[Route]) -> tuple[Any, set[int]]:
    if not isinstance(data, Mapping):
        return data, set()
    rules = {route[1] for route in routes if route[0] == "rules" and len(route) > 1} if all(routes) else set()
    left_out = {index for index in rules if isinstance(index, int)}
    wrong = {route[0] for route in routes if route and route[0] != "rules"}
    rest = {key: value for key, value in data.items() if key not in wrong} | {"version": 1}
    if left_out:
        rest["rules"] = [rule for index, rule in enumerate(data["rules"]) if index not in left_out]
    return rest, left_out


def _finding(model: type[Strict], document: Document, error: ErrorDetails) -> Diagnostic:
    route: Route = error["loc"]
    kind, context = error["type"], error.get("ctx", {})
    if kind == "missing":
        return _missing(model, document, route)
    if kind == "extra_forbidden":
        return _unknown(model, document, route)
    if kind == "located":
        return _located(document, route, context)
    code, message, help = _described(kind, error, context)
    if route == ("version",):
        code, help = "bad-version", "write version: 1"
    return document.report(document.place(route), code, f"{_named(route)}{message}", help)


def _named(route: Route) -> str:
    names = [step for step in route if isinstance(step, str)]
    return f"'{names[-1]}' " if names else "the file "


def _missing(model: type[Strict], document: Document, route: Route) -> Diagnostic:
    owner, name = _owner(model, route[:-1]), str(route[-1])
    place = document.place(route[:-1])
    if name == "version":
        return document.report(place, "missing-version", "the file does not say its version", "begin with version: 1")
    label = owner.label if owner else "this"
    return document.report(place, "missing-field", f"{label} needs '{name}'", _description(owner, name))


def _description(owner: type[Strict] | None, name: str) -> str:
    for key, field in owner.model_fields.items() if owner else ():
        if name == (field.alias or key):
            return field.description or ""
    return ""


def _unknown(model: type[Strict], document: Document, route: Route) -> Diagnostic:
    owner, name = _owner(model, route[:-1]), str(route[-1])
    place = document.place(route, key=True)
    if owner is None:
        return document.report(place, "unknown-field", f"'{name}' is not a field here")
    fields = [field.alias or key for key, field in owner.model_fields.items()]
    if owner.unknown == "unknown-kind":
        fields.remove("where")
        return document.report(place, owner.unknown, f"'{name}' is not a trigger kind", one_of("kinds", name, fields))
    message = f"'{name}' is not a field of {owner.label}"
    return document.report(place, owner.unknown, message, one_of("fields", name, fields))


def _located(document: Document, route: Route, context: Mapping[str, Any]) -> Diagnostic:
    message = str(context["message"])
    if message.startswith("must "):
        message = f"{_named(route)}{message}"
    key = (context["key"],) if context["key"] else ()
    place = document.place(route + key, key=bool(key))
    return document.report(place, context["code"], message, context["help"])


def _described(kind: str, error: ErrorDetails, context: Mapping[str, Any]) -> tuple[str, str, str]:
    value = error["input"]
    if kind in _EXPECTED:
        return "wrong-type", f"must be {_EXPECTED[kind]}, not {said(value)}", ""
    if kind in ("literal_error", "enum"):
        options = [option.strip(" '") for option in str(context["expected"]).replace(" or ", ", ").split(",")]
        return (
            "bad-value",
            f"must be {context['expected'].replace(chr(39), '')}, not {said(value)}",
            (did_you_mean(value, options) if isinstance(value, str) else ""),
        )
    if kind in ("too_short", "string_too_short"):
        return "bad-value", "must not be empty", ""
    return "bad-value", _plain(error["msg"]), ""


def _plain(message: str) -> str:
    return message.replace("Input should", "must").removeprefix("Value error, ")


def _owner(model: type[Strict], route: Route) -> type[Strict] | None:
    """The model of the mapping at `route`, None where the grammar has none there."""
    kind: Any = model
    for step in route:
        kind = _inner(kind, step)
    return _model_in(kind)


def _inner(kind: Any, step: str | int) -> Any:
    model = _model_in(kind) if get_origin(kind) not in (dict, list) else None
    if model is None:
        return get_args(kind)[-1] if get_args(kind) else None
    return next((f.annotation for key, f in model.model_fields.items() if step == (f.alias or key)), None)


def _model_in(kind: Any) -> type[Strict] | None:
    if isinstance(kind, type) and issubclass(kind, Strict):
        return kind
    if get_origin(kind) in (dict, list):
        return None
    return next((found for arg in get_args(kind) if (found := _model_in(arg))), None)
