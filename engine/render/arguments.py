"""Checks the constant arguments of a template's filters and tests: which ones always fail, or print what nobody means.

An argument that is computed from a customer's data is checked when the template renders.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from jinja2 import nodes
from jinja2.exceptions import FilterArgumentError

from engine.core.template_facts import TemplateProblem
from engine.render.filters import round_
from engine.render.local import PLURALS, checked_format, checked_zone, is_currency, with_digits
from engine.render.patterns import flaw_of
from engine.render.rendering import TemplateTrouble
from engine.render.sandbox import bounded_range

ODD: Final = "odd-argument"
"""The code of arguments that print something, but hardly what is meant. Their template stays usable."""
_WRONG: Final = "template-argument"
_NAMED: Final = {"map": 0, "select": 0, "reject": 0, "selectattr": 1, "rejectattr": 1}
"""Filters that apply another filter or a test to each element, and which argument is its name."""

Called = nodes.Filter | nodes.Test
Found = tuple[str, str, str] | None
"""Code, message and help."""


def applied(node: nodes.Filter) -> Called | None:
    """The filter or test that `map`, `select` and their like apply, as if it were written; None for others."""
    place = _NAMED.get(node.name, len(node.args))
    name = node.args[place] if place < len(node.args) else None
    if not (isinstance(name, nodes.Const) and isinstance(name.value, str)):
        return None
    kind = nodes.Filter if node.name == "map" else nodes.Test
    rest = node.args[place + 1 :]
    return kind(node.node, name.value, rest, node.kwargs, node.dyn_args, node.dyn_kwargs, lineno=node.lineno)


def check_arguments(node: Called, function: Callable[..., Any]) -> Iterator[TemplateProblem]:
    """What is wrong with the arguments of a filter or test, which `function` computes."""
    if node.dyn_args or node.dyn_kwargs:
        return
    function = inspect.unwrap(function)
    first = [None, node.node] if hasattr(function, "jinja_pass_arg") else [node.node]
    signature = inspect.signature(function)
    try:
        given = signature.bind(*first, *node.args, **{str(pair.key): pair.value for pair in node.kwargs}).arguments
    except TypeError as error:
        usage = _usage(node.name, [*signature.parameters.values()][len(first) :])
        yield TemplateProblem(_WRONG, f"'{node.name}' cannot be called so: {error}", node.lineno, usage, node.name)
        return
    if isinstance(node, nodes.Filter):
        for parameter, argument in given.items():
            for value in _written(argument):
                if found := _CHECKS.get((node.name, parameter), _fine)(node.name, value):
                    code, message, help = found
                    yield TemplateProblem(code, message, node.lineno, help, str(value))


def check_range(call: nodes.Call) -> Iterator[TemplateProblem]:
    """What is wrong with a call of `range` whose bounds are written out."""
    bounds = [value for argument in call.args for value in _written(argument)]
    if len(bounds) == len(call.args) and not (call.kwargs or call.dyn_args or call.dyn_kwargs):
        try:
            bounded_range(*bounds)
        except (TemplateTrouble, TypeError, ValueError) as error:
            yield TemplateProblem(_WRONG, f"this range cannot be made: {error}", call.lineno, "", "range")


def _usage(name: str, parameters: list[inspect.Parameter]) -> str:
    plain = (each.replace(annotation=inspect.Parameter.empty) for each in parameters)
    return f"write it as in {name}({', '.join(map(str, plain))})" if parameters else f"'{name}' takes no arguments"


def _written(argument: Any) -> Iterator[Any]:
    """The constants that an argument is, or falls back on by `default`."""
    if isinstance(argument, nodes.Const):
        yield argument.value
    elif isinstance(argument, nodes.Neg) and isinstance(argument.node, nodes.Const):
        yield -argument.node.value
    elif isinstance(argument, nodes.Filter) and argument.name in ("d", "default"):
        yield from _written(next(iter(argument.args), None))
    elif isinstance(argument, dict):
        yield from argument


def _fine(_: str, __: Any) -> Found:
    return None


def _currency(_: str, value: Any) -> Found:
    if is_currency(value):
        return None
    meant = str(value).upper()[:3]
    help = f"did you mean '{meant}'?" if is_currency(meant) else "currencies have codes of ISO 4217, such as EUR"
    return _WRONG, f"there is no currency {value!r}", help


def _digits(name: str, value: Any) -> Found:
    return _tried(name, with_digits, "0", value)


def _format(name: str, value: Any) -> Found:
    if found := _tried(name, checked_format, value):
        return found
    flaw = flaw_of(name, value)
    return flaw and (_WRONG if flaw.fails else ODD, f"the format '{value}': {flaw.message}", flaw.help)


def _zone(name: str, value: Any) -> Found:
    return None if value is None else _tried(name, checked_zone, value)


def _form(_: str, value: Any) -> Found:
    if value in PLURALS:
        return None
    return ODD, f"'{value}' is no form of a plural, and is never printed", f"forms: one, other, {', '.join(PLURALS)}"


def _precision(name: str, value: Any) -> Found:
    return _tried(name, round_, 1.5, value)


def _method(name: str, value: Any) -> Found:
    return _tried(name, round_, 1.5, 0, value)


def _tried(name: str, function: Callable[..., Any], *arguments: Any) -> Found:
    """Why what a render calls refuses the last of these arguments."""
    try:
        function(*arguments)
    except (TemplateTrouble, FilterArgumentError) as trouble:
        return _WRONG, f"'{name}' cannot take {arguments[-1]!r}", str(trouble)
    except TypeError:
        return _WRONG, f"'{name}' cannot take {arguments[-1]!r}", "write a whole number"
    return None


_CHECKS: Final[Mapping[tuple[str, str], Callable[[str, Any], Found]]] = {
    ("money", "currency"): _currency,
    ("number", "digits"): _digits,
    ("percent", "digits"): _digits,
    ("plural", "forms"): _form,
    ("date", "format"): _format,
    ("datetime", "format"): _format,
    ("time", "format"): _format,
    ("date", "zone"): _zone,
    ("datetime", "zone"): _zone,
    ("time", "zone"): _zone,
    ("round", "precision"): _precision,
    ("round", "method"): _method,
}
