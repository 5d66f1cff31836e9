"""Validates a file's data by the grammar: pydantic finds the problems, this module words and locates them."""

import re
from collections.abc import Mapping, Set
from types import UnionType
from typing import Annotated, Any, ForwardRef, TypeVar, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from engine.core.expr.grouped import ungrouped
from engine.lang.diagnostics import Diagnostic, closest, did_you_mean, one_of
from engine.lang.form import Strict, said
from engine.lang.located import Document, Route
from engine.lang.triggers import BESIDE

M = TypeVar("M", bound=Strict)

_GROUP = 3
"""Digits after a comma that separates thousands."""
_NUMBER = re.compile(r"\d+(\.\d+)?")
_TYPES = {
    **dict.fromkeys(("text", "str", "varchar"), "string"),
    **dict.fromkeys(("float", "decimal", "double", "money"), "number"),
    **dict.fromkeys(("datetime", "timestamp"), "time"),
    **dict.fromkeys(("list", "array", "object", "map", "json"), "any"),
}
"""Types of properties by what they are called elsewhere."""
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
    """The content, its problems, and which items of `rules` were left out because of them; other sections have some
    left out too.

    Where only some rules or some optional fields are wrong, the rest is returned, so that it can be checked as well.
    """
    try:
        return model.model_validate(document.data), [], set()
    except ValidationError as error:
        details = error.errors(include_url=False)
    misspelt = {_meant(model, each["loc"]) for each in details if each["type"] == "extra_forbidden"}
    findings = [
        _finding(model, document, each) for each in details if each["type"] != "missing" or each["loc"] not in misspelt
    ]
    findings += _lacking(model, document, {each["loc"][:end] for each in details for end in range(len(each["loc"]))})
    rest, left_out = _without(document.data, [each["loc"] for each in details])
    try:
        return model.model_validate(rest), findings, left_out
    except ValidationError:
        return None, findings, left_out


_OF_STEPS = ("wait", "then", "else", "stop")
_STEP = "it is a step: steps: [{ send: … }, { wait: … }, { send: … }]"
_LISTS = ("rules", "segments", "points")
"""Sections of which single items are left out when they are wrong."""


def _without(data: Any, routes: list[Route]) -> tuple[Any, set[int]]:
    if not isinstance(data, Mapping):
        return data, set()
    left_out: dict[str, set[int]] = {name: set() for name in _LISTS}
    wrong = set()
    for section, *steps in (route for route in routes if route):
        if section in left_out and steps and isinstance(steps[0], int) and all(routes):
            left_out[str(section)].add(steps[0])
        elif section != "rules":
            wrong.add(section)
    rest = {key: value for key, value in data.items() if key not in wrong} | {"version": 1}
    for name, indices in left_out.items():
        if indices and name in rest:
            rest[name] = [item for index, item in enumerate(data[name]) if index not in indices]
    return rest, left_out["rules"]


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
    help = _cut(document, route) or _instead(model, route, kind, error["input"]) or help
    if route == ("version",):
        code, help = "bad-version", "write version: 1"
    return document.report(document.place(route), code, f"{_named(route)} {message}", help)


def _instead(model: type[Strict], route: Route, kind: str, written: Any) -> str:
    """The help where a value of a wrong type stands in a certain field."""
    if kind == "model_type":
        return _as_mapping(_model_in(_at(model, route)), written)
    if kind == "dict_type":
        return _description(model, route)
    if kind == "string_type" and route[-1:] == ("event",) and isinstance(written, list):
        return _one_event(route)
    if kind == "float_type" and route[-1:] == ("below",):
        return "write a number between 0 and 1, such as 0.5"
    return ""


def _as_mapping(owner: type[Strict] | None, written: Any) -> str:
    fields, help = _fields(owner), _fields_help(owner, "")
    word = written if isinstance(written, str) and written.isidentifier() else ""
    if owner is not None and owner.unknown == "unknown-kind":
        return f"write it as in {{ event: {word if word and word not in fields else 'purchase'} }}; {help}"
    return f"write {{ event: {word} }}; {help}" if word and "event" in fields else help


def _lacking(model: type[Strict], document: Document, routes: Set[Route]) -> list[Diagnostic]:
    """What mappings lack that have wrong fields: pydantic asks only those whose fields are all right."""
    found = []
    for route in routes:
        owner, written = _model_in(_at(model, route)), _written(document.data, route)
        if owner is None or not isinstance(written, Mapping):
            continue
        fields = _fields(owner)
        given = {key if key in fields else closest(key, fields) or key for key in map(str, written)}
        if lacking := owner.lacks(given):
            found.append(document.report(document.place(route), "missing-field", *lacking))
    return found


def _written(data: Any, route: Route) -> Any:
    """What the file has at `route`; None where a shorthand has less than the grammar."""
    for step in route:
        try:
            data = data[step]
        except (LookupError, TypeError):
            return None
    return data


def _meant(model: type[Strict], route: Route) -> Route:
    """The route of the field that the unknown one at `route` probably misspells."""
    return (*route[:-1], closest(str(route[-1]), _fields(_model_in(_at(model, route[:-1])))))


def _named(route: Route) -> str:
    names = [step for step in route if isinstance(step, str)]
    if not names:
        return "the file"
    return f"each of '{names[-1]}'" if isinstance(route[-1], int) else f"'{names[-1]}'"


def _missing(model: type[Strict], document: Document, route: Route) -> Diagnostic:
    owner, name = _model_in(_at(model, route[:-1])), str(route[-1])
    place = document.place(route[:-1])
    if name == "version":
        return document.report(place, "missing-version", "the file does not say its version", "begin with version: 1")
    fields = _fields(owner)
    label = owner.label if owner else "this"
    return document.report(place, "missing-field", f"{label} needs '{name}'", fields[name].description or "")


def _unknown(model: type[Strict], document: Document, route: Route) -> Diagnostic:
    owner, name = _model_in(_at(model, route[:-1])), str(route[-1])
    code, message = "unknown-field", f"'{name}' is not a field of {owner.label}" if owner else name
    help, kind = _evident(owner, document, route), ""
    if owner and owner.unknown == "unknown-kind":
        code, message = owner.unknown, f"'{name}' is not a trigger kind"
        kind = "" if help else _kind_of(owner, _written(document.data, route[:-1]))
    if kind:
        code, message = "unknown-field", f"'{name}' does not stand beside `{kind}`"
    help = help or _displaced(model, document, route) or _beside_help(kind, name) or _fields_help(owner, name)
    return document.report(document.place(route, key=True), code, message, help)


def _evident(owner: type[Strict] | None, document: Document, route: Route) -> str:
    """The help where it is plain from the field itself what was meant; else empty."""
    name = str(route[-1])
    if route == ("tests",):
        return "a file of rule tests is called <name>.test.yaml"
    if owner and name in owner.elsewhere:
        return owner.elsewhere[name]
    return _slip(name, _written(document.data, route)) or _cut(document, route)


def _beside_help(kind: str, name: str) -> str:
    """The help where a field stands beside this kind, which has no such field beside it; empty without a kind."""
    beside = [field for field, its in BESIDE.items() if its == kind]
    return kind and (one_of("beside it", name, beside) or f"put it into {kind}, if it belongs there")


def _kind_of(when: type[Strict] | None, written: Any) -> str:
    """The kind that `when` has, beside what it does not know; empty where there is none."""
    given = written if isinstance(written, Mapping) else {}
    return next((field for field in _fields(when) if field in given and field not in BESIDE), "")


def _slip(name: str, value: Any) -> str:
    """The help where a slip has made a field: a decimal comma, or a colon without a space behind it."""
    if value is not None:
        return ""
    if name.isdecimal():
        return _behind_comma(name)
    word, colon, rest = name.partition(":")
    return f"put a space after the colon: {word}: {rest}" if colon and word and rest else ""


def _displaced(model: type[Strict], document: Document, route: Route) -> str:
    """The help where a field stands too far out, beside its owner that is empty, or too far in, within a neighbour."""
    owner, name = route[:-1], str(route[-1])
    beside = _written(document.data, owner)
    for key, value in beside.items() if isinstance(beside, Mapping) else ():
        if value is None and name in _fields(_model_in(_at(model, (*owner, key)))):
            return f"indent it further than '{key}', to which it belongs"
    around, within = _model_in(_at(model, owner[:-1])) if owner else None, str(owner[-1]) if owner else ""
    if around is not None and name in _fields(around):
        return f"it belongs beside '{within}', not into it"
    return _STEP if around is None and "steps" in _fields(_model_in(_at(model, owner))) and name in _OF_STEPS else ""


def _cut(document: Document, route: Route) -> str:
    """The help where a comma has made a field of the rest of a text or a list, as in `{ why: Hello, Ada }`."""
    if not route or not document.node(route[:-1]).flow or document.node(route).data is not None:
        return ""
    end = document.place(route, key=True).end
    if document.text[end:].lstrip()[:1] not in (",", "}"):
        return ""
    return "within { } a comma ends the value: put a text with a comma into quotes, and a list into [ ]"


def _fields_help(owner: type[Strict] | None, name: str) -> str:
    fields = [each for each in _fields(owner) if owner and each not in owner.former]
    if owner and owner.unknown == "unknown-kind":
        return one_of("kinds", name, [each for each in fields if each not in BESIDE])
    return one_of("fields", name, fields)


def _located(document: Document, route: Route, context: Mapping[str, Any]) -> Diagnostic:
    on_key = route[-1:] == ("[key]",)
    if context["key"]:
        route, on_key = (*route, context["key"]), True
    elif on_key:
        route = route[:-1]
    message = str(context["message"])
    if message.startswith("must "):
        message = f"{_named(route)} {message}"
    help = (on_key and _cut(document, route)) or context["help"]
    if on_key and route[:-1] == ("events",) and context["code"] == "bad-name":
        name = re.sub(r"\W+", "_", str(route[-1])).strip("_").lower()
        help = f'{help}; `types` of its source gives it a name of ours: {{ "{route[-1]}": {name} }}'
    return document.report(document.place(route, key=on_key), context["code"], message, help)


def _described(kind: str, error: ErrorDetails, context: Mapping[str, Any]) -> tuple[str, str, str]:
    value = error["input"]
    if kind in _EXPECTED:
        return "wrong-type", f"must be {_EXPECTED[kind]}, not {said(value)}", _type_help(kind, value)
    if kind in ("literal_error", "enum"):
        expected = context["expected"].replace("'", "")
        options = expected.replace(" or ", ", ").split(", ")
        meant = _TYPES.get(str(value), "")
        help = f"write {meant}" if meant in options else did_you_mean(str(value), options)
        return "bad-value", f"must be {expected}, not {said(value)}", help
    if kind in ("too_short", "string_too_short"):
        return "bad-value", "must not be empty", ""
    message = error["msg"].replace("Input should be", "must be").replace("greater than or equal to", "at least")
    return "bad-value", message, ""


def _description(model: type[Strict], route: Route) -> str:
    """What the field at `route` is for."""
    field = _fields(_model_in(_at(model, route[:-1]))).get(str(route[-1]))
    return (field.description if field else None) or ""


def _one_event(route: Route) -> str:
    """The help where a list stands for the one event of a fact or a trigger."""
    if "exit" in route:
        return "write a list of facts: [{ event: … }, { event: … }]"
    if "steps" in route:
        return "name one; or wait for a segment into which any of them brings the customer"
    return "make one rule of each" if "when" in route else "name one"


def _type_help(kind: str, value: Any) -> str:
    if kind == "list_type":
        return "write the items in [ ], or each on a line of its own that begins with '- '"
    if kind not in ("int_type", "float_type") or not isinstance(value, str):
        return ""
    if re.fullmatch("0\\d+", value):
        return _behind_comma(value)
    number = ungrouped(value) or value.rstrip(" %").replace(",", ".")
    return f"write {number}" if _NUMBER.fullmatch(number) else ""


def _behind_comma(digits: str) -> str:
    """The help for digits that a comma has cut off from their number."""
    thousands = "thousands are written without a comma, such as 1000"
    written = thousands if len(digits) == _GROUP else "a number is written with a point, such as 19.99"
    return f"{written}; within [ ] and {{ }} a comma ends the value"


def _at(model: type[Strict], route: Route) -> Any:
    """The grammar at `route`: a model, a list or a mapping; None if the grammar ends before."""
    kind: Any = model
    for step in route:
        kind = _bare(kind)
        if isinstance(kind, type) and issubclass(kind, Strict):
            field = _fields(kind).get(str(step))
            if field and isinstance(field.annotation, ForwardRef):  # of a step to its branches
                kind.model_rebuild()
                field = _fields(kind)[str(step)]
            kind = field.annotation if field else None
        else:
            kind = get_args(kind)[-1] if get_args(kind) else None
    return _bare(kind)


def _bare(kind: Any) -> Any:
    """The type without its annotations and its `| None`."""
    while get_origin(kind) in (Annotated, Union, UnionType):
        kind = get_args(kind)[0]
    return kind


def _model_in(kind: Any) -> type[Strict] | None:
    return kind if isinstance(kind, type) and issubclass(kind, Strict) else None


def _fields(owner: type[Strict] | None) -> dict[str, FieldInfo]:
    """The fields by their YAML names."""
    return {field.alias or key: field for key, field in owner.model_fields.items()} if owner else {}
